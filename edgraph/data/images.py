"""Images in a folder for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgraph.data.arrays import Array

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}


class ImageFolder:
    """`image` (3, height, width) float32 from 0 to 1 and `label` int64: the sub-folder among all, sorted.

    folder: it holds one folder a class.
    size: the middle square of an image is scaled to it; [height, width] scales the whole image. Without it
    images keep their size and must agree in a batch.
    split: the sub-folder of `folder` that holds the classes, such as `train`.
    grayscale: one channel instead of three.
    """

    threads = True  # reading it from several threads at once is fine

    def __init__(self, *, folder: Path, size: int | list[int] | None = None, split: str | None = None,
                 grayscale: bool = False) -> None:
        try:
            import PIL.Image  # noqa: F401
        except ImportError as error:
            raise ModuleNotFoundError("image_folder reads images with Pillow, which is not installed: "
                                      'pip install "edgraph[images]"') from error
        root = folder / split if split else folder
        if not root.is_dir():
            raise FileNotFoundError(f"there is no folder {root}")
        folders = (path.name for path in root.iterdir() if path.is_dir())
        self.classes = tuple(sorted(name for name in folders if not name.startswith(".")))
        if not self.classes:
            raise ValueError(f"{root} has no sub-folders; expected one for each class, its images inside")
        self.files = [(file, label) for label, name in enumerate(self.classes)
                      for file in sorted((root / name).rglob("*")) if _shown(file.relative_to(root))]
        if not self.files:
            raise ValueError(f"the sub-folders of {root} hold no images ({', '.join(sorted(ENDINGS))})")
        if isinstance(size, list) and len(size) != 2:
            raise ValueError(f"'size' is one number, or two: [height, width]; found {size}")
        self.size = size
        self.mode = "L" if grayscale else "RGB"
        self.fields = {"image": f"float32 ({1 if grayscale else 3}, height, width), 0 to 1",
                       "label": f"int64, 0 to {len(self.classes) - 1}"}

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        file, label = self.files[index]
        return {"image": self._read(file), "label": label}

    def _read(self, file: Path) -> Array:
        from PIL import Image

        try:
            with Image.open(file) as opened:
                image = self._sized(_in_bytes(opened, file).convert(self.mode))
        except OSError as error:  # what Pillow raises for a damaged file
            raise ValueError(f"{file} cannot be read as an image: {error}") from error
        pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _sized(self, image: Any) -> Any:
        from PIL import Image, ImageOps

        if self.size is None:
            return image
        if isinstance(self.size, int):
            return ImageOps.fit(image, (self.size, self.size), Image.Resampling.BILINEAR)
        height, width = self.size
        return image.resize((width, height), Image.Resampling.BILINEAR)


def _shown(file: Path) -> bool:
    """Whether it is an image, and none of the hidden ones that file browsers and notebooks leave."""
    return file.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in file.parts)


def _in_bytes(image: Any, file: Path) -> Any:
    """An image with 8 bits a channel. Pillow would cut 16 bits off at 255, which leaves an image nearly white."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):  # PNG has 16 bits at most
        return Image.fromarray(((np.asarray(image, dtype=np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"{file} has pixels of 32 bits, and nobody knows which number is white; save it with 8 or 16 "
                         "bits")
    return image
