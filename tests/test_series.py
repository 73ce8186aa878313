"""Which checkpoint comes next, with a run and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgraph.run.checkpoints import Checkpoint
from edgraph.run.series import AGAIN, POLL, Loaded, Series, Wanted
from edgraph.run.statefile import Damaged, StateFile
from edgraph.run.watched import ENDINGS, Ending

FINISHED, KILLED, INTERRUPTED = ENDINGS["finished"], ENDINGS["running"], ENDINGS["interrupted"]


@dataclass
class World:
    """A run in memory. What happens while somebody waits is in `later`: after so many seconds, a call."""

    ending: Ending | None = None
    there: dict[str, Checkpoint] = field(default_factory=dict)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    problems: dict[str, Iterator[Exception]] = field(default_factory=dict)  # of the next reads of a file
    read_: list[str] = field(default_factory=list)
    time: float = 100.0
    serial: int = 0

    def __str__(self) -> str:
        return "runs/some"

    def save(self, step: int, name: str | None = None, damage: str | None = None) -> None:
        self.serial += 1
        file = f"{name or f'step-{step}'}.safetensors"
        self.there[file] = Checkpoint(name, step, 0 if damage else self.serial, Path(file), epoch=step // 10,
                                      damage=damage)

    def gone(self, *steps: int) -> None:
        for step in steps:
            del self.there[f"step-{step}.safetensors"]

    def end(self, ending: Ending = FINISHED) -> None:
        self.ending = ending

    def at(self, seconds: float, call: Callable[[], None]) -> None:
        self.later.append((self.time + seconds, call))

    # what a series sees
    def list(self) -> list[Checkpoint]:
        return sorted(self.there.values(), key=lambda each: each.serial)

    def read(self, which: Checkpoint) -> StateFile:
        self.read_.append(which.path.name)
        problem = next(self.problems.get(which.path.name, iter(())), None)
        if problem is not None:
            raise problem
        if which.path.name not in self.there:
            raise FileNotFoundError(which.path)
        one = self.there[which.path.name]
        return StateFile({"models": {}}, {"step": one.step, "epoch": one.epoch, "name": one.name, "serial": one.serial})

    def ended(self) -> Ending | None:
        return self.ending

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds
        for moment, call in [each for each in self.later if each[0] <= self.time]:
            self.later.remove((moment, call))
            call()
        assert self.time < 10_000, "it waits for ever"


def steps(series: Series) -> list[int]:
    """Evaluates everything."""
    found = []
    while (one := series.next()) is not None:
        assert isinstance(one, Loaded)
        found.append(one.step)
        series.finished(one)
    return found


def whole(*saved: int, ending: Ending | None = FINISHED) -> World:
    world = World(ending)
    for step in saved:
        world.save(step)
    return world


def test_all_goes_by_step() -> None:
    world = whole(30, 10, 20)
    world.save(25, "best")
    series = Series(world, Wanted("all"))
    assert steps(series) == [10, 20, 25, 30]
    assert series.done == {10: 1, 20: 2, 25: 2, 30: 3}
    assert series.reason == "all 4 checkpoints"


def test_one_step_is_one_evaluation() -> None:
    """Also where it is saved under a name too."""
    world = whole(10, 20)
    world.save(20, "best")
    assert steps(Series(world, Wanted("all"))) == [10, 20]


def test_a_filter() -> None:
    world = whole(10, 15, 20, 35)
    assert steps(Series(world, Wanted("all", lambda step, epoch: step % 10 == 0))) == [10, 20]
    assert steps(Series(world, Wanted("latest", lambda step, epoch: epoch < 3))) == [20]


def test_the_latest_and_the_best() -> None:
    world = whole(10, 20)
    world.save(15, "best")
    world.save(30)
    assert steps(Series(world, Wanted("latest"))) == [30]
    assert steps(Series(world, Wanted("best"))) == [15]
    assert steps(Series(world, Wanted("20"))) == [20]


def test_the_latest_that_can_be_read() -> None:
    world = whole(10, 20)
    world.problems["step-20.safetensors"] = iter([Damaged("step-20", "cut off")] * 9)
    warned: list[str] = []
    assert steps(Series(world, Wanted("latest"), warned.append)) == [10]
    assert warned == ["checkpoint skipped, after 2 tries: step-20: cut off"]


def test_new_ones_are_waited_for() -> None:
    world = whole(10, ending=None)
    world.at(60, lambda: world.save(20))
    world.at(600, lambda: world.save(30))
    world.at(601, world.end)
    series = Series(world, Wanted("new"))
    assert steps(series) == [10, 20, 30]
    assert series.reason == "the run has finished"


def test_what_is_written_as_the_run_ends_is_not_missed() -> None:
    """The last checkpoint comes between a look at the folder and a look at the run."""
    class Hasty(World):
        def ended(self) -> Ending | None:
            before = self.ending
            if before is None and self.time > 105:
                self.save(20)
                self.end()
            return before
    world = Hasty()
    world.save(10)
    assert steps(Series(world, Wanted("new"))) == [10, 20]


def test_a_timeout() -> None:
    world = whole(10, ending=None)
    world.at(59, lambda: world.save(20))
    series = Series(world, Wanted("new", timeout=60))
    assert steps(series) == [10, 20]
    assert series.reason == "no new checkpoint for 60 seconds"
    assert 100 + 59 + 60 <= world.time <= 100 + 59 + 60 + 3 * POLL


def test_a_killed_run_ends_the_wait_unless_it_may_be_taken_up_in_time() -> None:
    world = whole(10, ending=None)
    world.at(5, lambda: world.end(KILLED))
    series = Series(world, Wanted("new"))
    assert steps(series) == [10] and series.reason == "the run was killed"
    world = whole(10, ending=KILLED)
    world.at(30, lambda: world.save(20))
    world.at(40, world.end)
    series = Series(world, Wanted("new", timeout=60))
    assert steps(series) == [10, 20] and series.reason == "the run has finished"
    world = whole(10, ending=INTERRUPTED)
    series = Series(world, Wanted("new", timeout=60))
    assert steps(series) == [10]
    assert series.reason == "no new checkpoint for 60 seconds: the run was interrupted"


def test_one_that_fails_to_load_is_tried_again() -> None:
    world = whole(10, 20, ending=None)
    world.problems["step-10.safetensors"] = iter([Damaged("x", "cut off"), OSError(5, "input/output error")])
    world.at(60, world.end)
    warned: list[str] = []
    assert steps(Series(world, Wanted("new"), warned.append)) == [10, 20]
    assert warned == [] and world.read_.count("step-10.safetensors") == 3


def test_one_that_never_loads_is_skipped_with_a_warning() -> None:
    world = whole(10, 20, ending=None)
    world.problems["step-10.safetensors"] = iter([Damaged("step-10", "cut off")] * 99)
    world.at(60, world.end)
    warned: list[str] = []
    assert steps(Series(world, Wanted("new"), warned.append)) == [20]
    assert warned == [f"checkpoint skipped, after {len(AGAIN) + 1} tries: step-10: cut off"]
    assert world.read_.count("step-10.safetensors") == len(AGAIN) + 1


def test_a_name_that_is_saved_anew_is_another_checkpoint() -> None:
    """Given up once, it is looked at again when it is replaced."""
    world = World()
    world.save(10, "best")
    world.problems["best.safetensors"] = iter([Damaged("best", "cut off")] * 5)
    world.at(60, lambda: world.save(40, "best"))
    world.at(90, world.end)
    assert steps(Series(world, Wanted("new"))) == [40]


def test_a_header_that_cannot_be_read() -> None:
    world = whole(10)
    world.save(-1, "best", damage="cut off")
    world.problems["best.safetensors"] = iter([Damaged("best", "cut off")] * 9)
    warned: list[str] = []
    assert steps(Series(world, Wanted("all"), warned.append)) == [10]
    assert warned == ["checkpoint skipped, after 2 tries: best: cut off"]


def test_one_that_vanishes_is_skipped_without_fuss() -> None:
    """With `keep: 1` a run removes its checkpoints while they are looked at."""
    class Rotating(World):
        def read(self, which: Checkpoint) -> StateFile:
            if which.step == 10 and which.path.name in self.there:
                self.gone(10)
                self.save(20)
                self.end()
            return super().read(which)
    for which in ("all", "new", "latest"):
        world = Rotating()
        world.save(10)
        warned: list[str] = []
        assert steps(Series(world, Wanted(which), warned.append)) == [20], which
        assert warned == []


def test_a_named_one_that_is_replaced_between_the_list_and_the_read() -> None:
    class Improving(World):
        def read(self, which: Checkpoint) -> StateFile:
            if which.step == 10:
                self.save(20, "best")
            return super().read(which)
    world = Improving(FINISHED)
    world.save(10, "best")
    series = Series(world, Wanted("all"))
    assert steps(series) == [20] and series.done == {20: 2}


def test_a_resumed_one_leaves_out_what_is_done() -> None:
    world = whole(10, 20)
    first = Series(world, Wanted("all"))
    one = first.next()
    assert one is not None
    first.finished(one)
    world.save(5)
    again = Series(world, Wanted("all"))
    again.load_state(first.state())
    assert steps(again) == [5, 20] and again.done == {10: 1, 5: 0, 20: 2}
    last = Series(world, Wanted("latest"), done=dict(again.done))
    assert steps(last) == [] and last.reason == "no other checkpoint"


def test_a_signal_ends_the_wait() -> None:
    world = whole(ending=None)
    stopped = iter([False, False, True])
    assert Series(world, Wanted("new")).next(lambda: next(stopped)) is None
    assert world.time == 100 + 2 * POLL


def test_a_look_does_not_wait() -> None:
    world = whole(ending=None)
    assert Series(world, Wanted("new")).next(waits=False) is None
    assert world.time == 100


def test_what_is_said_of_nothing() -> None:
    assert Series(World(), Wanted("all")).missing() == "runs/some has no checkpoints"
    world = whole(10, 20)
    world.save(20, "best")
    assert Series(world, Wanted("bset")).missing() == ("runs/some has no checkpoint 'bset'; it has 10, 20, best (step 20)"
                                                       "; did you mean 'best'?")
    assert Series(world, Wanted("lates")).missing().endswith("; did you mean 'latest'?")
    assert Series(world, Wanted("all", lambda step, epoch: False, "step < 0")).missing() == (
        "no checkpoint of runs/some passes the filter 'step < 0': there is 10, 20, best (step 20)")
    world = World()
    world.save(-1, "best", damage="cut off")
    assert Series(world, Wanted("best")).missing() == "no checkpoint of runs/some can be read: cut off"
