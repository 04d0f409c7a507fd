from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState

from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study.queue import (
    DIVERGED,
    IS_JOB,
    NO_OBJECTIVE,
    OUTCOME,
    REASON,
    RETRY_OF,
    Queue,
    TrialCounts,
    claimants,
)
from lrlab.sweeper.study.storage import Storage
from lrlab.tracking.tags import Tag

ME = str(ProcessId.current())
DEAD = ME.rpartition("/")[0] + "/0"  # this process number, in an earlier life
AWAY = f"another-machine/{ME.partition('/')[2]}"


@pytest.fixture(
    params=["optuna.log", "sqlite:///x.db", "memory", pytest.param("postgresql", marks=pytest.mark.machines)]
)
def storage(request: pytest.FixtureRequest, storage_at: Callable[[str], Storage]) -> Storage:
    return storage_at(request.param)


def claim(queue: Queue) -> optuna.Trial:
    """Claim a trial that is known to wait."""
    trial = queue.claim()
    assert trial is not None
    return trial


def sign(trial: optuna.Trial, owner: str) -> None:
    """As if another process had taken the trial."""
    trial.set_user_attr(f"{Tag.OWNER}/{ME}", False)
    trial.set_user_attr(f"{Tag.OWNER}/{owner}", True)


def fixed(queue: Queue) -> list[dict]:
    return [trial.system_attrs["fixed_params"] for trial in queue.trials()]


def test_trials_are_taken_in_order_until_none_waits(queue: Queue) -> None:
    queue.enqueue_missing([{"x": 1}, {"x": 2}])
    first, second = claim(queue), claim(queue)
    assert (first.number, first.suggest_int("x", 0, 9)) == (0, 1)
    assert (second.number, second.suggest_int("x", 0, 9)) == (1, 2)
    assert queue.claim() is None
    assert queue.counts() == TrialCounts(running=2)


def test_a_trial_that_waits_without_values_gets_them_from_the_sampler(storage: Storage, queue: Queue) -> None:
    queue.enqueue_missing([{}] * 3)
    same = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=5))
    seeded = Queue(storage, "s", optuna.samplers.RandomSampler(seed=5))
    for _ in range(3):
        trial = claim(seeded)
        assert trial
        assert trial.suggest_float("x", 0, 1) == same.ask().suggest_float("x", 0, 1)


