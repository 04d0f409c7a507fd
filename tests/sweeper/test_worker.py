"""Workers with a small runner of their own: what they start, report, prune, tell and give back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from lrlab.errors import InputError
from lrlab.sweeper.runners.protocols import IntermediateValue, Sweep, TrialEnd
from lrlab.sweeper.search.strategy import SearchStrategy
from lrlab.sweeper.study.queue import OUTCOME, REASON, RETRY_OF, REUSES, Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.worker import WorkerLoop

STEPS = 4


@dataclass
class Toy:
    """Trains up to `free_slots` trials at once for STEPS steps; x itself is the objective at every step."""

    width: int = 1
    refused: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    interrupted_at: int = -1
    running: dict[int, tuple[float, int]] = field(default_factory=dict)
    started: list[tuple[int, Sequence[str]]] = field(default_factory=list)
    pruned: list[int] = field(default_factory=list)
    most: int = 0
    advances: int = 0

    @property
    def free_slots(self) -> int:
        return self.width - len(self.running)

    def start(self, trial: optuna.Trial, overrides: Sequence[str]) -> None:
        if trial.number in self.refused:
            raise InputError("x must be something else")
        self.started.append((trial.number, tuple(overrides)))
        self.running[trial.number] = (trial.params.get("x", 0.0), 0)
        self.most = max(self.most, len(self.running))

    def advance(self) -> list[IntermediateValue | TrialEnd]:
        self.advances += 1
        if self.advances == self.interrupted_at:
            raise KeyboardInterrupt
        events: list[IntermediateValue | TrialEnd] = []
        for number, (value, step) in list(self.running.items()):
            if number in self.failing:
                events.append(TrialEnd(number, "failed", reason="diverged"))
            else:
                events.append(IntermediateValue(number, step + 1, value))
                if step + 1 == STEPS:
                    events.append(TrialEnd(number, "complete", value, result=f"result {number}"))
            if isinstance(events[-1], TrialEnd):
                del self.running[number]
            else:
                self.running[number] = (value, step + 1)
        return events

    def prune(self, trial: int) -> None:
        self.pruned.append(trial)
        del self.running[trial]

    def close(self) -> None:
        self.running.clear()


class Impatient(optuna.pruners.BasePruner):
    """Prunes what is above one half, at any step."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        assert trial.last_step is not None
        return trial.intermediate_values[trial.last_step] > 0.5


def shift(queue: Queue, runner: Toy, search, *, workers: int = 1, rate: float = 0.0, **changes: Any) -> WorkerLoop:
    total = queue.counts().total
    unused: Any = None
    sweep = Sweep(OmegaConf.create(), unused, "s", Path(), total, workers, (), max_failure_rate=rate, **changes)
    return WorkerLoop(queue, runner, search, sweep)


def xs(*values: float) -> list[dict[str, float]]:
    return [{"x": value} for value in values]


@pytest.fixture
def over(search):
    return search("x=interval(0,1)", "y=3")


@pytest.mark.parametrize("width", [1, 3, 32])
def test_every_trial_is_started_once_in_order_and_told(queue: Queue, over: SearchStrategy, width: int) -> None:
    queue.enqueue_missing(xs(0.1, 0.2, 0.3, 0.4, 0.5))
    runner = Toy(width)
    work = shift(queue, runner, over)
    work.run()
    assert runner.started == [(number, (f"x=0.{number + 1}", "y=3")) for number in range(5)]
    assert runner.most == min(width, 5)
    assert queue.counts() == TrialCounts(complete=5)
    assert [trial.value for trial in queue.trials()] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [trial.intermediate_values for trial in queue.trials()] == [
        dict.fromkeys(range(1, STEPS + 1), trial.value) for trial in queue.trials()
    ]
    assert sorted(work.results) == [(number, f"result {number}") for number in range(5)]


def test_no_trial_begins_once_the_time_is_over(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(0.1, 0.2))
    runner = Toy()
    shift(queue, runner, over, deadline=0.0).run()
    assert (runner.started, queue.counts()) == ([], TrialCounts(waiting=2))


def test_what_runs_then_is_given_back_after_its_step(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(0.1, 0.2))
    work = shift(queue, Toy(), over)

    class Slow(Toy):
        def advance(self):
            work.sweep = replace(work.sweep, deadline=0.0)
            return super().advance()

    work.runner = Slow()
    work.run()
    work.requeue_unfinished()
    assert queue.counts() == TrialCounts(waiting=2)
    assert [trial.user_attrs.get(RETRY_OF) for trial in queue.trials()] == [None, None, 0]


