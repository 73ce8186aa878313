"""Where edges leave the bottom of a node and enter its top, relative to its centre."""

from __future__ import annotations

from dataclasses import dataclass

from edgraph.graph.draw.sizes import SMALL
from edgraph.graph.draw.widths import width

REACH = 18.0  # a port moves by at most this much to make its edge straight
MARGIN = 9.0  # between an edge's end and the corner of its node


@dataclass(slots=True)
class Ports:
    """One side of a node. `offsets` from left to right; `labels`: room to the right of each for its label."""

    offsets: list[float]
    labels: list[float]

    @property
    def width(self) -> float:
        """What the side has to be wide."""
        if not self.offsets:
            return 0.0
        return 2 * (max(-self.offsets[0], self.offsets[-1]) + MARGIN)

    @property
    def overhang(self) -> float:
        """How far the last label reaches to the right of the centre."""
        return self.offsets[-1] + self.labels[-1] if self.offsets else 0.0

    def straighten(self, wanted: list[float], half_width: float) -> None:
        """Move each port to the offset at which its edge would be straight, if that is near and there is
        room between its neighbours."""
        for index, offset in enumerate(wanted):
            if abs(offset - self.offsets[index]) > REACH:
                continue
            low = (self.offsets[index - 1] + _room(self.labels[index - 1]) if index else MARGIN - half_width)
            high = (self.offsets[index + 1] - _room(self.labels[index]) if index + 1 < len(wanted)
                    else half_width - MARGIN)
            if low <= offset <= high:
                self.offsets[index] = offset


def _room(label: float) -> float:
    """From a port to the next one on its right."""
    return max(12.0, label + 6)


def spread(labels: list[str]) -> Ports:
    """Ports around the middle; a single one is in the middle."""
    widths = [width(label, SMALL) + 5 if label else 0.0 for label in labels]
    offsets, total = [], 0.0
    for label in widths:
        offsets.append(total)
        total += max(16.0, _room(label))
    middle = offsets[-1] / 2 if offsets else 0.0
    return Ports([offset - middle for offset in offsets], widths)
