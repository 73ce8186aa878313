"""What is said of a name under the cursor."""

from __future__ import annotations

import pytest

from edgraph.lsp.hover import hover
from tests.lsp_tools import DIGITS, at, digits


def said(marked: str) -> str:
    analysis, offset = at(marked, str(DIGITS))
    found = hover(analysis, offset)
    assert found is not None
    return found.text


def test_a_node() -> None:
    text = said(digits("  report: {", "  rep‸ort: {"))
    assert "**report**: `log_scalars`" in text
    assert "It fires on steps 1, 50, 100, …: 10 times in this run." in text
    assert "step 1 and every 50 steps, as `every` says" in text
    assert "by itself: it is an effect" in text
    assert "place 5 of 14, after 'update', before 'fixed'" in text


def test_a_reference_tells_of_its_producer() -> None:
    text = said(digits("inputs: {image: fixed.image, label: guess.argmax}", "inputs: {image: fixed.image, label: gu‸ess.argmax}"))
    assert "**guess**: `forward(classifier)`" in text
    assert "It fires on steps 23, 46, 69, …: 20 times in this run." in text
    assert "'panel', on the last step of each epoch" in text


def test_a_part_of_a_value() -> None:
    text = said(digits("inputs: [loss, update.lr]", "inputs: [loss, update.l‸r]"))
    assert text.startswith("`update.lr`: the learning rate that the update used")
    assert "460 times in this run" in text


def test_an_output_of_a_loop() -> None:
    text = said(digits("{op: improved, inputs: score.accuracy", "{op: improved, inputs: score.accu‸racy"))
    assert "output of graph `evaluate`" in text
    assert "**score**: `loop(evaluate)`" in text and "20 times" in text


def test_an_op_of_a_loop_counts_iterations() -> None:
    text = said(digits("    outputs: {accuracy: accuracy}", "    outputs: {accuracy: accur‸acy}"))
    assert "Its value is made once, when the loop has ended." in text
    assert "'score', which runs on the last step of each epoch" in text


@pytest.mark.parametrize(("old", "new", "expected"), [
    ("{use: mlp, with: {sizes:", "{use: mlp, with: {siz‸es:", "**sizes**: a list of at least 2 whole numbers"),
    ("{use: mlp, with: {sizes:", "{use: ml‸p, with: {sizes:", "**mlp**: Linear layers"),
    ("{op: improved, inputs", "{op: impr‸oved, inputs", "**improved**"),
    ("with: {mode: max}", "with: {mo‸de: max}", "**mode**: one of 'min', 'max', by default min"),
    ("{op: cross_entropy, inputs: {input: logits", "{op: cross_entropy, inputs: {inp‸ut: logits", "**input**: input of `cross_entropy`"),
    ('lr: "${lr}"', 'lr: "${l‸r}"', "parameter of the pipeline"),
    ("run: {num_epochs: 20", "run: {num_ep‸ochs: 20", "**num_epochs**: Stop after so many epochs."),
    ("with: {optimizer: adam}", "with: {optimizer: ad‸am}", "**adam**: optimizer"),
    ("inputs: loss, with: {optimizer", "in‸puts: loss, with: {optimizer", "**inputs**: Data edges"),
    ("    over: ${data}", "    ov‸er: ${data}", "**over**: As a loop: the data set to go through."),
])
def test_other_names(old: str, new: str, expected: str) -> None:
    assert expected in said(digits(old, new))


def test_while_the_text_is_broken_the_last_good_version_answers() -> None:
    good, _ = at(digits("  report: {", "  rep‸ort: {"), str(DIGITS))
    analysis, offset = at(digits("  report: {op: log_scalars", "  rep‸ort: {op: log_scalrs"), str(DIGITS), good)
    assert analysis.diagnostics
    found = hover(analysis, offset)
    assert found is not None and "10 times in this run" in found.text
    assert "As of the last version without errors" in found.text


def test_nothing_is_said_of_nothing() -> None:
    analysis, offset = at("# a com‸ment\nops: {x: 1}\n")
    assert hover(analysis, offset) is None
