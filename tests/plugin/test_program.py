"""The minimal application run from the command line, with this sweeper."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from optuna.trial import TrialState

from lrlab.sweeper.study.queue import FAILED, OUTCOME, REASON, Queue, TrialCounts
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names

Program = Callable[..., subprocess.CompletedProcess[str]]
APP = Path(__file__).with_name("minimal_app.py")
SWEEP = ("-m", "hydra/sweeper=lrlab", "hydra.sweep.dir=sweep", "hydra.sweeper.tracking=none")
JOB = {".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "minimal_app.log"}


def files(folder: str) -> set[str]:
    return {str(Path(place, name).relative_to(folder)) for place, _, found in os.walk(folder) for name in found}


def queue() -> Queue:
    storage = parse(None, Path.cwd())
    (name,) = names(storage)
    return Queue(storage, name)


def wait_for(happened: Callable[[], object]) -> None:
    for _ in range(600):
        if happened():
            return
        time.sleep(0.1)
    raise TimeoutError


def test_a_search(program: Program) -> None:
    done = program(*SWEEP, "x=interval(0,4)", "hydra.sweeper.n_trials=6", "hydra/sweeper/sampler=random")
    assert done.returncode == 0, done.stderr
    assert queue().counts() == TrialCounts(complete=6)
    assert files("sweep") == {"multirun.yaml", "optimization_results.yaml"} | {
        f"{number}/{file}" for number in range(6) for file in JOB
    }
    assert set(os.listdir()) == {"sweep", "outputs"}
    best = yaml.safe_load(Path("sweep/optimization_results.yaml").read_text())
    study = queue().study()
    assert best == {"name": "optuna", "best_params": study.best_params, "best_value": study.best_value}
    config = yaml.safe_load(Path(f"sweep/{study.best_trial.number}/.hydra/config.yaml").read_text())
    assert config["x"] == study.best_params["x"]
    assert (config["x"] - 2) ** 2 == study.best_value
    assert done.stderr.splitlines()[-1].startswith("sweep: 6/6 done, 0 running, 0 pruned, 0 failed, best ")


def test_two_workers_of_joblib_share_the_trials_and_prune(
    program: Program,
) -> None:
    pruner = ("hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner", "+hydra.sweeper.pruner.upper=1")
    parallel = ("hydra/launcher=joblib", "hydra.sweeper.n_jobs=2")
    done = program(*SWEEP, *parallel, *pruner, "x=range(0,5)", "y=1,2", "steps=3")
    assert done.returncode == 0, done.stderr
    trials = queue().trials()
    assert sorted((trial.params["x"], trial.params["y"]) for trial in trials) == [
        (x, y) for x in range(5) for y in (1, 2)
    ]
    for trial in trials:
        loss = (trial.params["x"] - 2) ** 2 / trial.params["y"]
        assert trial.state.name == ("PRUNED" if loss > 1 else "COMPLETE")
        assert trial.intermediate_values == dict.fromkeys(range(1 if loss > 1 else 3), loss)
    assert files("sweep") == {"multirun.yaml", "optimization_results.yaml"} | {
        f"{number}/{file}" for number in range(10) for file in JOB
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["xx=1,2"], "the config has no key xx; there is x, y, steps, wait"),
        (
            ["x=1,2", "hydra.sweeper.n_jobs=2"],
            "hydra.sweeper.n_jobs=2 needs a parallel launcher: hydra/launcher=joblib",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(
    program: Program, arguments: list[str], message: str
) -> None:
    done = program(*SWEEP, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == message
    assert "Traceback" not in done.stderr
    assert os.listdir() == []


@pytest.mark.parametrize("launcher", [(), ("hydra/launcher=joblib", "hydra.sweeper.n_jobs=2")])
def test_a_sweep_that_is_terminated_gives_its_trials_back_and_can_go_on(
    program: Program, launcher: tuple[str, ...]
) -> None:
    known = (*SWEEP, *launcher, "hydra.sweeper.study_name=s", "x=1,2", "y=1,2")
    slow = {**os.environ, "MINIMAL_APP_WAIT": "60"}
    with subprocess.Popen([sys.executable, APP, *known], stdout=-1, stderr=-1, env=slow) as process:
        wait_for(lambda: names(parse(None, Path.cwd())) and queue().counts().running >= 1)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert queue().counts() == TrialCounts(waiting=4)
    resumed = program(*known)
    assert resumed.returncode == 0, resumed.stderr
    assert queue().counts() == TrialCounts(complete=4)
    done = [trial.params for trial in queue().trials(TrialState.COMPLETE)]
    assert sorted((params["x"], params["y"]) for params in done) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_failure_is_named(program: Program) -> None:
    done = program(*SWEEP, "x=1", "y=1,0")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    message = "1 of 2 trials failed, hydra.sweeper.max_failure_rate is 0; the first, trial 1: ZeroDivisionError: "
    (at,) = [index for index, line in enumerate(lines) if line.startswith(message)]
    assert lines[at - 1].startswith("ZeroDivisionError: ")
    assert "    loss = (config.x - 2) ** 2 / config.y  # fails with y=0" in lines
    assert "in main\n    loss = " in Path("sweep/1/minimal_app.log").read_text()


DEADLY = APP.with_name("deadly_app.py")
JOBLIB = ("hydra/launcher=joblib", "hydra.sweeper.n_jobs=2", "hydra.sweeper.max_failure_rate=1")


@pytest.mark.parametrize(("end", "reason"), [("again", "NotMadeAgainError: code 7"), ("locked", "LockedError: code 7")])
def test_an_error_that_cannot_be_sent_costs_one_trial(program: Program, end: str, reason: str) -> None:
    done = program(*SWEEP, *JOBLIB, "x=1,2,3", f"end={end}", app=DEADLY)
    assert done.returncode == 0, done.stderr
    assert queue().counts() == TrialCounts(complete=2, failed=1)
    assert [trial.user_attrs[REASON] for trial in queue().trials() if REASON in trial.user_attrs] == [reason]


def test_a_job_that_kills_its_worker_has_failed_after_three_tries(program: Program) -> None:
    done = program(*SWEEP, *JOBLIB, "x=2,1,3,4", app=DEADLY)
    assert done.returncode == 0, done.stderr
    assert queue().counts() == TrialCounts(complete=3, failed=1)
    (failed,) = [trial for trial in queue().trials() if trial.user_attrs.get(OUTCOME) == FAILED]
    assert (failed.params, failed.user_attrs[REASON]) == ({"x": 1}, "its process died in each of 3 tries")


def test_a_job_that_kills_the_sweep_has_failed_after_three_tries(program: Program) -> None:
    known = (*SWEEP, "hydra.sweeper.study_name=s", "hydra.sweeper.max_failure_rate=1", "x=2,1,3")
    for _ in range(3):
        assert program(*known, app=DEADLY).returncode == 7
    assert program(*known, app=DEADLY).returncode == 0
    assert queue().counts() == TrialCounts(complete=2, failed=1)


CHOOSING = """
import os
import hydra

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    assert os.environ["DEVICE"] == config.device.name
    return float(len(os.environ["DEVICE"]))

main()
"""


def test_the_environment_of_a_job_may_follow_a_choice_without_a_default(program: Program, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(CHOOSING)
    (tmp_path / "conf" / "device").mkdir(parents=True)
    for name in ("small", "large"):
        (tmp_path / "conf" / "device" / f"{name}.yaml").write_text(f"name: {name}\n")
    environment = "hydra: {job: {env_set: {DEVICE: '${hydra:runtime.choices.device}'}}}"
    (tmp_path / "conf" / "config.yaml").write_text(f"defaults: [_self_, {{device: '???'}}]\n{environment}\n")
    done = program(*SWEEP, "device=small,large", app=tmp_path / "app.py")
    assert done.returncode == 0, done.stderr
    assert queue().counts() == TrialCounts(complete=2)
