"""The pipeline of a run that is taken up again: the one recorded in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgraph.text.diagnostics import Diagnostics

if TYPE_CHECKING:
    from edgraph.api import LoadedPipeline
    from edgraph.compile import Checked

ROOT = Path("runs")  # where runs are looked for by name; others are named by their path


def recorded(run: str, overrides: Sequence[str]) -> LoadedPipeline:
    """The resolved pipeline of a run, so that its file and overrides need not be named, nor be unchanged.

    Raises NoCheckpoint or FolderError where there is no such run.
    """
    from edgraph.api import LoadedPipeline
    from edgraph.run.find import find_run
    from edgraph.run.folder import FolderError, RunFolder
    folder = RunFolder.open(find_run(run, ROOT))
    path = folder.path / "resolved.yaml"
    if not path.exists():
        raise FolderError(f"{folder.path} does not hold its pipeline; name it before --resume")
    made = folder.read_json("environment.json", {})
    noted = folder.read_json("params.json", {})
    latest = made.get("resumed", [made])[-1]  # it may have been resumed with a file somewhere else
    base = Path(latest.get("base", folder.path))

    class Recorded(LoadedPipeline):
        """Its relative paths start where those of the original file did."""

        def check(self, *, imports: bool = False, data: bool = False) -> Checked:
            from edgraph import language
            from edgraph.compile import Checked, check_pipeline
            diagnostics = Diagnostics()
            pipeline = language.load(path, list(self.overrides), diagnostics)
            check_filled_in(self.overrides, noted, diagnostics)
            if pipeline is None:
                return Checked(diagnostics, folder=base)
            return check_pipeline(pipeline, diagnostics, base, imports=imports, data=data)

    return Recorded(path, overrides)


def check_filled_in(overrides: Sequence[str], noted: Mapping[str, Any], diagnostics: Diagnostics) -> None:
    """Reports overrides of parameters that the recorded pipeline has filled in already: they would change nothing."""
    from edgraph.language.overrides import Override
    from edgraph.text.source import join
    for argument in overrides:
        given = Override(argument, Diagnostics())
        if given.parse() and (len(given.parts) == 1 or given.parts[0] == "params"):
            name = given.parts[0] if len(given.parts) == 1 else given.parts[1]
            known = noted.get(name)
            if known is not None and known["inserted"]:
                diagnostics.error("not-live", f"parameter {name!r} has no effect in the recorded pipeline: "
                                  f"${{{name}}} at {known['inserted'][0]} was filled in before the run",
                                  join(given.spans[0], given.spans[-1]),
                                  f"override what it fills in ({', '.join(known['keys'])}), or name the pipeline's "
                                  f"file: edgraph run FILE --resume RUN {argument}")
