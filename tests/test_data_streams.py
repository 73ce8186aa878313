"""Orders, positions, folds, samplers, lengths and fixed examples."""

from __future__ import annotations

import subprocess
import sys
import timeit
from pathlib import Path

import numpy as np
import pytest
from data_tools import at, entry, opened, refused, span
from hypothesis import given
from hypothesis import strategies as st

from edgraph.data import lengths
from edgraph.data.fixed import check_fixed, fixed_indices
from edgraph.data.order import permutation
from edgraph.data.stream import BatchStream
from edgraph.ops.random import rng
from edgraph.text.diagnostics import Diagnostics


def test_an_order_can_be_drawn_by_hand() -> None:
    by_hand = rng(7, "data.train", 3).permutation(1437)
    assert np.array_equal(permutation(7, "train", 3, 1437), by_hand)
    stream = BatchStream(1437, 64, shuffle=True, seed=7, name="train")
    third = np.concatenate([stream.indices(n) for n in range(2 * 23, 3 * 23)])
    assert np.array_equal(third, by_hand)


def test_the_order_is_the_same_on_every_machine() -> None:
    assert permutation(0, "train", 1, 10).tolist() == [3, 6, 5, 4, 1, 2, 0, 9, 8, 7]


@given(st.integers(1, 60), st.integers(1, 20), st.booleans(), st.booleans(), st.data())
def test_batches_are_a_pure_function_of_their_number(length: int, size: int, shuffle: bool, drop: bool,
                                                      data: st.DataObject) -> None:
    if drop and length < size:
        return
    stream = BatchStream(length, size, shuffle=shuffle, drop_last=drop, seed=5)
    steps = length // size if drop else -(-length // size)
    assert stream.steps_per_epoch == steps
    numbers = data.draw(st.lists(st.integers(0, 4 * steps), min_size=1, max_size=12))
    for number in numbers:  # in any order, by a stream that was used before or a new one
        fresh = BatchStream(length, size, shuffle=shuffle, drop_last=drop, seed=5)
        assert np.array_equal(stream.indices(number), fresh.indices(number))
        assert stream.epoch_of(number) == number // steps + 1
    epoch = np.concatenate([stream.indices(n) for n in range(steps, 2 * steps)])
    assert len(epoch) == stream.samples_per_epoch == (steps * size if drop else length)
    assert len(set(epoch.tolist())) == len(epoch)
    if not shuffle:
        assert epoch.tolist() == list(range(len(epoch)))


def test_streams_of_one_data_set_have_orders_of_their_own() -> None:
    source = opened("digits", batch_size=64, shuffle=True, seed=3)
    first, other = source.stream(), source.stream("critic")
    assert not np.array_equal(first.indices(0), other.indices(0))
    assert np.array_equal(other.indices(0), rng(3, "data.train.critic", 1).permutation(1437)[:64])
    assert np.array_equal(first.indices(0), source.stream().indices(0))


def test_reshuffled_in_every_epoch_and_by_every_seed() -> None:
    orders = [BatchStream(100, 100, shuffle=True, seed=seed).indices(n).tolist()
              for seed in (0, 1) for n in (0, 1, 2)]
    assert len({tuple(order) for order in orders}) == 6


@given(st.integers(2, 40), st.integers(2, 6), st.one_of(st.none(), st.integers(1, 50)))
def test_folds_cut_the_data_set(length: int, folds: int, limit: int | None) -> None:
    folds = min(folds, length)
    held_out = []
    for fold in range(folds):
        parts = {part: BatchStream(length, 1, folds=folds, fold=fold, part=part, seed=4, name=part)
                 for part in ("train", "validation")}
        train, validation = (parts[part].order(1).tolist() for part in ("train", "validation"))
        assert sorted(train + validation) == list(range(length))
        assert train == sorted(train)
        held_out += validation
        cut = BatchStream(length, 1, folds=folds, fold=fold, part="train", seed=4, limit=limit)
        assert cut.order(1).tolist() == train[:limit]
        assert cut.steps_per_epoch == lengths.selected(length, limit, folds, fold, "train")
    assert sorted(held_out) == list(range(length))


def test_limit_takes_the_first_examples() -> None:
    stream = BatchStream(100, 4, shuffle=True, limit=10, seed=1)
    assert stream.steps_per_epoch == 3
    assert sorted(np.concatenate([stream.indices(n) for n in range(3)]).tolist()) == list(range(10))
    assert [len(stream.indices(n)) for n in range(4)] == [4, 4, 2, 4]


def test_a_batch_is_cheap() -> None:
    stream = BatchStream(60_000, 64, shuffle=True)
    stream.indices(0)
    assert min(timeit.repeat(lambda: stream.indices(5), number=1000, repeat=5)) < 1000 * 5e-6


def test_negative_numbers_and_empty_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="numbered from 0"):
        BatchStream(10, 2).indices(-1)
    with pytest.raises(ValueError, match="has no batch: 3 examples, batch_size 4, drop_last"):
        BatchStream(3, 4, drop_last=True)


# -- samplers ------------------------------------------------------------------------------------------

def every_other(length: int, rng: np.random.Generator) -> list[int]:
    return rng.permutation(length)[::2].tolist()  # type: ignore[no-any-return]


def shrinking(length: int, rng: np.random.Generator) -> list[int]:
    return list(range(int(rng.integers(1, length))))


def outside(length: int, rng: np.random.Generator) -> list[int]:
    return [length]


