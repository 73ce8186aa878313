"""Neovim without a screen as the client, set up as docs/editors.md says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lsp_tools import ROOT, digits

pytestmark = pytest.mark.editor

# `vim.lsp.start` came with 0.8; where it is missing this stands for it.
START = """
if not vim.lsp.start then
  vim.lsp.start = function(config)
    local client = vim.lsp.start_client(config)
    vim.lsp.buf_attach_client(0, client)
  end
end
"""
TALK = """
local found = {}

vim.cmd("edit " .. os.getenv("EDGRAPH_FILE"))
vim.wait(60000, function() return #vim.diagnostic.get(0) > 0 end, 50)
for _, item in ipairs(vim.diagnostic.get(0)) do
  found.diagnostic = { line = item.lnum + 1, message = item.message, source = item.source }
end
local function at(text)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    local start = line:find(text, 1, true)
    if start then vim.api.nvim_win_set_cursor(0, { number, start - 1 }) return end
  end
end
local function ask(method, more)
  local params = vim.tbl_extend("force", vim.lsp.util.make_position_params(0, "utf-16"), more or {})
  for _, answer in pairs(vim.lsp.buf_request_sync(0, method, params, 60000) or {}) do return answer.result end
end
at("log_scalrs")
local range = vim.lsp.util.make_range_params(0, "utf-16")
range.range["end"].character = range.range.start.character + 5
range.context = { diagnostics = {} }
for _, answer in pairs(vim.lsp.buf_request_sync(0, "textDocument/codeAction", range, 60000)) do
  found.action = answer.result[1].title
  vim.lsp.util.apply_workspace_edit(answer.result[1].edit, "utf-16")
end
vim.wait(60000, function() return #vim.diagnostic.get(0) == 0 end, 50)
found.left = #vim.diagnostic.get(0)
at("report: {")
found.hover = ask("textDocument/hover").contents.value
at("record.since")
found.definition = ask("textDocument/definition")[1].range.start.line
vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", { newName = "best_yet" }), "utf-16")
found.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")
local out = assert(io.open(os.getenv("EDGRAPH_OUT"), "w"))
out:write(vim.fn.json_encode(found))
out:close()
vim.cmd("qall!")
"""


def test_neovim(tmp_path: Path) -> None:
    nvim = shutil.which("nvim")
    if nvim is None:
        pytest.skip("there is no nvim; Debian's package is neovim")
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "bin").mkdir()
    file, out, script = tmp_path / "pipelines" / "digits.yaml", tmp_path / "out.json", tmp_path / "init.lua"
    file.write_text(digits("op: log_scalars, inputs: [loss", "op: log_scalrs, inputs: [loss"), encoding="utf-8")
    command = tmp_path / "bin" / "edgraph"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edgraph "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    documented = re.search(r"```lua\n(.*?)```", (ROOT / "docs" / "editors.md").read_text(encoding="utf-8"), re.DOTALL)
    assert documented is not None
    script.write_text(START + documented[1] + TALK, encoding="utf-8")
    environment = {**os.environ, "EDGRAPH_FILE": str(file), "EDGRAPH_OUT": str(out), "HOME": str(tmp_path),
                   "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
                   "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([nvim, "--headless", "-u", "NONE", "-S", str(script)], env=environment, cwd=tmp_path,
                          capture_output=True, text=True, timeout=300, check=False)
    assert out.exists(), done.stdout + done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert "there is no op 'log_scalrs'" in found["diagnostic"]["message"]
    assert found["action"] == "change 'log_scalrs' to 'log_scalars'"
    assert found["left"] == 0
    assert "It fires on steps 1, 50, 100, …: 10 times in this run." in found["hover"]
    assert file.read_text(encoding="utf-8").splitlines()[found["definition"]].startswith("  record:")
    assert "when: best_yet.since >= 5" in found["text"] and "  best_yet: {op: improved" in found["text"]
