"""The house: what a fresh clone needs to set itself up, and what must not creep in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from edgraph.cli.main import main

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIPELINES = sorted((ROOT / "pipelines").glob("*.yaml"))
LONGEST = 450  # lines of a module
# Not pinned: it has no wheel for every Python and platform that the rest runs on.
UNPINNED = {"tensorflow-cpu", "tensorflow"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def plain(name: str) -> str:
    """Names of packages, as indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def tracked() -> list[Path]:
    """The files of the repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("no git repository here")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_exact_versions_without_addresses() -> None:
    for name, version in pins().items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name
        assert re.fullmatch(r"[0-9][0-9A-Za-z.]*", version), f"{name}=={version}: neither local versions nor URLs"


def test_every_requirement_is_pinned() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *(line for lines in extras.values() for line in lines)]
    names = {plain(re.split(r"[<>=!\[; ]", line)[0]) for line in wanted} - {"edgraph"} - UNPINNED
    assert names <= {plain(name) for name in pins()}


def test_extras() -> None:
    assert set(PROJECT["project"]["optional-dependencies"]) >= {
        "torch", "tensorflow", "tensorboard", "datasets", "images", "dev", "all"}
    assert PROJECT["project"]["requires-python"] == ">=3.11"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("target", ["demo", "test", "test-slow", "test-editor", "bench", "check", "schema", "docs"])
def test_make_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ".venv/bin/" in done.stdout


def test_ci_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: path.name)
def test_pipelines(pipeline: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = pipeline.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schemas/pipeline.schema.json"
    assert main(["validate", str(pipeline)]) == 0
    assert capsys.readouterr().out == f"{pipeline}: fine\n"


def test_modules_are_short_and_say_what_they_are() -> None:
    for path in ROOT.joinpath("edgraph").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= LONGEST, f"{path} is long: split it"
        assert not text.strip() or text.startswith(('"""', "#")), f"{path} does not say what it is"


def test_no_traces_of_a_machine() -> None:
    """Paths of one person's machine and addresses of registries have no place in the repository."""
    traces = re.compile(r"/home/\w|/root/|/opt/(?:pypi|wheels)|--(?:extra-)?index-url")
    for path in tracked():
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".txt", ".json", ""} and path != Path(__file__):
            found = traces.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{path}: {found[0] if found else ''}"


def test_the_changelog_knows_the_version() -> None:
    version = PROJECT["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    import edgraph
    assert edgraph.__version__ == version
