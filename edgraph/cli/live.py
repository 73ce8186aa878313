"""`edgraph set`: the parameters of a run that goes on, and how to change them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from edgraph.cli.arguments import check_overrides
from edgraph.cli.output import RunFailed, WrongCommand
from edgraph.cli.recorded import ROOT

if TYPE_CHECKING:
    from edgraph.graph.live import Settable
    from edgraph.run.folder import RunFolder
    from edgraph.run.mailbox import Change
    from edgraph.text.diagnostics import Diagnostics

PATIENCE = 10.0  # seconds until the answer is not waited for any longer
PAUSE = 0.05


@click.command(epilog="""\b
Examples:
  edgraph set runs/2026-01-31T12-00-00-digits             what can be changed, and what it is now
  edgraph set runs/2026-01-31T12-00-00-digits lr=1e-4
  edgraph set 2026-01-31T12 lr=1e-4 weight=0.5 --no-wait""")
@click.argument("run")
@click.argument("changes", metavar="[NAME=VALUE]...", nargs=-1, callback=check_overrides)
@click.option("--no-wait", is_flag=True, help="Do not wait until the run has made the change.")
def set(run: str, changes: tuple[str, ...], no_wait: bool) -> int:
    """Change parameters of a run while it goes on.

    RUN is a run folder, its name, or the beginning of its name. A parameter can be changed where
    expressions read it as `params.NAME`; the change takes effect when the run's step has ended,
    is recorded, and is made again at the same step when the run is resumed.
    """
    from edgraph.run.checkpoints import NoCheckpoint
    from edgraph.run.find import find_run
    from edgraph.run.folder import FolderError, RunFolder
    try:
        folder = RunFolder.open(find_run(run, ROOT))
        record = folder.read_json("params.json", {})
        if not record:
            raise WrongCommand(f"{folder.path} has no parameters")
        if not changes:
            for line in listing(folder, record):
                click.echo(line)
            return 0
        values = read(changes, record)
        check_running(folder, changes)
        return ask(folder, values, wait=not no_wait)
    except (FolderError, NoCheckpoint) as error:
        raise WrongCommand(str(error)) from None


def listing(folder: RunFolder, record: Mapping[str, Any]) -> list[str]:
    """Every parameter with its value and what it may be, and why one cannot be changed."""
    from edgraph.graph.live import Settable
    from edgraph.language.parameters import shown
    status = folder.status()
    running = folder.is_running()
    state = "" if status is None or running or status.state == "running" else f", after step {status.step}"
    how = "running" if running else "not running"
    width = max(map(len, record))
    values = {name: each["value"] if isinstance(each["value"], list | dict) else shown(each["value"])
              for name, each in record.items()}
    wide = max(len(str(value)) for value in values.values())
    lines = [f"{folder.path} ({how}{state})"]
    for name, each in record.items():
        known = Settable.from_json(each)
        refusal = known.refusal(name)
        what = known.parameter.words() if refusal is None else f"cannot be changed: {refusal}"
        doc = f"; {known.parameter.doc}" if known.parameter.doc else ""
        lines.append(f"  {name:<{width}}  {values[name]!s:<{wide}}  {what}{doc}")
    return lines


def read(changes: tuple[str, ...], record: Mapping[str, Any]) -> dict[str, Any]:
    """The new values by name. Raises PipelineError with everything that is wrong with them."""
    from edgraph.graph.live import Settable
    from edgraph.language.overrides import Override
    from edgraph.text.diagnostics import Diagnostics, PipelineError
    from edgraph.text.source import plain
    diagnostics = Diagnostics()
    known = {name: Settable.from_json(each) for name, each in record.items()}
    values = {}
    for argument in changes:
        given = Override(argument, diagnostics)
        if given.parse() and (name := _name(given, known, diagnostics)) is not None:
            values[name] = plain(given.value)
    if diagnostics.failed:
        raise PipelineError(diagnostics)
    return values


def _name(given: Any, known: Mapping[str, Settable], diagnostics: Diagnostics) -> str | None:
    """The parameter that an argument changes, if it can."""
    from edgraph.language.fields import describe
    from edgraph.text.source import join, plain
    from edgraph.text.suggest import did_you_mean
    name, place = given.parts[-1], join(given.spans[0], given.spans[-1])
    if len(given.parts) > 1 and given.parts[:-1] != ["params"]:
        diagnostics.error("bad-override", f"{'.'.join(given.parts)!r} cannot be changed while a run goes on: only "
                          "parameters can", place, "stop the run, and go on with: edgraph run --resume RUN "
                          f"{given.argument}")
    elif name not in known:
        diagnostics.error("unknown-parameter", f"there is no parameter {name!r}", place,
                          did_you_mean(name, known) or None)
    elif (refusal := known[name].refusal(name)) is not None:
        help = (f"only `params.{name}` in an expression follows a change, "
                f"as in `schedule: params.{name}` of an optimizer")
        diagnostics.error("not-live", f"parameter {name!r} cannot be changed: {refusal}", place, help)
    elif (wrong := known[name].misfit(plain(given.value))) is not None:
        diagnostics.error(wrong.code, f"parameter {name!r} cannot be {describe(given.value)}; expected "
                          f"{wrong.expected}", given.value.span, wrong.help)
    else:
        return str(name)
    return None


def check_running(folder: RunFolder, changes: tuple[str, ...]) -> None:
    """Raises WrongCommand where no process is at work on the run."""
    if folder.is_running():
        return
    status = folder.status()
    state = "was killed" if status is None or status.state == "running" else status.state
    steps = "" if status is None or state == "was killed" else f" after {status.step} steps"
    how = f"; to go on with another value: edgraph run --resume {shlex.join([str(folder.path), *changes])}"
    verb = "was" if state in ("interrupted", "was killed") else "has"
    raise WrongCommand(f"{folder.path} is not running: it {verb} {state.removeprefix('was ')}{steps}"
                       + ("" if state == "finished" else how))


def ask(folder: RunFolder, values: dict[str, Any], *, wait: bool) -> int:
    """Posts the request and tells what came of it."""
    from edgraph.run.mailbox import Mailbox
    mailbox = Mailbox(folder.path)
    try:
        request = mailbox.post(values)
    except OSError as error:
        raise WrongCommand(f"cannot write into {mailbox.path}: {error.strerror}") from None
    if not wait:
        click.echo("asked; it takes effect when the run's step has ended")
        return 0
    answer = _answer(folder, request)
    if answer is not None:
        return _tell(answer)
    if folder.is_running():
        click.echo("asked; the run has not ended its step yet, and makes the change when it has")
        return 0
    mailbox.remove(request)
    raise RunFailed(f"{folder.path} has ended, and the change was not made")


def _answer(folder: RunFolder, request: str) -> Change | None:
    """What the run made of a request; None where it has ended, or says nothing for long."""
    from edgraph.run.mailbox import read_changes
    until = time.monotonic() + PATIENCE
    while True:
        running = folder.is_running()  # before the look: what it did last is seen
        found = next((change for change in read_changes(folder.path) if change.request == request), None)
        if found is not None or not running or time.monotonic() > until:
            return found
        time.sleep(PAUSE)


def _tell(change: Change) -> int:
    from edgraph.language.parameters import shown
    if change.refused:
        raise RunFailed(f"the change was not made: {change.refused}")
    for name, value in change.values.items():
        click.echo(f"{name} = {shown(value)} from step {change.step + 1} on (it was {shown(change.before[name])})")
    return 0
