"""Batches of images as one picture with captions, and PNGs of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from edgraph.run.files import replace_file

if TYPE_CHECKING:
    import numpy as np
    from PIL import ImageFont

Pixels: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"  # (height, width, 3)
Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"

PAPER, INK, FRAME, NOT_A_NUMBER = (250, 250, 250), (40, 40, 40), (205, 205, 205), (255, 0, 255)
GAP = 6  # pixels between cells, and around the grid
READABLE = 80  # smaller images are enlarged until their longer side has about as many pixels


def grid(images: Any, captions: Any = None, columns: int | None = None, scale: int | None = None,
         range: tuple[float, float] | None = None,
         channels: Literal["first", "last"] | None = None) -> Pixels:
    """Images side by side, row by row, as one RGB picture of uint8 (height, width, 3).

    images: (n, h, w), (n, c, h, w) or (n, h, w, c) with c = 1, 3 or 4, or one image (h, w). Where both places
        could be the channels it is the smaller one, or the first, unless `channels` says otherwise. With
        c = 4 the last one is opacity, shown over white.
    range: the values that are black and white, by default by `value_range`. Values beyond are cut, and NaN is
        magenta.
    captions: n texts or numbers, one under each image; lines are separated by a line end.
    columns: images in a row, by default all up to 8, then about as many as there are rows.
    scale: enlarge by this whole factor, by default so much that small images can be recognised.
    Raises ValueError where the shapes do not fit.
    """
    cells = to_pixels(images, range, channels)
    texts = _texts(captions, len(cells))
    count, height, width = cells.shape[:3]
    if scale is None:
        scale = max(1, round(READABLE / max(height, width, 1)))
    cells = cells.repeat(scale, axis=1).repeat(scale, axis=2)
    if columns is None:
        columns = count if count <= 8 else max(8, math.ceil(math.sqrt(count)))
    return _Sheet(cells, texts, max(1, min(columns, count))).draw()


def value_range(images: Any) -> tuple[float, float]:
    """The values shown as black and white, for an array as a whole.

    uint8 and other integers within 0 … 255: (0, 255), but (0, 1) for truth values, and for integers other
    than uint8 that are all 0 or 1. Floats within about 0 … 1 (from -0.1 to 1.5, since outputs of models
    overshoot): (0, 1); else within about -1 … 1 (from -1.5 to 1.5): (-1, 1). Anything else: from its least to
    its greatest finite value.
    """
    import numpy as np

    array = np.asarray(images)
    if array.dtype == np.uint8:
        return 0, 255
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if finite.size == 0:
        return 0, 1
    low, high = float(finite.min()), float(finite.max())
    if array.dtype.kind in "iu" and low >= 0 and 1 < high <= 255:
        return 0, 255
    if low >= -0.1 and high <= 1.5:
        return 0, 1
    if low >= -1.5 and high <= 1.5:
        return -1, 1
    return low, high


def to_pixels(images: Any, range: tuple[float, float] | None = None,
              channels: Literal["first", "last"] | None = None) -> Pixels:
    """Images in any layout that `grid` takes as uint8 (n, h, w, 3)."""
    import numpy as np

    array = np.asarray(images)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"images are numbers, not an array of {array.dtype}")
    array = channels_last(array, channels)
    low, high = value_range(array) if range is None else range
    if array.dtype == np.uint8 and (low, high) == (0, 255):
        pixels, unknown = array, None
    else:
        values = array.astype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
        unknown = np.isnan(values).any(axis=-1)
        span = high - low or 1.0
        values = np.clip((np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / span, 0, 1)
        pixels = np.rint(values * 255).astype(np.uint8)
    if pixels.shape[-1] == 4:
        opacity = pixels[..., 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[..., :3] * opacity + 255 * (1 - opacity)).astype(np.uint8)
    pixels = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    if unknown is not None and unknown.any():
        pixels = pixels.copy()
        pixels[unknown] = NOT_A_NUMBER
    return pixels


def save_png(path: Path, pixels: Pixels) -> None:
    """Write a picture (height, width, 3) of uint8, so that nobody ever sees half of it."""
    replace_file(path, [png_bytes(pixels)], durable=False)


def png_bytes(pixels: Pixels) -> bytes:
    import io

    out = io.BytesIO()
    _pillow("Image").fromarray(pixels).save(out, "PNG", compress_level=6)
    return out.getvalue()


class _Sheet:
    """Where everything goes: equal cells, each an image with its caption below, centred."""

    def __init__(self, cells: Pixels, texts: list[str], columns: int) -> None:
        self.cells, self.columns = cells, columns
        self.count, self.height, self.width = cells.shape[:3]
        self.font: Font | None = None
        if any(texts):
            self.font, texts = _font(self.width, texts)
        widest = max(self.width, min(160, 2 * self.width))  # captions may widen narrow cells, within bounds
        self.texts = [[_fit(line, self.font, widest) for line in text.split("\n")] for text in texts]
        lines = [line for text in self.texts for line in text]
        self.cell = max([self.width, *(_length(line, self.font) for line in lines)])
        self.line = _line_height(self.font) if any(lines) else 0
        self.caption = self.line * max(map(len, self.texts), default=0) + (3 if self.line else 0)

    def draw(self) -> Pixels:
        import numpy as np

        rows = math.ceil(self.count / self.columns)
        height = GAP + rows * (self.height + self.caption + GAP)
        sheet = np.empty((height, GAP + self.columns * (self.cell + GAP), 3), np.uint8)
        sheet[:] = PAPER
        for index, image in enumerate(self.cells):
            top, left = self._corner(index)
            left += (self.cell - self.width) // 2
            sheet[top - 1:top + self.height + 1, left - 1:left + self.width + 1] = FRAME  # an edge, for white
            sheet[top:top + self.height, left:left + self.width] = image
        return self._write(sheet) if self.line else sheet

    def _corner(self, index: int) -> tuple[int, int]:
        row, column = divmod(index, self.columns)
        return GAP + row * (self.height + self.caption + GAP), GAP + column * (self.cell + GAP)

    def _write(self, sheet: Pixels) -> Pixels:
        import numpy as np

        picture = _pillow("Image").fromarray(sheet)
        pen = _pillow("ImageDraw").Draw(picture)
        for index, lines in enumerate(self.texts):
            top, left = self._corner(index)
            for number, line in enumerate(lines):
                offset = (self.cell - _length(line, self.font)) // 2
                pen.text((left + offset, top + self.height + 3 + number * self.line), line, INK, self.font)
        return np.asarray(picture)


def channels_last(array: Any, channels: Literal["first", "last"] | None) -> Any:
    """(n, h, w, c) with c = 1, 3 or 4."""
    shape = array.shape
    if array.ndim == 2:
        return array[None, :, :, None]
    if array.ndim == 3:
        return array[:, :, :, None]
    if array.ndim == 4:
        first = channels != "last" and shape[1] in (1, 3, 4)
        last = channels != "first" and shape[3] in (1, 3, 4)
        if first and not (last and shape[3] < shape[1]):
            return array.transpose(0, 2, 3, 1)
        if last:
            return array
    raise ValueError(f"an array of shape {shape} is no batch of images; expected (n, h, w), (n, c, h, w) or "
                     "(n, h, w, c) with 1, 3 or 4 channels")


def _texts(captions: Any, count: int) -> list[str]:
    if captions is None:
        return [""] * count
    if isinstance(captions, str) or not hasattr(captions, "__len__"):
        captions = [captions]
    items: Sequence[Any] = captions.tolist() if hasattr(captions, "tolist") else list(captions)
    if len(items) != count:
        raise ValueError(f"{len(items)} captions for {count} images")
    return [_text(item) for item in items]


def _text(item: Any) -> str:
    if hasattr(item, "item"):
        item = item.item()
    return f"{item:.3g}" if isinstance(item, float) else str(item)


def _font(width: int, texts: list[str]) -> tuple[Font, list[str]]:
    """A font in a size that fits the cells, and the texts in characters that it has.

    Pillow's own has little more than ASCII. DejaVu Sans is common, so it is tried where more is needed.
    """
    size = 12 if width < 96 else 14 if width < 192 else 16
    fonts = _pillow("ImageFont")
    if not all(text.isascii() for text in texts):
        try:
            return fonts.truetype("DejaVuSans.ttf", size - 1), texts
        except OSError:
            texts = [_plain(text) for text in texts]
    return fonts.load_default(size), texts


def _plain(text: str) -> str:
    """Letters without their accents, arrows as `->`, and `?` for what has no likeness in ASCII."""
    import unicodedata

    text = text.replace("→", "->").replace("←", "<-").replace("≠", "!=").replace("×", "x")
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isascii() else "?" for c in letters)


def _length(text: str, font: Font | None) -> int:
    return math.ceil(font.getlength(text)) if font is not None and text else 0


def _line_height(font: Font | None) -> int:
    return 0 if font is None else math.ceil(font.getbbox("Ågj|")[3]) + 2


def _fit(text: str, font: Font | None, width: int) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if _length(text, font) <= width:
        return text
    while text and _length(text + "…", font) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _pillow(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"PIL.{module}")
    except ImportError:
        raise ImportError("pictures need Pillow: pip install 'edgraph[images]'") from None
