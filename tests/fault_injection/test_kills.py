"""kill -9 of workers and of the sweep itself, at random and at named points: resume completes exactly N."""

import signal
import sys
import time
from pathlib import Path

import pytest

from tests.fault_injection.lab import TWO, Lab, kill, seeded

faults = pytest.mark.faults
CRASH = Path(__file__).with_name("crash.py")
# what is about to happen, or has just happened, for the n-th time
POINTS = [
    "before lrlab.sweeper.study.study:create 1",
    "after lrlab.sweeper.study.study:create 1",
    "after lrlab.sweeper.study.journal_store:JournalStore.add 1",
    "after optuna:Study.set_user_attr 2",
    "after lrlab.sweeper.study.queue:Queue.enqueue_missing 1",
    "before lrlab.tracking.mlflow_tracker:MlflowTracker.create_run 1",
    "after lrlab.tracking.mlflow_tracker:MlflowTracker.create_run 1",
    "after lrlab.tracking.mlflow_tracker:MlflowTracker.create_run 3",
    "after optuna.storages:JournalStorage.set_trial_user_attr 1",
    "after lrlab.sweeper.study.journal_store:JournalStore.claim 1",
    "after optuna.storages:JournalStorage.set_trial_state_values 1",
    "after optuna.storages:JournalStorage.set_trial_state_values 4",
    "after lrlab.sweeper.search.strategy:SearchStrategy.overrides 2",
    "before lrlab.sweeper.worker:WorkerLoop.handle_events 2",
    "after lrlab.sweeper.worker:WorkerLoop.handle_events 3",
    "before lrlab.tracking.mlflow_tracker:MlflowTracker.end_run 2",
    "after lrlab.tracking.mlflow_tracker:MlflowTracker.end_run 2",
    "after lrlab.runs.recorder:log_weights 1",
    "before lrlab.sweeper.study.queue:Queue.complete 1",
    "after lrlab.sweeper.study.queue:Queue.complete 1",
    "after lrlab.sweeper.study.queue:Queue.complete 5",
    "before lrlab.sweeper.sweeper:save_results 1",
    "before lrlab.cli.app:TrainingTask.on_sweep_end 1",
    "after lrlab.tracking.mlflow_tracker:MlflowTracker.set_tags 1",
]
SHORT = (POINTS[6], POINTS[9])


@pytest.mark.parametrize("point", [pytest.param(each, marks=() if each in SHORT else faults) for each in POINTS])
def test_the_sweep_is_killed_at_a_named_point(lab: Lab, point: str) -> None:
    trials = 5
    command = lab.command(trials, "epochs=3", "population.width=2")
    crash = [sys.executable, str(CRASH), point, *command[3:]]
    with lab.running(crash) as process:
        assert process.wait(120) == -signal.SIGKILL, (lab.place / "said").read_text()
    queue = lab.queue()
    if queue is None or not queue.trials():  # it did not come to be: the same command again
        with lab.running(command) as process:
            assert process.wait(120) == 0
    else:
        assert lab.resume() == 0
    lab.check(trials)


GIVEN_BACK = [f"{when} lrlab.sweeper.study.journal_store:JournalStore.requeue 1" for when in ("after", "before")]


@pytest.mark.parametrize("point", [GIVEN_BACK[0], pytest.param(GIVEN_BACK[1], marks=faults)])
def test_a_resume_is_killed_while_it_gives_trials_back(lab: Lab, point: str) -> None:
    trials = 4
    command = lab.command(trials, "epochs=3", "population.width=2")
    killed = "after lrlab.sweeper.worker:WorkerLoop.handle_events 1"
    with lab.running([sys.executable, str(CRASH), killed, *command[3:]]) as process:
        assert process.wait(120) == -signal.SIGKILL
    with lab.running([sys.executable, str(CRASH), point, *command[3:]]) as process:
        assert process.wait(120) == -signal.SIGKILL
    assert lab.resume() == 0
    lab.check(trials)


@pytest.mark.parametrize("kills", [pytest.param(30, marks=faults)])
def test_the_sweep_is_killed_at_random(lab: Lab, kills: int) -> None:
    chance = seeded("kills of the sweep")
    trials, done = 40, 0
    command = lab.command(trials, "epochs=60", "population.width=2", *TWO)
    while done < kills:
        with lab.running(command) as process:
            time.sleep(chance.uniform(0.5, 9))
            if process.poll() is None:
                process.kill()  # the workers find out by themselves
                process.wait()
                done += 1
                time.sleep(chance.uniform(0, 1))
            elif done < kills:
                trials += 20
                command = lab.command(trials, "epochs=60", "population.width=2", *TWO)
    assert lab.resume(f"hydra.sweeper.n_trials={trials}") == 0
    lab.check(trials)
    print(f"{done} kills of the sweep over {trials} trials")


@pytest.mark.parametrize(("kills", "trials"), [(1, 8), pytest.param(200, 200, marks=faults)])
def test_workers_are_killed_at_random(lab: Lab, kills: int, trials: int) -> None:
    chance = seeded("kills of workers")
    done, starts = 0, 0
    while True:
        starts += 1
        with lab.running(lab.command(trials, "epochs=240", "population.width=2", *TWO)) as process:
            while done < kills and lab.wait(lab.workers, process):
                time.sleep(chance.uniform(0, 1.5))
                workers = lab.workers()
                done += bool(workers) and kill(chance.choice(workers))
            process.wait(900)
        queue = lab.queue()
        over = queue is not None and queue.counts().done == trials
        if over and done == kills:
            break
        trials += trials // 4 * over  # they were done too soon
        assert starts < 10 + kills, (lab.place / "said").read_text()
    lab.check(trials)
    print(f"{done} kills of workers over {trials} trials; the sweep was started {starts} times")
