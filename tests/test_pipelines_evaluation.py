"""The pipelines that look at a run afterwards, or while it trains: digits, its evaluation, and a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twins import rows, run

FOLDER = Path(__file__).parent.parent / "pipelines"
STEPS = 69  # three epochs


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "digits"
    run(FOLDER / "digits.yaml", folder, [f"run.num_steps={STEPS}", "run.checkpoint={every: 23, keep: 9}"])
    return folder


def evaluated(trained: Path, folder: Path, **how: Any) -> list[dict[str, Any]]:
    run(FOLDER / "evaluate-digits.yaml", folder, [f"of={trained}"], **how)
    return rows(folder)


def test_the_evaluation_gives_what_the_training_measured(trained: Path, tmp_path: Path) -> None:
    measured = {row["step"]: row["result.score.accuracy"] for row in rows(trained) if "result.score.accuracy" in row}
    found = evaluated(trained, tmp_path / "code")
    assert {row["step"]: row["result.score.accuracy"] for row in found} == measured
    assert evaluated(trained, tmp_path / "interpreter", interpret=True) == found
    names = [path.relative_to(tmp_path / "code") for path in (tmp_path / "code").rglob("*")
             if path.suffix in (".npy", ".csv") or path.name == "examples.json"]
    assert len(names) == 3 * 6  # of each checkpoint a table and five files of examples
    for name in names:
        assert (tmp_path / "code" / name).read_bytes() == (tmp_path / "interpreter" / name).read_bytes()


def test_a_second_look_needs_no_network(trained: Path, tmp_path: Path) -> None:
    last = evaluated(trained, tmp_path / "evaluation")[-1]
    run(FOLDER / "rescore-digits.yaml", tmp_path / "again", [f"folder={tmp_path / 'evaluation'}"])
    [again] = rows(tmp_path / "again")
    assert again["result.score.first"] == last["result.score.accuracy"] < again["result.score.second"]
    assert (tmp_path / "again" / "images" / "panel" / "step-00000001.png").exists()
