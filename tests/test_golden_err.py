"""Every mistake in tests/golden/err has its exact output beside it. UPDATE_GOLDEN=1 writes the outputs anew."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from edgraph.text.diagnostics import Diagnostics
from edgraph.text.render import render_text

FOLDER = Path(__file__).parent / "golden" / "err"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml") if not path.stem.startswith("_"))


def check(path: str, overrides: list[str]) -> Diagnostics:
    """All that `edgraph validate` finds."""
    from edgraph import compile

    return compile.check(path, overrides).diagnostics


def overrides_of(path: Path) -> list[str]:
    """`# overrides: lr=x run.bogus=1` in the first line."""
    first = path.read_bytes().split(b"\n", 1)[0].decode(errors="replace")
    head, sign, rest = first.partition("# overrides:")
    return rest.split() if sign and not head else []


@pytest.mark.parametrize("case", CASES)
def test_mistake_has_its_output(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    diagnostics: Diagnostics = check(f"{case}.yaml", overrides_of(FOLDER / f"{case}.yaml"))
    output = render_text(diagnostics)
    expected = FOLDER / f"{case}.out"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(output, encoding="utf-8")
    assert diagnostics.failed or any(item.severity == "warning" for item in diagnostics), "no mistake was found"
    assert output == expected.read_text(encoding="utf-8")


# These say it in the message itself.
TELLS = re.compile(r"expected |is missing|it needs|another name|needs a name|say with respect|but there are|none of the "
                   r"values|names the loss '\w+' twice")


@pytest.mark.parametrize("case", CASES)
def test_each_message_says_what_to_do(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    silent = [item.message for item in check(f"{case}.yaml", overrides_of(FOLDER / f"{case}.yaml"))
              if not item.help and not TELLS.search(item.message)]
    assert not silent
