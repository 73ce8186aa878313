"""The arguments that several commands take: pipelines, overrides, steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

OVERRIDE = re.compile(r"[^=/\\]+=")
STEPS = re.compile(r"\s*(\d{1,15})\s*(?:\.\.\s*(\d{1,15})\s*)?", re.ASCII)
MOST_STEPS = 1_000_000


def is_override(argument: str) -> bool:
    """`lr=3e-4` is an override, `runs/lr=3e-4.yaml` a file: no slash stands before the `=` of an override."""
    return OVERRIDE.match(argument) is not None


def split(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files and overrides, in whatever order they were given."""
    files: list[str] = []
    overrides: list[str] = []
    for argument in arguments:
        (overrides if is_override(argument) else files).append(argument)
    return files, overrides


def check_overrides(context: click.Context, parameter: click.Parameter,
                    given: Sequence[str]) -> tuple[str, ...]:
    """Raises UsageError for what is no KEY.PATH=VALUE."""
    for argument in given:
        if not is_override(argument):
            raise click.UsageError(f"{argument!r} is no override; expected KEY.PATH=VALUE, such as lr=3e-4",
                                   context)
    return tuple(given)


def parse_steps(text: str, context: click.Context) -> tuple[int, int]:
    """`A..B`, or a single step, as its first and last step. Raises UsageError."""
    found = STEPS.fullmatch(text)
    if found is None:
        raise click.UsageError(f"{text!r} is no range of steps; expected A..B, such as 1..12", context)
    first, last = int(found[1]), int(found[2] or found[1])
    if first < 1:
        raise click.UsageError(f"steps {text}: steps count from 1", context)
    if last < first:
        raise click.UsageError(f"steps {text} end before they begin; did you mean {last}..{first}?", context)
    if last - first >= MOST_STEPS:
        raise click.UsageError(f"steps {text}: at most {MOST_STEPS:,} steps can be shown at once", context)
    return first, last


def steps_option(context: click.Context, parameter: click.Parameter,
                 text: str | None) -> tuple[int, int] | None:
    """The callback of `--steps`."""
    return None if text is None else parse_steps(text, context)


PIPELINE = click.argument("pipeline", metavar="PIPELINE")
OVERRIDES = click.argument("overrides", metavar="[KEY.PATH=VALUE]...", nargs=-1, callback=check_overrides)
DATA = click.option("--data", is_flag=True, help="Open the data sets, which the length of an epoch may need.")
OUTPUT = click.option("-o", "--output", type=click.Path(path_type=Path),
                      help="Write to this file, not to the terminal.")