def test_a_sampler_of_the_users() -> None:
    source = opened("digits", batch_size=10, limit=40, sampler="test_data_streams.every_other", seed=2)
    stream = source.stream()
    assert stream.steps_per_epoch == 2
    expected = rng(2, "data.train", 3).permutation(40)[::2]
    assert np.concatenate([stream.indices(4), stream.indices(5)]).tolist() == expected.tolist()


def test_weighted_draws_classes_equally_often(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    label = np.array([0] * 900 + [1] * 90 + [2] * 10)
    np.savez(file, x=np.arange(1000.0), label=label)
    source = opened("arrays", {"file": file}, batch_size=100,
                    sampler={"use": "weighted", "with": {"field": "label", "examples": 3000}})
    drawn = label[source.stream().order(1)]
    assert source.stream().steps_per_epoch == 30
    assert np.bincount(drawn).min() > 900
    folded = opened("arrays", {"file": file}, batch_size=100, sampler="edgraph.data.samplers.weighted",
                    folds=2, fold=0, part="train").stream()
    allowed = set(BatchStream(1000, 1, folds=2, fold=0, part="train").order(1).tolist())
    assert folded.length == 500
    assert set(folded.order(1).tolist()) <= allowed


def test_samplers_that_cannot_be() -> None:
    def sampler(name: object) -> object:
        return refused("digits", batch_size=10, sampler=name)
    wrong = sampler("test_data_streams.outside")
    assert (wrong.code, wrong.message) == (  # type: ignore[attr-defined]
        "data-error", "sampler of 'train': the sampler of stream 'train' gave positions from 1437 to 1437; "
                      "there are "
        "1437 examples, counted from 0")
    missing = sampler({"use": "weighted", "with": {"field": "lable"}})
    assert missing.message == (  # type: ignore[attr-defined]
        "sampler of 'train': there is no field 'lable'; there are 'image', 'label'")
    unknown = sampler("wieghted")
    assert (unknown.code, unknown.help) == ("unknown-sampler", "did you mean "
                                                               "'weighted'?")  # type: ignore[attr-defined]
    changing = BatchStream(10, 1, sampler=shrinking)
    with pytest.raises(ValueError, match="it must give equally many in each"):
        for number in range(30):
            changing.indices(number)


# -- lengths -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("settings", "length"), [
    (None, 1437), ({"split": "train"}, 1437), ({"split": "validation"}, 360), ({"split": "all"}, 1797),
    ({"split": "trian"}, None), ({"split": 3}, None), ({"split": [1]}, None)])
def test_the_length_of_digits_is_known_unread(settings: dict[str, object] | None, length: int | None) -> None:
    written = entry("digits", settings, batch_size=64)
    assert lengths.static_length(written) == length
    if length is not None:
        source = opened("digits", settings, batch_size=64)
        assert source.length == length
        assert lengths.steps_per_epoch(written, length) == source.stream().steps_per_epoch


def test_other_lengths_are_not_known_unread() -> None:
    assert lengths.static_length(entry("idx")) is None
    assert lengths.static_length(entry("my_data.Wiki")) is None
    assert lengths.static_length(entry("digits", sampler="weighted")) is None
    assert lengths.steps_per_epoch(entry("digits", batch_size=64), 1437) == 23
    assert lengths.steps_per_epoch(entry("digits", batch_size=64, drop_last=True, limit=200), 1437) == 3


def test_lengths_are_free_of_numpy() -> None:
    code = "import sys, edgraph.data.lengths; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- fixed examples ------------------------------------------------------------------------------------

def test_fixed_examples_given_keep_their_order() -> None:
    assert fixed_indices([5, 1, 3], 10, 4, 0, "train").tolist() == [5, 1, 3]


def test_fixed_examples_are_drawn_once_from_the_seed() -> None:
    drawn = fixed_indices(None, 360, 256, 0, "validation")
    assert len(drawn) == 256
    assert drawn.tolist() == sorted(set(drawn.tolist()))
    assert np.array_equal(drawn, fixed_indices(None, 360, 256, 0, "validation"))
    assert np.array_equal(drawn, np.sort(rng(0, "fixed_examples.validation", 0).permutation(360)[:256]))
    assert not np.array_equal(drawn, fixed_indices(None, 360, 256, 1, "validation"))
    assert not np.array_equal(drawn, fixed_indices(None, 360, 256, 0, "train"))
    assert fixed_indices(None, 5, 256, 0, "train").tolist() == [0, 1, 2, 3, 4]


def test_fixed_examples_are_of_what_limit_and_folds_leave() -> None:
    """A picture of the validation part shows none that the network was trained on."""
    parts = [opened("digits", folds=5, fold=1, part=part, seed=3) for part in ("train", "validation")]
    drawn = [fixed_indices(None, source.length, 300, 3, "x", source.subset()) for source in parts]
    for source, indices in zip(parts, drawn, strict=True):
        assert len(set(indices)) == min(300, source.stream().length)
        assert set(indices) <= set(source.stream().order(1)) and sorted(indices) == list(indices)
    few = opened("digits", limit=20)
    assert fixed_indices(None, few.length, 64, 0, "x", few.subset()).tolist() == list(range(20))
    assert opened("digits").subset() is None


def test_fixed_examples_outside_the_data_set() -> None:
    diagnostics = Diagnostics()
    check_fixed([0, 359], 360, "validation", span("ok"), diagnostics)
    assert not len(diagnostics)
    check_fixed([0, 360, -1], 360, "validation", span("[0, 360, -1]"), diagnostics)
    [found] = diagnostics
    assert (found.code, at(found)) == ("index-out-of-range", "[0, 360, -1]")
    assert found.message == "fixed examples 360, -1 are not in 'validation', which has 360 examples"
    assert found.help == "use indices from 0 to 359"
