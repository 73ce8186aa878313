"""Event files for TensorBoard, written by its own writer: neither torch nor tensorflow is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from edgraph.backends.base import StateTree


class TensorBoard:
    """A logger that writes what TensorBoard shows.

    folder: where to, relative to the run folder; by default `tensorboard`.
    Raises ImportError, saying what to install.
    """

    def __init__(self, *, folder: str | None = None) -> None:
        if find_spec("tensorboard") is None:
            raise ImportError("TensorBoard is not installed: pip install 'edgraph[tensorboard]'")
        # the module that TensorBoard looks for to do without tensorflow, which takes seconds to import
        sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
        self._folder = Path(folder or "tensorboard")
        self._writer: Any = None

    def attach(self, folder: Path | None) -> None:
        """folder: the run's; None where it has none."""
        if folder is not None:
            self._folder = folder / self._folder

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._add(step, [Summary.Value(tag=name.replace(".", "/", 1), simple_value=value)
                         for name, value in values.items()])

    def image(self, step: int, name: str, pixels: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        from edgraph.run.images import png_bytes

        height, width = pixels.shape[:2]
        image = Summary.Image(height=height, width=width, colorspace=3,
                              encoded_image_string=png_bytes(pixels))
        self._add(step, [Summary.Value(tag=name, image=image)])

    def text(self, step: int, name: str, text: str) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto

        plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        tensor = TensorProto(dtype="DT_STRING", string_val=[text.encode("utf-8", "replace")])
        self._add(step, [Summary.Value(tag=name, metadata=plugin, tensor=tensor)])

    def table(self, step: int, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        lines = [columns, ["---"] * len(columns), *rows]
        self.text(step, name, "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines))

    def histogram(self, step: int, name: str, values: Any) -> None:
        import numpy as np
        from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        counts, edges = np.histogram(finite, 30)
        histogram = HistogramProto(
            min=finite.min(), max=finite.max(), num=finite.size, sum=finite.sum(),
            sum_squares=float(np.square(finite).sum()), bucket_limit=edges.tolist(),
            bucket=[0, *counts.tolist()])
        self._add(step, [Summary.Value(tag=name, histo=histogram)])

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def position(self) -> StateTree:
        """The length of each event file."""
        self.flush()
        return {path.name: path.stat().st_size for path in self._files()}

    def restore(self, position: StateTree) -> None:
        """Cut the event files to what they were, because TensorBoard would show later events twice."""
        self.close()
        for path in self._files():
            length = (position or {}).get(path.name)
            if length is None:
                path.unlink()
            elif length < path.stat().st_size:
                os.truncate(path, length)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("events.out.tfevents.*"))

    def _add(self, step: int, values: list[Any]) -> None:
        import time

        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if self._writer is None:
            self._writer = EventFileWriter(str(self._folder), flush_secs=30)
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
