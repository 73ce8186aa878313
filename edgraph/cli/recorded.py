"""The pipeline of a run that is taken up again: the one recorded in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
    latest = made.get("resumed", [made])[-1]  # it may have been resumed with a file somewhere else
    base = Path(latest.get("base", folder.path))

    class Recorded(LoadedPipeline):
        """Its relative paths start where those of the original file did."""

        def check(self, *, imports: bool = False, data: bool = False) -> Checked:
            from edgraph import language
            from edgraph.compile import Checked, check_pipeline
            diagnostics = Diagnostics()
            pipeline = language.load(path, list(self.overrides), diagnostics)
            if pipeline is None:
                return Checked(diagnostics, folder=base)
            return check_pipeline(pipeline, diagnostics, base, imports=imports, data=data)

    return Recorded(path, overrides)