def test_a_pruned_trial_makes_room_for_the_next(storage: Storage, queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(0.9, 0.1, 0.8, 0.2))
    eager = Queue(storage, "s", pruner=Impatient())
    runner = Toy(width=2)
    shift(eager, runner, over).run()
    assert runner.pruned == [0, 2]
    assert [trial.state.name for trial in queue.trials()] == ["PRUNED", "COMPLETE", "PRUNED", "COMPLETE"]
    assert runner.advances == 1 + STEPS + 1  # trial 3 starts one step after trial 1


def test_a_trial_that_has_just_ended_is_not_pruned(storage: Storage, queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(0.9))

    class Late(Impatient):
        def prune(self, study, trial):
            return trial.last_step == STEPS

    runner = Toy()
    shift(Queue(storage, "s", pruner=Late()), runner, over).run()
    assert runner.pruned == []
    assert queue.counts() == TrialCounts(complete=1)


def test_several_objectives_are_told_and_nothing_is_pruned(storage: Storage, over: SearchStrategy) -> None:
    optuna.create_study(storage=storage.open(), study_name="two", directions=["minimize", "maximize"])
    queue = Queue(storage, "two", pruner=Impatient())
    queue.enqueue_missing(xs(0.9))

    class Two(Toy):
        def advance(self):
            (number,) = self.running
            self.running.clear()
            return [IntermediateValue(number, 1, 0.9), TrialEnd(number, "complete", (0.9, 2))]

    shift(queue, Two(), over).run()
    assert [trial.values for trial in queue.trials()] == [[0.9, 2.0]]


def test_failures_are_told_with_their_reason_and_the_sweep_goes_on(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(0.1, 0.2, 0.3, 0.4))
    shift(queue, Toy(refused=(1,), failing=(2,)), over, rate=0.5).run()
    assert queue.counts() == TrialCounts(complete=2, failed=2)
    reasons = [trial.user_attrs.get(REASON) for trial in queue.trials()]
    assert reasons == [None, "x must be something else", "diverged", None]


@pytest.mark.parametrize(("refused", "failing"), [((0, 1, 2, 3, 4), ()), ((), (0, 1, 2, 3, 4))])
@pytest.mark.parametrize(("rate", "failed"), [(0.0, 1), (0.2, 2), (0.4, 3), (1.0, 5)])
def test_the_sweep_stops_when_too_many_have_failed(
    queue: Queue, over: SearchStrategy, refused: tuple[int, ...], failing: tuple[int, ...], rate: float, failed: int
) -> None:
    """More than this part of all its trials: the first ones to end may well be those that diverge at once."""
    queue.enqueue_missing(xs(0.1, 0.2, 0.3, 0.4, 0.5))
    shift(queue, Toy(refused=refused, failing=failing), over, rate=rate).run()
    assert queue.counts() == TrialCounts(failed=failed, waiting=5 - failed)


@pytest.mark.parametrize(
    ("value", "outcome"), [(math.nan, "diverged"), (-math.inf, "diverged"), (None, "no objective")]
)
def test_an_end_without_an_objective(
    queue: Queue, search: Callable[..., SearchStrategy], value: Any, outcome: str
) -> None:
    class Odd(Toy):
        def advance(self):
            ends = [TrialEnd(number, "complete", value) for number in self.running]
            self.running.clear()
            return ends

    queue.enqueue_missing([{"x": 1}])
    shift(queue, Odd(), search("x=1,2"), rate=0).run()
    (trial,) = queue.trials()
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs[OUTCOME] == outcome
    assert queue.counts() == (TrialCounts(diverged=1) if outcome == "diverged" else TrialCounts(complete=1))


def test_a_search_needs_an_objective(queue: Queue, over: SearchStrategy) -> None:
    class Mute(Toy):
        def advance(self):
            ends = [TrialEnd(number, "complete", None) for number in self.running]
            self.running.clear()
            return ends

    queue.enqueue_missing(xs(0.5))
    shift(queue, Mute(), over).run()
    assert queue.counts() == TrialCounts(failed=1)


@pytest.mark.parametrize(("value", "what"), [({"loss": 1}, "{'loss': 1}"), ("0.5", "'0.5'"), ((None, 1), "(None, 1)")])
def test_what_is_no_objective_costs_one_trial_and_says_so(
    queue: Queue, search: Callable[..., SearchStrategy], caplog: pytest.LogCaptureFixture, value: Any, what: str
) -> None:
    class Odd(Toy):
        def advance(self):
            ends = [TrialEnd(number, "complete", 0.5 if number else value) for number in self.running]
            self.running.clear()
            return ends

    queue.enqueue_missing([{"x": 1}, {"x": 2}])
    shift(queue, Odd(), search("x=1,2"), rate=0.5).run()
    assert queue.counts() == TrialCounts(complete=1, failed=1)
    assert caplog.messages == [f"Trial 0 failed: the objective must be 1 number, got {what}"]


