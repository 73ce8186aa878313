# Everything runs in .venv, which each target sets up when it is missing or out of date.
# `make demo` and `make test` need nothing but Python 3.11 or newer and make.

# The first of these that is 3.11 or newer; `make PYTHON=/path/to/python3.12 test` takes another one.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
YAMLLS_VERSION := 1.25.0
# Programs that use two cores for two test processes are no faster with four threads.
TEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2

.PHONY: help demo test test-slow test-editor bench check schema docs vscode clean

help:
	@echo 'make demo         train pipelines/digits.yaml to the end; says where the run folder is'
	@echo 'make test         the tests (fast tier)'
	@echo 'make test-slow    long random and crash tests'
	@echo 'make test-editor  pipelines in the real yaml-language-server (needs npm), and Neovim'
	@echo 'make bench        the benchmarks'
	@echo 'make check        lint, types and tests'
	@echo 'make schema docs  write schemas/ and the generated pages of docs/ again'
	@echo 'make vscode       package the extension for VS Code: editors/vscode/edgraph.vsix (needs npm)'
	@echo 'make clean        remove .venv and caches; runs/ stays'

demo: .venv/.ready-demo
	$(BIN)/edgraph run pipelines/digits.yaml

test: .venv/.ready-dev
	$(TEST)

test-slow: .venv/.ready-dev
	$(TEST) -m slow

test-editor: .venv/.ready-dev .cache/yamlls-$(YAMLLS_VERSION)
	YAMLLS='$(CURDIR)/.cache/node_modules/.bin/yaml-language-server --stdio' \
		$(BIN)/python -m pytest -m editor

bench: .venv/.ready-dev
	$(BIN)/python -m benchmarks

check: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(TEST)

schema: .venv/.ready-dev
	$(BIN)/edgraph schema -o schemas/pipeline.schema.json

docs: .venv/.ready-dev
	$(BIN)/python -m edgraph.ops.document
	$(BIN)/python tests/docs_tools.py
	$(BIN)/python tests/codes_tools.py

vscode:
	cd editors/vscode && npm ci --silent --no-fund --no-audit && npm run --silent package

clean:
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build edgraph.egg-info

# Set-up. The stamps make it run once, and again when the requirements or the exact versions change.
.venv/bin/python:
	@test -n '$(PYTHON)' || { echo 'edgraph needs Python 3.11 or newer; name it with make PYTHON=...' >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.ready-demo: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e '.[torch,datasets,images]'
	@touch $@

.venv/.ready-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e '.[torch,tensorflow,datasets,images,tensorboard,dev]'
	@touch $@ .venv/.ready-demo

.cache/yamlls-$(YAMLLS_VERSION):
	npm install --silent --no-fund --no-audit --prefix .cache yaml-language-server@$(YAMLLS_VERSION)
	@touch $@
