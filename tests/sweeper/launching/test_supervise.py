"""Workers that are lost are launched again, and the others go on; the jobs are of no real system."""

import logging
from collections.abc import Callable, Mapping, Sequence

import pytest

from lrlab.errors import InputError
from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper.launching import supervise
from lrlab.sweeper.launching.jobs import WorkerReport
from lrlab.sweeper.launching.supervise import Supervisor, WorkersLostError
from lrlab.sweeper.study.queue import IS_JOB, Queue, TrialCounts

Act = Callable[[], WorkerReport]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "POLL_INTERVAL", 0.0)


class Jobs:
    """Each worker does what a list says, one entry for each launch; the last one again and again."""

    def __init__(self, plan: Mapping[int, list[Act]]) -> None:
        self.plan, self.submitted = plan, list[int]()
        self.running = list[int]()
        self.cancelled, self.withdrawn = False, 0

    def submit(self, numbers: Sequence[int]) -> None:
        self.submitted += numbers
        self.running += numbers

    def ended(self) -> Mapping[int, WorkerReport]:
        running, self.running = self.running, []
        acts = {number: self.plan[number] for number in running}
        return {number: (act.pop(0) if len(act) > 1 else act[0])() for number, act in acts.items()}

    def withdraw(self) -> None:
        self.withdrawn += 1

    def cancel(self) -> None:
        self.cancelled = True


@pytest.fixture
def trial(queue: Queue) -> Act:
    """A worker that completes a trial and ends as it should."""
    queue.enqueue_missing([{}] * 4)

    def act() -> WorkerReport:
        claimed = queue.claim()
        assert claimed is not None
        queue.complete(claimed, [0.0])
        return WorkerReport([(claimed.number, "result")])

    return act


@pytest.fixture
def all_trials(trial: Act) -> Act:
    return lambda: WorkerReport([result for _ in range(4) for result in trial().results])


def lost(reason: str = "n1: it was killed") -> Act:
    return lambda: WorkerReport(failure=reason)


def supervisor(jobs: Jobs, queue: Queue, relaunches: int = 2) -> Supervisor:
    return Supervisor(jobs, queue, relaunches)


