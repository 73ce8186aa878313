"""Metrics as JSON lines, on disk and in memory."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_memory import MemoryMetrics

from edgraph.run.metrics import MetricsFile, parse_metrics, read_metrics

Make = Callable[[], Any]


@pytest.fixture(params=["file", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return MemoryMetrics if request.param == "memory" else lambda: MetricsFile(tmp_path / "metrics.jsonl")


def test_rows_come_back(make: Make) -> None:
    metrics = make()
    assert metrics.read() == [] and metrics.length == 0
    values = {"report.loss": 0.1, "report.update.lr": np.float32(0.5), "n.ü": True}
    metrics.append(50, 3, 1767225600.1234, values)
    row, = metrics.read()
    assert row == {"step": 50, "epoch": 3, "time": 1767225600.123, "report.loss": 0.1,
                   "report.update.lr": 0.5, "n.ü": 1}
    assert list(row)[:3] == ["step", "epoch", "time"]
    metrics.sync()
    metrics.close()


def test_a_line_is_legal_json(make: Make, tmp_path: Path) -> None:
    metrics = make()
    metrics.append(1, 1, 0, {"a": math.nan, "b": -math.inf, "c": 1.0})
    row, = metrics.read()
    assert math.isnan(row["a"]) and row["b"] == -math.inf and row["c"] == 1 and "nonfinite" not in row
    if isinstance(metrics, MetricsFile):
        def refuse(name: str) -> None:
            raise AssertionError(name)

        raw = json.loads(metrics.path.read_text(), parse_constant=refuse)
        assert raw == {"step": 1, "epoch": 1, "time": 0, "a": None, "b": None, "c": 1.0,
                       "nonfinite": {"a": "nan", "b": "-inf"}}


def test_truncate(make: Make) -> None:
    metrics = make()
    metrics.append(1, 1, 0, {"a": 1})
    length = metrics.length
    metrics.append(2, 1, 0, {"a": 2})
    metrics.truncate(length)
    metrics.append(2, 1, 0, {"a": 3})
    assert [row["a"] for row in metrics.read()] == [1, 3]
    with pytest.raises(ValueError, match="fewer than"):
        metrics.truncate(10_000)


def test_what_is_no_number(make: Make) -> None:
    metrics = make()
    with pytest.raises(ValueError, match="every row of the metrics has a 'step'"):
        metrics.append(1, 1, 0, {"step": 1})
    for value in ("text", [1], None, np.zeros(2), 1j):
        with pytest.raises((TypeError, ValueError)):
            metrics.append(1, 1, 0, {"a": value})
    assert metrics.length == 0


def test_torch_scalars(make: Make) -> None:
    torch = pytest.importorskip("torch")
    metrics = make()
    metrics.append(1, 1, 0, {"a": torch.tensor(0.5), "b": torch.tensor(3), "c": torch.tensor([math.nan])})
    row, = metrics.read()
    assert (row["a"], row["b"]) == (0.5, 3) and math.isnan(row["c"])


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    data = b'{"step": 1}\n{"step": 2}\n{"st'
    assert [row["step"] for row in parse_metrics(data)] == [1, 2]
    assert parse_metrics(b'{"step": 1}\n{"st\n') == [{"step": 1}]
    with pytest.raises(ValueError, match="line 1 of the metrics is damaged"):
        parse_metrics(b'{"st\n{"step": 2}\n')
    assert read_metrics(tmp_path / "none.jsonl") == []


def test_going_on_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = MetricsFile(path)
    first.append(1, 1, 0, {"a": 1})
    length = first.length
    path.write_bytes(path.read_bytes() + b'{"step": 2, "a')
    second = MetricsFile(path)
    second.truncate(length)
    second.append(2, 1, 0, {"a": 2})
    assert [row["a"] for row in second.read()] == [1, 2]


def test_nothing_is_lost_when_killed(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from edgraph.run.metrics import MetricsFile
metrics = MetricsFile(Path(sys.argv[1]))
for step in range(1, 10**9):
    metrics.append(step, 1, 0, {"loss": step / 7})
    print(step, flush=True)
"""
    path = tmp_path / "metrics.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.05)
    writer.send_signal(signal.SIGKILL)
    last = int(writer.stdout.read().split()[-1])
    writer.wait()
    rows = read_metrics(path)
    assert len(rows) >= last and all(row == {"step": i, "epoch": 1, "time": 0, "loss": i / 7}
                                     for i, row in enumerate(rows, 1))
