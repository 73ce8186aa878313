"""`edgraph`: finds the command, runs it, and turns what goes wrong into words and an exit code.

Exit codes: 0 fine, 1 the run failed (`diff`: there are differences), 2 the pipeline or the command line is wrong; 130
and 143 after SIGINT and SIGTERM, 141 when whatever read our output has closed it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click

from edgraph.cli.output import configure_streams, report, show
from edgraph.text.diagnostics import PipelineError
from edgraph.text.suggest import did_you_mean, nearest

# Each command's module is imported when it is used: `validate` must not wait for the others.
COMMANDS = {"new": "new", "run": "run", "set": "live", "validate": "validate", "format": "format", "plan": "plan",
            "explain": "plan", "graph": "graph", "expand": "expand", "diff": "diff", "ops": "vocabulary",
            "schema": "vocabulary", "lsp": "lsp"}
FAILED, WRONG, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141


class Commands(click.Group):
    """The commands in the order in which a newcomer meets them."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"edgraph.cli.{COMMANDS[name]}"), name)
        return command

    def resolve_command(self, context: click.Context,
                        args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = did_you_mean(name, COMMANDS)
            if name.endswith((".yaml", ".yml")):
                hint = f"to run a pipeline: edgraph run {name}"
            raise click.UsageError(f"there is no command {name!r}" + (f"; {hint}" if hint else ""), context)
        return super().resolve_command(context, args)


@click.group(cls=Commands, invoke_without_command=True, epilog="""\b
A first run:
  edgraph validate pipelines/digits.yaml         is it right?
  edgraph plan pipelines/digits.yaml             what will run when, and in which order
  edgraph graph pipelines/digits.yaml -o g.svg   its picture
  edgraph run pipelines/digits.yaml lr=3e-4      train; KEY.PATH=VALUE overrides the file

`edgraph COMMAND --help` says more about a command.""")
@click.option("--version", "wants_version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def program(context: click.Context, wants_version: bool) -> None:
    """Training loops declared as graphs of ops, in YAML."""
    if wants_version:
        from importlib.metadata import version
        click.echo(f"edgraph {version('edgraph')}")
        context.exit()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line (that of the process by default); returns the exit code."""
    configure_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    collects = gc.isenabled()
    if given[:1] not in (["run"], ["lsp"]):
        gc.disable()  # the other commands end before their garbage matters
    try:
        with program.make_context("edgraph", given) as context:
            code = program.invoke(context)
        sys.stdout.flush()
        return int(code or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        report(_option_message(error) if isinstance(error, click.NoSuchOption) else error.format_message())
        if isinstance(error, click.UsageError) and error.ctx is not None:
            usage, command = error.ctx.get_usage(), error.ctx.command_path
            click.echo(f"{usage}\n`{command} --help` shows examples.", err=True)
        return error.exit_code
    except PipelineError as error:
        show(error.diagnostics)
        return WRONG
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except OSError as error:
        _drop_output()
        report(str(error))
        return FAILED
    except (KeyboardInterrupt, click.Abort) as stop:  # a second signal ends a run at once
        return int(getattr(stop, "exit_code", INTERRUPTED))
    finally:
        if collects:
            gc.enable()


def _option_message(error: click.NoSuchOption) -> str:
    """Click would offer options that have hardly a letter in common."""
    context = error.ctx or click.Context(program)
    options = [name for parameter in context.command.get_params(context) for name in parameter.opts
               if name.startswith("-")]
    near = "--help" if error.option_name == "-h" else nearest(error.option_name, options)
    hint = f"; did you mean {near!r}?" if near else ""
    if not near and "=VALUE" in context.get_usage():
        hint = "; an override has no dashes: KEY.PATH=VALUE"
    return f"there is no option {error.option_name!r}{hint}"


def _drop_output() -> None:
    """What is still to be written cannot be; the interpreter would try to, once more, at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