def test_a_worker_that_is_lost_is_launched_again(
    queue: Queue, trial: Act, all_trials: Act, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs({0: [lost(), all_trials]})
    caplog.set_level(logging.WARNING)
    results = supervisor(jobs, queue).run(1, SignalHandler())
    assert sorted(number for number, _ in results) == [0, 1, 2, 3]
    assert jobs.submitted == [0, 0]
    assert caplog.messages == ["n1: it was killed; launched again"]


def test_the_others_go_on_without_one_whose_host_cannot_be_used(
    queue: Queue, trial: Act, caplog: pytest.LogCaptureFixture
) -> None:
    def slow() -> WorkerReport:  # one trial, then it is told to stop, as a time limit does
        return WorkerReport(trial().results, "n2: told to stop")

    jobs = Jobs({0: [lost("n1: there is no /data")], 1: [slow, slow, slow, slow]})
    caplog.set_level(logging.WARNING)
    results = supervisor(jobs, queue, relaunches=1).run(2, SignalHandler())
    assert sorted(number for number, _ in results) == [0, 1, 2, 3]
    assert queue.counts().done == 4


def test_it_says_what_is_missing_when_nobody_can_be_launched_any_more(queue: Queue, trial: Act) -> None:
    jobs = Jobs({0: [trial, lost()], 1: [lost("n1: out of memory")]})
    jobs.plan[0][0] = lambda: WorkerReport(trial().results, "n0: told to stop")
    with pytest.raises(WorkersLostError, match=r"^3 of 4 trials are missing: .*relaunches.*the last: n"):
        supervisor(jobs, queue, relaunches=2).run(2, SignalHandler())
    assert jobs.cancelled


@pytest.mark.parametrize("relaunches", [0, 1, 3])
def test_it_is_launched_again_so_often_while_no_trial_is_done(queue: Queue, trial: Act, relaunches: int) -> None:
    jobs = Jobs({0: [lost()]})
    with pytest.raises(WorkersLostError, match=f"launching each again {relaunches} times"):
        supervisor(jobs, queue, relaunches).run(1, SignalHandler())
    assert len(jobs.submitted) == 1 + relaunches


def test_a_trial_done_starts_the_count_anew(queue: Queue, trial: Act) -> None:
    def one_and_lost() -> WorkerReport:
        return WorkerReport(trial().results, "n1: time limit")

    jobs = Jobs({0: [lost(), one_and_lost, lost(), one_and_lost, lost(), one_and_lost, one_and_lost]})
    assert len(supervisor(jobs, queue, relaunches=1).run(1, SignalHandler())) == 4


def test_nobody_is_launched_again_where_no_trial_waits(
    queue: Queue, trial: Act, all_trials: Act, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs({0: [lambda: WorkerReport(all_trials().results, "n1: killed at its end")]})
    assert len(supervisor(jobs, queue).run(1, SignalHandler())) == 4
    assert jobs.submitted == [0]


def test_a_system_that_is_away_for_a_while_is_asked_again(
    queue: Queue, trial: Act, all_trials: Act, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(Jobs):
        def submit(self, numbers: Sequence[int]) -> None:
            if len(self.submitted) == 1 and len(caplog.messages) < 2:
                raise InputError("Slurm is away")
            super().submit(numbers)

    jobs = Away({0: [lost(), all_trials]})
    caplog.set_level(logging.WARNING)
    assert len(supervisor(jobs, queue, relaunches=3).run(1, SignalHandler())) == 4
    assert caplog.messages == ["Slurm is away", "Slurm is away", "n1: it was killed; launched again"]


def test_one_that_does_not_take_the_first_workers_ends_the_sweep(queue: Queue, trial: Act) -> None:
    class Closed(Jobs):
        def submit(self, numbers: Sequence[int]) -> None:
            raise InputError("no such partition")

    with pytest.raises(InputError, match="no such partition"):
        supervisor(Closed({}), queue).run(2, SignalHandler())


def test_a_system_that_stays_away_is_why_trials_are_missing(queue: Queue, trial: Act) -> None:
    class Away(Jobs):
        def submit(self, numbers: Sequence[int]) -> None:
            if self.submitted:
                raise InputError("its head does not answer")
            super().submit(numbers)

    with pytest.raises(WorkersLostError, match=r"^4 of 4 .*the last: its head does not answer$"):
        supervisor(Away({0: [lost()]}), queue).run(1, SignalHandler())


@pytest.mark.parametrize("done", [0, 1])
def test_trials_that_kill_workers_are_progress_only_where_others_are_done(queue: Queue, trial: Act, done: int) -> None:
    for _ in range(done):
        trial()

    def die() -> WorkerReport:
        claimed = queue.claim()
        assert claimed is not None
        claimed.set_user_attr(IS_JOB, True)
        queue.requeue([queue.trials()[claimed.number]], died=True)
        return WorkerReport(failure="n1: out of memory")

    jobs = Jobs({0: [die]})
    if done:
        supervisor(jobs, queue, relaunches=0).run(1, SignalHandler())
        assert queue.counts() == TrialCounts(complete=1, failed=3)
    else:
        with pytest.raises(WorkersLostError, match="4 of 4 trials are missing"):
            supervisor(jobs, queue, relaunches=1).run(1, SignalHandler())
        assert len(jobs.submitted) == 2


def test_jobs_that_wait_are_withdrawn_once_no_trial_is_left(queue: Queue, trial: Act, all_trials: Act) -> None:
    class Full(Jobs):
        """The second worker waits for a place, until it is withdrawn."""

        def ended(self) -> Mapping[int, WorkerReport]:
            waits, self.running = self.running[1:], self.running[:1]
            found = super().ended()
            self.running = [] if self.withdrawn else waits
            return {**found, **dict.fromkeys(waits if self.withdrawn else [], WorkerReport())}

    jobs = Full({0: [all_trials], 1: [lost("it must not begin")]})
    assert len(supervisor(jobs, queue).run(2, SignalHandler())) == 4
    assert jobs.withdrawn


@pytest.mark.parametrize(("signum", "error"), [(2, KeyboardInterrupt), (15, SystemExit)])
def test_a_signal_cancels_the_jobs(
    queue: Queue, trial: Act, signum: int, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "POLL_INTERVAL", 0.01)
    signals, jobs = SignalHandler(), Jobs({0: [trial]})
    signals.received = signum
    with pytest.raises(error):
        supervisor(jobs, queue).run(1, signals)
    assert jobs.cancelled
