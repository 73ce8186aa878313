"""What commands write, and where: diagnostics, results and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import click

from edgraph.text.diagnostics import Diagnostic


class WrongCommand(click.ClickException):
    """Something named on the command line cannot be used. Exit code 2."""

    exit_code = 2


class RunFailed(click.ClickException):
    """A run that ended for a reason outside its ops. Exit code 1."""

    exit_code = 1


def configure_streams() -> None:
    """Names in a pipeline may have characters that a terminal's encoding lacks: they are escaped there. Streams that
    whoever started the program has closed lead nowhere: else the next file that is opened would take their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def colours(stream: TextIO) -> bool:
    """Whether to use colours: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def report(message: str) -> None:
    """An error that has no place in a file, on stderr."""
    head = click.style("error", fg="red", bold=True) if colours(sys.stderr) else "error"
    click.echo(f"{head}: {message}", err=True, color=True)


def show(found: Iterable[Diagnostic], stream: TextIO | None = None) -> None:
    """Diagnostics as text, on stderr unless another stream is given."""
    from edgraph.text.render import render_text
    stream = sys.stderr if stream is None else stream
    text = render_text(found, color=colours(stream))
    stream.write(text)


def write(text: str, path: Path | None) -> None:
    """To a file, or to stdout where there is none. Raises WrongCommand where the file cannot be written."""
    if path is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise WrongCommand(f"cannot write {path}: {error.strerror}") from None
