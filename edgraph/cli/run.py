"""`edgraph run`: train, resume, or start from a checkpoint."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from edgraph.cli.arguments import check_overrides, is_override
from edgraph.cli.output import RunFailed, WrongCommand, report
from edgraph.cli.recorded import recorded

if TYPE_CHECKING:
    from edgraph.api import LoadedPipeline, Run


@click.command(epilog="""\b
Examples:
  edgraph run pipelines/digits.yaml
  edgraph run pipelines/digits.yaml lr=3e-4 run.num_epochs=5 ops.panel=null
  edgraph run --resume runs/2026-01-31T12-00-00-digits    go on where it was stopped
  edgraph run --resume runs/2026-01-31T12-00-00-digits run.num_epochs=40
  edgraph run my.yaml --from runs/2026-01-31T12-00-00-digits@best

Stop it with Ctrl-C: it finishes the step, saves a checkpoint, and can be resumed.""")
@click.argument("arguments", metavar="PIPELINE [KEY.PATH=VALUE]...", nargs=-1)
@click.option("--resume", metavar="RUN",
              help="Go on with a run: its folder, or the beginning of its name.")
@click.option("--from", "start_from", metavar="CHECKPOINT",
              help="Start from a checkpoint's weights: RUN, RUN@best, RUN@120, a file.")
@click.option("--replay", metavar="RUN",
              help="Make the changes that `edgraph set` made in a run again, at the same steps.")
@click.option("--folder", metavar="DIR", help="The run folder, new or empty; by default runs/TIME-NAME.")
@click.option("--interpret", is_flag=True, help="Run op by op, without generated code: slow, for debugging.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_context
def run(context: click.Context, arguments: tuple[str, ...], resume: str | None, start_from: str | None,
        replay: str | None, folder: str | None, interpret: bool, quiet: bool) -> int:
    """Run a pipeline to its end.

    KEY.PATH=VALUE overrides a key of the file; a bare KEY is a parameter, null removes an entry.
    Everything a run writes is in its run folder. Exit code: 0 finished, 1 the run failed, 2 the
    pipeline or the command line is wrong, 130 or 143 stopped by a signal.
    """
    pipeline, overrides = _arguments(arguments, context)
    for flag, value in (("--resume", resume), ("--from", start_from), ("--replay", replay), ("--folder", folder)):
        if value == "":
            raise click.UsageError(f"{flag} is given, but empty", context)
        if flag != "--resume" and resume is not None and value is not None:
            raise click.UsageError(f"--resume goes on with a run; {flag} starts a new one", context)
    if pipeline is None and resume is None and replay is None:
        raise click.UsageError("which pipeline? Name its file, or a run to go on with: --resume RUN", context)
    ended = _run(_load(pipeline, resume or replay, overrides), folder, resume, start_from=start_from, replay=replay,
                 interpret=interpret, quiet=quiet)
    if ended.failure is not None:
        sys.stdout.flush()
        report(f"{ended.failure.text()}\n{ended.failure.traceback()}".rstrip())
    if not quiet:
        click.echo(_ending(ended))
    return ended.exit_code


def _arguments(given: tuple[str, ...], context: click.Context) -> tuple[str | None, tuple[str, ...]]:
    """The pipeline, where one is named, and the overrides."""
    if given and not is_override(given[0]):
        return given[0], _overrides(given[1:], context)
    return None, _overrides(given, context)


def _overrides(given: tuple[str, ...], context: click.Context) -> tuple[str, ...]:
    return check_overrides(context, context.command.params[0], given)


def _load(pipeline: str | None, run: str | None, overrides: tuple[str, ...]) -> LoadedPipeline:
    from edgraph.api import load
    from edgraph.run.checkpoints import NoCheckpoint
    from edgraph.run.folder import FolderError
    if pipeline is not None:
        return load(pipeline, overrides)
    assert run is not None
    try:
        return recorded(run, overrides)
    except (FolderError, NoCheckpoint) as error:
        raise WrongCommand(f"{error}{_is_checkpoint(run)}") from None


def _is_checkpoint(run: str) -> str:
    """What to do with a checkpoint where a run is wanted."""
    if Path(run).is_dir() or not ("@" in run or Path(run).is_file()):
        return ""
    return f"; a run goes on from its newest checkpoint; to start a new one from another: --from {quote(run)}"


def _run(loaded: LoadedPipeline, folder: str | None, resume: str | None, **how: Any) -> Run:
    from edgraph.run.checkpoints import NoCheckpoint
    from edgraph.run.folder import FolderError
    try:
        return loaded.run(folder, resume, **how)
    except (FolderError, NoCheckpoint) as error:
        raise WrongCommand(f"{error}{_is_checkpoint(resume or '')}") from None
    except BrokenPipeError:
        raise
    except OSError as error:  # an op's own are part of a failed run, not raised
        wrong = isinstance(error, (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError))
        raise (WrongCommand if wrong else RunFailed)(f"the run cannot go on: {error}") from None


def _sooner(reason: str) -> str:
    """Why a run ended that could have had more steps."""
    if reason.endswith(" updates"):
        return f" and {reason}"
    if reason.startswith("stopped by "):
        return f", {reason}"
    return ", stopped by run.max_time" if reason == "max_time" else ""


def _ending(ended: Run) -> str:
    steps = f"{ended.step} {'checkpoint' if ended.evaluates else 'step'}{'' if ended.step == 1 else 's'}"
    if ended.end == "finished":
        return f"finished after {steps}{_sooner(ended.reason)}; run folder: {ended.folder}"
    if ended.saved is None:
        return f"{ended.end} after {steps}; nothing was saved; run folder: {ended.folder}"
    where = "" if ended.saved == ended.step else f" from step {ended.saved}"
    return f"{ended.end} after {steps}; go on{where} with: edgraph run --resume {quote(str(ended.folder))}"
