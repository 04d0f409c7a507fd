"""Workers are launched again while trials wait, without Hydra's launchers."""

import logging
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hydra.core.utils import JobReturn, JobStatus

from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper.launching.supervise import WorkersLostError
from lrlab.sweeper.search.bracket import Precision
from lrlab.sweeper.study.queue import IS_JOB, Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.worker_pool import LaunchError, WorkerPool, results_of

RELAUNCHES = 3


@pytest.fixture
def pool(storage: Storage, queue: Queue, search: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a pool of three trials whose launches do what a list of functions says, the last one again and again."""
    queue.enqueue_missing([{}] * 3)

    def made(*launches: Callable[[], Any], may_fail: float = 1.0, overdue: Sequence[bool] = ()) -> WorkerPool:
        plan, overdue = list(launches), list(overdue)
        sweep = SimpleNamespace(
            directions=("minimize",),
            precision=Precision(),
            relaunches=RELAUNCHES,
            is_overdue=lambda: overdue.pop(0) if overdue else False,
            too_many_failed=lambda counts: counts.failed > may_fail * counts.total,
        )
        worker = SimpleNamespace(storage=storage, search=search("x=interval(0,1)"), sweep=sweep)
        monkeypatch.setattr(WorkerPool, "_launch", lambda self, signals: (plan.pop(0) if len(plan) > 1 else plan[0])())
        return WorkerPool(cast(Any, worker), cast(Any, None), queue)

    return made


def complete(queue: Queue, count: int) -> list[tuple[int, str]]:
    numbers = []
    for _ in range(count):
        trial = queue.claim()
        assert trial is not None
        queue.complete(trial, [0.0])
        numbers.append((trial.number, "result"))
    return numbers


def die() -> Any:
    raise LaunchError("it was killed")


def test_one_launch_is_enough_where_nobody_dies(pool: Any, queue: Queue) -> None:
    assert pool(lambda: complete(queue, 3)).run(SignalHandler()) == [(0, "result"), (1, "result"), (2, "result")]


def test_trials_that_wait_after_a_death_are_launched_again(
    pool: Any, queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    def one_and_die() -> Any:
        complete(queue, 1)
        die()

    caplog.set_level(logging.WARNING)
    assert pool(one_and_die, lambda: complete(queue, 2)).run(SignalHandler()) == [(1, "result"), (2, "result")]
    assert caplog.messages == ["A worker died (it was killed); 2 trials go on without it"]


def test_deaths_without_a_trial_done_end_the_sweep(pool: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(WorkersLostError, match=r"3 of 3 trials are missing: .*relaunches.*the last: it was killed"):
        pool(die).run(SignalHandler())
    assert len(caplog.messages) == RELAUNCHES


def test_workers_that_end_without_a_word_while_trials_wait_are_not_launched_for_ever(pool: Any) -> None:
    with pytest.raises(WorkersLostError, match="the last: they ended while trials wait"):
        pool(lambda: []).run(SignalHandler())


def test_too_many_failures_end_it_while_trials_wait(pool: Any, queue: Queue) -> None:
    def fail() -> Any:
        trial = queue.claim()
        assert trial is not None
        queue.fail(trial, "broken")
        return []

    assert pool(fail, may_fail=0.1).run(SignalHandler()) == []
    assert (queue.counts().failed, queue.counts().waiting) == (1, 2)


def test_what_a_worker_raised_is_raised_without_the_overrides_of_a_worker(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = JobReturn(overrides=["of no trial"], status=JobStatus.FAILED)
    failed.return_value = OSError("no space")
    with pytest.raises(OSError, match="no space"):
        results_of([JobReturn(status=JobStatus.COMPLETED, _return_value=[(0, "result")]), failed])
    assert capsys.readouterr().err == ""


def test_a_signal_that_came_ends_it(pool: Any, queue: Queue) -> None:
    signals = SignalHandler()

    def interrupted() -> Any:
        signals.received = 2
        return complete(queue, 1)

    with pytest.raises(KeyboardInterrupt):
        pool(interrupted).run(signals)


def test_a_death_that_has_a_job_to_blame_is_progress(pool: Any, queue: Queue) -> None:
    """As many jobs as there are may each kill their worker."""

    def kill() -> Any:
        trial = queue.claim()
        assert trial is not None
        trial.set_user_attr(IS_JOB, True)
        queue.requeue([queue.trials()[trial.number]], died=True)
        die()

    assert pool(kill).run(SignalHandler()) == []
    assert queue.counts() == TrialCounts(failed=3)


def test_nobody_is_launched_once_the_time_is_over(pool: Any, queue: Queue) -> None:
    assert pool(die, overdue=[True]).run(SignalHandler()) == []
    assert pool(lambda: complete(queue, 1), overdue=[False, True]).run(SignalHandler()) == [(0, "result")]
    assert queue.counts() == TrialCounts(complete=1, waiting=2)
