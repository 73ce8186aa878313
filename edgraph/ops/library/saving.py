"""What was made of each example, kept as a data set of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgraph.ops.library.attached import Attached, Writer
from edgraph.ops.registry import op

TAKEN = ("origin", "index", "count")  # fields that such a data set, or a batch of it, has anyway


def _are_fields(settings: Mapping[str, Any], inputs: Sequence[str]) -> tuple[str, str] | None:
    """Whether the values have names that a data set's fields can have."""
    names = [name for name in inputs if name != "index"]
    for name in names:
        if not name.isidentifier():
            short = name.rsplit(".", 1)[-1]
            return "values", (f"'{name}' needs a name: write inputs as a mapping, {{index: batch.index, "
                              f"{short if short.isidentifier() else 'NAME'}: …}}")
        if name in TAKEN:
            return name, "a batch of the saved examples has this field anyway; give the value another name"
    if "index" in inputs and not names:
        return "values", "it needs something to save besides `index`"
    for name in settings["images"] or ():
        if name not in names:
            return "images", f"'{name}' is none of the values: {', '.join(names)}"
    return None


@op(effect=True, metric=True, passes=("global_step",), differentiable=False, open_ports=False, rule=_are_fields)
class save_examples(Attached):
    """Save what was made of each example, so that it can be read again as a data set: `use: examples`.

    In a loop it saves a set for each run of the loop, a row for each example; a set is there once its loop has
    ended. Its value, made then, is the number of examples.

    index: (batch,) which examples of the data set they are, `batch.index`; saved as the field `origin`.
    values: (batch, ...) what to save, a field for each: scores, labels, numbers, pictures.
    images: which of the values are saved as PNG files, 8 bits a channel, and read as `image_folder` reads them:
    (channels, height, width) from 0 to 1. The others are saved as they are.
    range: the numbers that are black and white in them; by default 0 to 1, and 0 to 255 for whole numbers.
    """

    def __init__(self, *, images: list[str] | None = None, range: tuple[float, float] | None = None) -> None:
        self._images = tuple(images or ())
        self._range = range
        self._writer: Writer | None = None

    def reset(self) -> None:
        """What a loop that failed has left half done is no set."""
        if self._writer is not None:
            self._writer.drop()
            self._writer = None

    def update(self, global_step: int, index: Any, *values: Any) -> None:
        to_numpy, services = self.services.to_numpy, self.services
        named = zip(services.input_names[1:], map(to_numpy, values), strict=True)
        if self._writer is None:
            self._writer = services.loggers.examples(global_step, services.name, self._images, self._range)
        self._writer.add(to_numpy(index), dict(named))

    def compute(self) -> int:
        writer, self._writer = self._writer, None
        return 0 if writer is None else writer.finish()
