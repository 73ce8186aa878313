"""The examples of README.md and docs/: found, checked, and written again by `make docs`.

A comment on the line before a fenced block says what the block is:

    <!-- base: digits -->      a part of a pipeline, laid over docs/bases/digits.yaml (`, imports` and `, data` as the
                               options of `edgraph validate`; without a comment a block is a whole pipeline)
    <!-- file: PATH -->        that file
    <!-- part of: PATH -->     lines of that file
    <!-- generated -->         a session: what each line that begins with `$ ` prints. A line `^C` in it is Ctrl-C
    <!-- generated: COMMAND -->  before a picture: the command that draws it
    <!-- run -->               Python that a test runs

A `text` block after a `yaml` one, with the code of a diagnostic in it, is what `edgraph validate` says of it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in (
    "language", "tutorial", "architecture", "coming-from-edflow", "coming-from-lightning", "coming-from-ignite")))
DIAGNOSTIC = re.compile(r"^(\S.*)?(error|warning)\[[a-z-]+\]:", re.MULTILINE)
BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"^<!-- generated: edgraph (?P<command>[^\n]*) -->\n!\[[^\]]*\]\((?P<path>[^)]*)\)", re.MULTILINE)
# What differs from one run to the next, and from one machine to the next.
VARIES = (
    (re.compile(r"^step \d+/.*\n", re.MULTILINE), ""),  # progress
    (re.compile(r"after \d+ steps"), "after some steps"),  # where it was stopped, by hand or by its score
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d"), "TIME"),
    (re.compile(r"\d+\.\d+(e-?\d+)?"), "NUMBER"),
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    mark: str
    start: int  # of the text, in the page
    stop: int
    says: Block | None = None  # the diagnostics that the page gives for it

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    def marked(self, word: str) -> str | None:
        """What a mark says after its word: `digits` of `base: digits`."""
        head, _, rest = self.mark.partition(":")
        return rest.strip() if head == word else None


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for match in BLOCK.finditer(text):
        block = Block(page, text.count("\n", 0, match.start("text")) + 1, match["language"], match["text"],
                      match["mark"] or "", match.start("text"), match.end("text"))
        before = found[-1] if found else None
        if block.language == "text" and before and before.language == "yaml" and DIAGNOSTIC.search(block.text):
            found[-1] = Block(**{**vars(before), "says": block})
        found.append(block)
    return found


def all_blocks() -> Iterator[Block]:
    for page in PAGES:
        if page.exists():
            yield from blocks(page)


# -- pipelines -----------------------------------------------------------------------------------------

def diagnose(block: Block, folder: Path) -> str:
    """What `edgraph validate` says of a block, as the file `pipeline.yaml` in a folder of its own."""
    from edgraph.compile import check
    from edgraph.text.render import render_text

    base, *options = [part.strip() for part in (block.marked("base") or "").split(",")]
    text = block.text
    shutil.copytree(ROOT / "docs" / "bases", folder / "bases")
    if base:
        text += f"include: [bases/{base}.yaml]\n"  # at the end, so that the lines of the block stay where they are
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        found = check("pipeline.yaml", imports="imports" in options, data="data" in options)
    finally:
        os.chdir(before)
    return render_text(found.diagnostics)


# -- sessions ------------------------------------------------------------------------------------------

def workplace(folder: Path) -> Path:
    """A copy of what the commands of the pages name."""
    for part in ("pipelines", "docs/tutorial"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    return folder


def session(text: str, folder: Path) -> str:
    """The commands of a session with what they print now."""
    parts = re.split(r"^(?=\$ )", text, flags=re.MULTILINE)
    printed = [part for part in parts if not part.startswith("$ ")]
    for part in parts:
        if part.startswith("$ "):
            shown = _newest(part.splitlines()[0], folder)
            printed.append(f"{shown}\n{_output(_command(shown[2:]), folder, '^C' in part.splitlines())}")
    return "".join(printed)


def _newest(shown: str, folder: Path) -> str:
    """A run that a command names is the newest one, whatever it was called when the page was written."""
    runs = sorted((folder / "runs").iterdir()) if (folder / "runs").is_dir() else []
    return re.sub(r"runs/\d{4}-[\w-]+", f"runs/{runs[-1].name}", shown) if runs else shown


def _command(shown: str) -> list[str]:
    words = shlex.split(re.sub(r"\s{2,}# .*", "", shown))
    assert words[0] == "edgraph", words
    return [sys.executable, "-m", *words]


def _output(command: list[str], folder: Path, interrupt: bool) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1",
                   "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if interrupt and line.startswith("run folder: "):
            _wait_for_metrics(folder / line.split()[-1] / "metrics.jsonl", process)
            lines.append("^C\n")
            process.send_signal(signal.SIGINT)
    process.wait()
    assert not any(line.startswith("Traceback") for line in lines), "".join(lines)
    return "".join(lines).replace(str(folder), "…")


def _wait_for_metrics(path: Path, process: subprocess.Popen[str]) -> None:
    """Until a run is in its second epoch."""
    while process.poll() is None and (not path.exists() or len(path.read_text().splitlines()) < 3):
        time.sleep(0.01)


def same(one: str, two: str) -> bool:
    """Whether two sessions differ only in times and figures."""
    return masked(one) == masked(two)


def masked(text: str) -> str:
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text


def tidy(text: str) -> str:
    """A session as a page shows it: of the lines of progress the last."""
    return re.sub(r"^step \d+/.*\n(?=step \d+/)", "", text, flags=re.MULTILINE)


# -- writing the pages again -----------------------------------------------------------------------------

def updated(page: Path, folder: Path, *, sessions: bool = True) -> str:
    """The page with everything in it that is generated made anew. Sessions that differ only in times stay."""
    text = page.read_text(encoding="utf-8")
    changes: list[tuple[int, int, str]] = []
    for number, block in enumerate(blocks(page)):
        if block.says is not None:
            inside = folder / f"{page.stem}-{number}"
            inside.mkdir()
            changes.append((block.says.start, block.says.stop, diagnose(block, inside) or "error[none]: \n"))
        elif (path := block.marked("file")) is not None:
            changes.append((block.start, block.stop, (ROOT / path).read_text(encoding="utf-8")))
        elif block.mark == "generated" and sessions:
            now = session(block.text, folder)
            if not same(now, block.text):
                changes.append((block.start, block.stop, tidy(now)))
    for start, stop, new in reversed(changes):
        text = text[:start] + new + text[stop:]
    return text


def pictures() -> Iterator[tuple[Path, list[str]]]:
    """The pictures of the pages, and the arguments of `edgraph` that draw them."""
    for page in PAGES:
        if page.exists():
            for match in PICTURE.finditer(page.read_text(encoding="utf-8")):
                yield page.parent / match["path"], shlex.split(match["command"])


def draw(arguments: list[str], folder: Path) -> str:
    return _output([sys.executable, "-m", "edgraph", *arguments], folder, False)


def main() -> None:
    """Write all pages again: `python tests/docs_tools.py`, or some of them by name."""
    import tempfile

    names = sys.argv[1:]
    for page in PAGES:
        if page.exists() and (not names or page.stem in names):
            with tempfile.TemporaryDirectory() as folder:
                page.write_text(updated(page, workplace(Path(folder))), encoding="utf-8")
    for path, arguments in pictures():
        with tempfile.TemporaryDirectory() as folder:
            path.parent.mkdir(exist_ok=True)
            path.write_text(draw(arguments, workplace(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main()
