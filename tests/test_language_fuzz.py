"""Whatever stands in a file, edgraph answers with diagnostics, never with an exception."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from language_tools import DIGITS

from edgraph.language import instantiate
from edgraph.language.expand import expand
from edgraph.language.loading import load_source
from edgraph.text.diagnostics import Diagnostics
from edgraph.text.files import decode
from edgraph.text.render import render_github, render_json, render_sarif, render_text

FAST = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
TOKENS = re.findall(rb"\w+|\s+|[^\w\s]", DIGITS.encode())
PIECES = [b"{", b"}", b"[", b"]", b":", b": ", b",", b"\n", b"\n  ", b"\t", b"- ", b"'", b'"', b"#", b"&a", b"*a",
          b"!", b"!!x ", b"|", b">",
          b"<<: ", b"${", b"${lr}", b"}", b"params.", b"hold(", b"previous(x, ", b"0", b"-1", b".nan", b"1e999",
          b"null", b"~", b"\x00", b"\xff",
          b"\xc3\xa9", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"ops", b"include: ", b"pipeline.yaml", b"like: train",
          b"every: ", b"%", b"@", b"? ",
          b"---\n", b"...\n", b"\\", b"\r", b"\x85", b"e", b"0" * 5000, b"(" * 200, b"[" * 200, b"*" * 3]
OVERRIDES = ["lr=1", "ops.report.every=3", "ops.panel=null", "a.b.c=d", "=", "run.x",
             "graphs.evaluate.ops.batch.op=[", "ops.x.y.z=1",
             "models.classifier=3", "run.seed.x={", "ops=null", "params=null", "params.lr=null", "data.train.with=",
             "lr=\x00"]


def survive(data: bytes, overrides: list[str]) -> None:
    diagnostics = Diagnostics()
    source = decode("f.yaml", data, diagnostics)
    if source is not None:
        pipeline = load_source(source, overrides, diagnostics)
        if pipeline is None:
            assert diagnostics.failed
        else:
            for graph in pipeline.graphs.values():
                instantiate(graph, None, pipeline, diagnostics, graph.span)
            expand(pipeline)
            expand(pipeline, origins=True)
    for render in (render_text, render_json, render_github, render_sarif):
        render(diagnostics)


def mutate(random_: random.Random, count: int) -> bytes:
    """The example with tokens replaced, removed, repeated and swapped."""
    tokens = list(TOKENS)
    for _ in range(count):
        at = random_.randrange(len(tokens))
        match random_.randrange(5):
            case 0:
                tokens[at] = random_.choice(PIECES)
            case 1:
                tokens.insert(at, random_.choice(PIECES))
            case 2:
                del tokens[at:at + random_.randrange(1, 6)]
            case 3:
                tokens[at] = random_.choice(TOKENS)
            case _:
                other = random_.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return b"".join(tokens)


mutations = st.builds(lambda seed, count: mutate(random.Random(seed), count), st.integers(0, 2**32), st.integers(1,
                                                                                                                 12))
overrides = st.lists(st.one_of(st.sampled_from(OVERRIDES), st.text(max_size=20)), max_size=3)
anything = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES + TOKENS), max_size=40).map(b"".join),
                     mutations)


@FAST
@given(anything, overrides)
def test_no_text_raises(data: bytes, overrides: list[str]) -> None:
    survive(data, overrides)


@pytest.mark.slow
@SLOW
@given(anything, overrides)
def test_no_text_raises_slow(data: bytes, overrides: list[str]) -> None:
    survive(data, overrides)
