"""`edgraph validate --fix`: makes the changes that are certain, and says which."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import click

from edgraph.cli.output import WrongCommand
from edgraph.text.diagnostics import Diagnostics, Fix
from edgraph.text.edits import apart, apply, replace_file
from edgraph.text.files import read_file
from edgraph.text.read import read
from edgraph.text.source import Source

Check = Callable[[Source], Diagnostics]
PASSES = 20  # one mistake may hide behind another


def mend(path: str, check: Check, preview: bool, aside: bool = False) -> None:
    """Mends one file, until nothing in it is certain any more. preview: shows the difference and writes nothing.
    aside: says on stderr what was changed, because stdout is for tools.

    Files that it includes are left alone: what would be changed in them is said. What cannot be read is left to
    whoever reports it. Raises WrongCommand where the file cannot be written.
    """
    source = read_file(Path(path), Diagnostics(), None)
    if source is None:
        return
    mended, done, elsewhere = _mended(source, check)
    for fix in elsewhere:
        click.echo(f"{fix.span.place()}: could {fix.title}; it is included: "
                   f"edgraph validate --fix {fix.span.source.name}", err=True)
    if preview:
        click.echo(difference(source.text, mended.text, path), nl=False)
        return
    if mended.text != source.text:
        try:
            replace_file(Path(path), mended.text)
        except OSError as error:
            raise WrongCommand(f"cannot write {path}: {error.strerror}") from None
    for fix in done:
        click.echo(f"{fix.span.place()}: {_past(fix.title)}", err=aside)


def _mended(source: Source, check: Check) -> tuple[Source, list[Fix], list[Fix]]:
    """The mended text, what was changed, and what could be changed in other files."""
    done: list[Fix] = []
    elsewhere: list[Fix] = []
    for _ in range(PASSES):
        certain = [fix for item in check(source) for fix in item.fixes if fix.certain]
        elsewhere = [fix for fix in certain if fix.span.source is not source and Path(fix.span.source.name).is_file()]
        changes = apart(fix for fix in certain if fix.span.source is source)
        if _spoils(source, changes):
            changes = [fix for fix in changes if not _spoils(source, [fix])]
        if not changes:
            break
        done += changes
        source = Source(source.name, apply(source, changes))
    return source, done, elsewhere


def _spoils(source: Source, changes: list[Fix]) -> bool:
    """Whether the text would be read worse than before: a key twice, say."""
    return _mistakes(Source(source.name, apply(source, changes))) > _mistakes(source)


def _mistakes(source: Source) -> int:
    found = Diagnostics()
    read(source, found)
    return len(found)


def _past(title: str) -> str:
    """`change 'a' to 'b'` as `changed 'a' to 'b'`."""
    verb, _, rest = title.partition(" ")
    return f"{verb}{'d' if verb.endswith('e') else 'ed'} {rest}"


def difference(before: str, after: str, path: str) -> str:
    """As a patch."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), path, path)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