def test_a_job_that_is_compared_with_none_may_return_anything(
    queue: Queue, search: Callable[..., SearchStrategy]
) -> None:
    class Odd(Toy):
        def advance(self):
            ends = [TrialEnd(number, "complete", "done") for number in self.running]
            self.running.clear()
            return ends

    queue.enqueue_missing([{}])
    shift(queue, Odd(), search("x=1"), rate=0).run()
    assert queue.counts() == TrialCounts(complete=1)


def test_a_wide_worker_leaves_the_others_their_share(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(*(number / 100 for number in range(9))))
    first, second = Toy(width=32), Toy(width=32)
    one, other = shift(queue, first, over, workers=2), shift(queue, second, over, workers=2)
    one.claim_trials()
    other.claim_trials()
    assert len(first.running) == 5
    assert len(second.running) == 4
    assert queue.counts() == TrialCounts(running=9)


def test_the_share_of_a_worker_that_is_gone_is_taken_over(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing(xs(*(number / 100 for number in range(9))))
    shift(queue, Toy(width=32), over, workers=2).claim_trials()  # and never comes back
    shift(queue, Toy(width=32), over, workers=2).run()
    assert queue.counts() == TrialCounts(running=5, complete=4)


def test_what_is_cut_off_waits_again_with_its_values(queue: Queue, over: SearchStrategy) -> None:
    queue.enqueue_missing([{}] * 3)
    work = shift(queue, Toy(width=2, interrupted_at=2), over)
    with pytest.raises(KeyboardInterrupt):
        work.run()
    params = [trial.params for trial in queue.trials()[:2]]
    work.requeue_unfinished()
    assert queue.counts() == TrialCounts(waiting=3)
    shift(queue, Toy(width=2), over).run()
    retries = {trial.user_attrs[RETRY_OF]: trial.params for trial in queue.trials() if RETRY_OF in trial.user_attrs}
    assert retries == dict(enumerate(params))
    assert queue.counts() == TrialCounts(complete=3)


def test_a_trial_with_the_values_of_a_complete_one_is_told_its_objective(
    queue: Queue, search, caplog: pytest.LogCaptureFixture
) -> None:
    queue.enqueue_missing([{"x": 1, "seed": 0}, {"x": 2, "seed": 0}, {"x": 1, "seed": 1}, *[{"x": 1, "seed": 0}] * 2])
    runner = Toy()
    work = shift(queue, runner, search("x=1,2", "seed=0,1"), reuse=True)
    work.run()
    assert [number for number, _ in runner.started] == [0, 1, 2]
    assert [trial.value for trial in queue.trials()] == [1, 2, 1, 1, 1]
    assert [trial.user_attrs.get(REUSES) for trial in queue.trials()] == [None, None, None, 0, 0]
    assert caplog.messages == ["trial 3 reuses trial 0", "trial 4 reuses trial 0"]
    assert (work.running, queue.counts()) == ({}, TrialCounts(complete=5))
    assert len(work.results) == 3


def test_without_it_every_trial_is_run(queue: Queue, search) -> None:
    queue.enqueue_missing([{"x": 1}] * 2)
    runner = Toy()
    shift(queue, runner, search("x=1,2")).run()
    assert len(runner.started) == 2


@pytest.mark.parametrize("outcome", ["failed", "diverged", "pruned", "no objective", "cut off", "running"])
def test_what_is_not_complete_is_never_reused(queue: Queue, search, outcome: str) -> None:
    queue.enqueue_missing([{"x": 1}])
    space = search("x=1,2")
    first = queue.claim()
    assert first is not None
    space.overrides(first, OmegaConf.create())
    if outcome == "pruned":
        queue.prune(first)
    elif outcome == "cut off":
        queue.requeue(queue.running())
    elif outcome != "running":
        queue.fail(first, "for a reason", outcome)
    queue.enqueue([{"x": 1}])
    runner = Toy(width=8)
    shift(queue, runner, space, rate=1.0, reuse=True).run()
    assert [number for number, _ in runner.started] == ([1, 2] if outcome == "cut off" else [1])
    assert not any(REUSES in trial.user_attrs for trial in queue.trials())


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), ("1", 1), (None, "null")])
def test_values_of_other_types_are_other_values(queue: Queue, one: Any, other: Any) -> None:
    """Some of them are equal in Python, but they configure different trials."""
    queue.study().add_trial(
        optuna.trial.create_trial(
            params={"x": one}, distributions={"x": optuna.distributions.CategoricalDistribution([one])}, value=0.5
        )
    )
    for value, found in (one, 0), (other, None):
        asked: Any = SimpleNamespace(params={"x": value})
        same = queue.same(asked)
        assert (same and same.number) == found
