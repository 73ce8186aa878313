"""Pictures: every layout and range of values, captions, PNGs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgraph.run.images import (
    FRAME,
    GAP,
    NOT_A_NUMBER,
    PAPER,
    grid,
    png_bytes,
    save_png,
    to_pixels,
    value_range,
)

pytest.importorskip("PIL")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "expected"), [
    ((5, 8), (1, 5, 8, 3)), ((4, 5, 8), (4, 5, 8, 3)),
    ((4, 1, 5, 8), (4, 5, 8, 3)), ((4, 3, 5, 8), (4, 5, 8, 3)), ((4, 4, 5, 8), (4, 5, 8, 3)),
    ((4, 5, 8, 1), (4, 5, 8, 3)), ((4, 5, 8, 3), (4, 5, 8, 3)), ((4, 5, 8, 4), (4, 5, 8, 3)),
    ((4, 3, 8, 3), (4, 8, 3, 3)), ((4, 4, 8, 3), (4, 4, 8, 3)), ((0, 5, 8), (0, 5, 8, 3)),
])
def test_layouts(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    pixels = to_pixels(RNG.random(shape))
    assert pixels.shape == expected and pixels.dtype == np.uint8
    assert grid(RNG.random(shape)).ndim == 3


def test_channels_can_be_told() -> None:
    array = RNG.random((2, 3, 8, 3))
    turned = array.transpose(0, 3, 1, 2)
    assert (to_pixels(array, channels="last") == to_pixels(turned, channels="first")).all()


@pytest.mark.parametrize("shape", [(8,), (2, 5, 8, 8), (1, 2, 3, 4, 5)])
def test_what_is_no_batch_of_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is no batch of images"):
        grid(np.zeros(shape))


def test_what_is_no_image() -> None:
    with pytest.raises(ValueError, match="images are numbers"):
        grid(np.array([["a"]]))


@pytest.mark.parametrize(("values", "expected"), [
    (np.array([0, 255], np.uint8), (0, 255)), (np.array([0, 1], np.uint8), (0, 255)),
    (np.array([0, 200]), (0, 255)), (np.array([0, 1]), (0, 1)), (np.array([True]), (0, 1)),
    (np.array([0.0, 1.0]), (0, 1)), (np.array([-0.05, 1.2]), (0, 1)), (np.array([0.2]), (0, 1)),
    (np.array([-1.0, 1.0]), (-1, 1)), (np.array([-1.2, 0.1]), (-1, 1)),
    (np.array([0.0, 16.0]), (0, 16)), (np.array([-3.0, 2.0]), (-3, 2)), (np.array([-3, 300]), (-3, 300)),
    (np.array([np.nan, np.inf, 0.5]), (0, 1)), (np.array([np.nan]), (0, 1)), (np.array([]), (0, 1)),
])
def test_value_range(values: Any, expected: tuple[float, float]) -> None:
    assert value_range(values) == expected


def test_values_become_pixels() -> None:
    assert to_pixels(np.array([[0.0, 0.5, 1.0]]))[0, 0, :, 0].tolist() == [0, 128, 255]
    assert to_pixels(np.array([[-1.0, 0.0, 1.0]]))[0, 0, :, 0].tolist() == [0, 128, 255]
    assert to_pixels(np.array([[0.0, 0.5, 1.0]]), range=(0, 0.5))[0, 0, :, 0].tolist() == [0, 255, 255]
    assert to_pixels(np.array([[0, 7, 255]], np.uint8))[0, 0, :, 0].tolist() == [0, 7, 255]
    assert to_pixels(np.array([[np.inf, -np.inf]]))[0, 0, :, 0].tolist() == [255, 0]
    assert to_pixels(np.full((2, 2), 5.0)).max() == 0  # a constant
    half = np.array([[[[0]], [[0]], [[0]], [[128]]]], np.uint8)
    assert to_pixels(half, channels="first")[0, 0, 0].tolist() == [127, 127, 127]


def test_nan_is_magenta() -> None:
    array = np.zeros((1, 3, 2, 2))
    array[0, 1, 0, 1] = np.nan
    pixels = to_pixels(array)
    assert tuple(pixels[0, 0, 1]) == NOT_A_NUMBER and tuple(pixels[0, 0, 0]) == (0, 0, 0)


def test_geometry() -> None:
    picture = grid(np.zeros((3, 8, 10)), columns=2, scale=4)
    assert picture.shape == (GAP + 2 * (32 + GAP), GAP + 2 * (40 + GAP), 3)
    assert tuple(picture[0, 0]) == PAPER and tuple(picture[GAP - 1, GAP - 1]) == FRAME
    assert (picture[GAP:GAP + 32, GAP:GAP + 40] == 0).all()
    assert tuple(picture[GAP + 32 + GAP + 5, GAP + 40 + GAP + 5]) == PAPER  # the fourth cell is empty
    assert grid(np.zeros((1, 8, 8))).shape[0] == 2 * GAP + 80  # enlarged
    assert grid(np.zeros((1, 200, 200))).shape[0] == 2 * GAP + 200
    assert grid(np.zeros((64, 8, 8))).shape[0] == grid(np.zeros((64, 8, 8))).shape[1]


def test_captions() -> None:
    images = np.zeros((3, 28, 28))
    plain = grid(images)
    for captions in (np.array([7, 8, 9]), ["a", "", "two\nlines"], [0.25, float("nan"), None],
                     ["é →", "漢", "x" * 99]):
        picture = grid(images, captions)
        assert picture.shape[0] > plain.shape[0] and picture.shape[1] >= plain.shape[1]
        under = picture[GAP + 84 + 2:, :]
        assert under.min() < 100  # there is ink
    assert grid(images, ["", "", ""]).shape == plain.shape
    assert grid(images[0], "one").shape[0] > 0
    with pytest.raises(ValueError, match="2 captions for 3 images"):
        grid(images, [1, 2])


def test_png(tmp_path: Path) -> None:
    from PIL import Image

    pixels = grid(RNG.random((4, 8, 8)), captions=range(4))
    save_png(tmp_path / "a" / "x.png", pixels)
    with Image.open(tmp_path / "a" / "x.png") as image:
        assert (np.asarray(image) == pixels).all()
    assert os.listdir(tmp_path / "a") == ["x.png"]
    assert png_bytes(pixels)[:4] == b"\x89PNG"