def test_a_sampler_sees_what_was_taken_and_told_before(storage: Storage, queue: Queue) -> None:
    """A study handle remembers its trials, so a fresh one is needed for every trial."""
    seen = []

    class Watcher(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            seen.append([each.state.name for each in study._get_trials(deepcopy=False, use_cache=True)])
            return super().sample_independent(study, trial, name, distribution)

    queue.enqueue_missing([{}] * 3)
    watched = Queue(storage, "s", Watcher(seed=0))
    for _ in range(3):
        trial = claim(watched)
        assert trial
        trial.suggest_float("x", 0, 1)
    assert seen == [
        ["RUNNING", "WAITING", "WAITING"],
        ["RUNNING", "RUNNING", "WAITING"],
        ["RUNNING", "RUNNING", "RUNNING"],
    ]


def test_filling_again_adds_nothing_and_more_trials_add_the_rest(queue: Queue) -> None:
    plan = [{"x": 1}, {"x": 1}, {"x": 2}]
    queue.enqueue_missing(plan)
    queue.enqueue_missing(plan)
    assert fixed(queue) == plan
    queue.enqueue_missing([{"x": 3}, *plan])  # in another order, as after a shuffle
    assert fixed(queue) == [*plan, {"x": 3}]


def test_a_plan_that_was_queued_in_part_is_completed(queue: Queue) -> None:
    plan = [{"x": value} for value in range(4)]
    queue.enqueue_missing(plan[:1])
    claim(queue)
    queue.enqueue_missing(plan)
    assert fixed(queue) == plan


def test_fewer_trials_than_there_are_is_refused(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 5)
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.n_trials must be at least 5, got 4: study s holds"):
        queue.missing_from([{}] * 4)


def test_a_queue_whose_values_were_planned_was_not_sampled(queue: Queue) -> None:
    queue.enqueue_missing([{"a": 1}])
    queue.enqueue([{}])
    assert not queue.was_sampled()
    queue.enqueue_missing([{"a": 1}, {}])
    assert queue.was_sampled()


def test_outcomes_are_counted(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 7)
    complete, pruned, failed, without, diverged, cut = (claim(queue) for _ in range(6))
    queue.complete(complete, [1.0])
    queue.prune(pruned)
    queue.fail(failed, "it broke")
    queue.fail(without, "nothing returned", NO_OBJECTIVE)
    queue.fail(diverged, "the objective must be finite, got nan", DIVERGED)
    queue.requeue([queue.trials()[cut.number]])
    assert queue.counts() == TrialCounts(waiting=2, complete=2, pruned=1, failed=1, diverged=1)
    assert queue.counts().total == 7
    assert queue.trials()[2].user_attrs[REASON] == "it broke"
    assert queue.study().best_trial.number == 0


def test_a_trial_that_was_cut_off_waits_again_with_its_values(queue: Queue) -> None:
    queue.enqueue_missing([{}])
    trial = claim(queue)
    value = trial.suggest_float("x", 0, 1)
    queue.study().enqueue_trial(trial.params, user_attrs={RETRY_OF: 0})  # as of a process that died here
    queue.requeue([queue.trials()[0]])
    queue.requeue([queue.trials()[0]])  # as of two processes at once
    again = claim(queue)
    assert again.suggest_float("x", 0, 1) == value
    assert again.user_attrs[RETRY_OF] == 0
    assert queue.claim() is None
    queue.enqueue_missing([{}])  # the retry is not one more
    assert queue.counts() == TrialCounts(running=1)


def test_a_trial_carries_the_signature_of_who_took_it(queue: Queue) -> None:
    queue.enqueue_missing([{}])
    claim(queue)
    (trial,) = queue.trials()
    assert claimants(trial) == [ME]
    assert queue.is_claimed_here(trial)


def test_repair_gives_back_the_trials_of_dead_processes_only(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 5)
    mine, dead, far, disputed, unsigned = (claim(queue) for _ in range(5))
    sign(dead, DEAD)
    sign(far, AWAY)
    disputed.set_user_attr(f"{Tag.OWNER}/{DEAD}", True)  # died after signing what this process took
    unsigned.set_user_attr(f"{Tag.OWNER}/{ME}", False)  # another program's
    assert queue.repair() == 1
    assert queue.trials()[dead.number].user_attrs[OUTCOME] == "cut off"
    running = [trial.number for trial in queue.trials(TrialState.RUNNING)]
    assert running == [mine.number, far.number, disputed.number, unsigned.number]
    assert queue.repair(gone=["another-machine"]) == 1
    assert far.number not in [trial.number for trial in queue.trials(TrialState.RUNNING)]


@pytest.mark.parametrize(("job", "stopped", "failed"), [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_a_job_of_which_three_processes_died_has_failed(queue: Queue, job: bool, stopped: bool, failed: int) -> None:
    queue.enqueue_missing([{"x": 1}])
    for death in range(3):
        assert queue.counts() == TrialCounts(waiting=1)
        assert queue.only_deadly_wait() == (death > 0 and job and not stopped)
        trial = claim(queue)
        if job:
            trial.set_user_attr(IS_JOB, True)
        sign(trial, DEAD)
        queue.repair(stopped=stopped)
    assert queue.counts() == TrialCounts(failed=failed, waiting=1 - failed)
    assert queue.trials()[2].user_attrs.get(REASON) == ("its process died in each of 3 tries" if failed else None)


def test_what_is_told_of_a_trial_that_was_taken_away_does_not_count(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 3)
    trials = [claim(queue) for _ in range(3)]
    for trial in trials:
        sign(trial, AWAY)
    assert queue.repair(gone=["another-machine"]) == 3
    queue.complete(trials[0], [0.0])
    queue.prune(trials[1])
    queue.fail(trials[2], "it broke")
    assert queue.counts() == TrialCounts(waiting=3)
