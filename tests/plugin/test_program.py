"""The toy application run from the command line, with this sweeper."""

import os
from pathlib import Path

import pytest
import yaml

from lrlab.sweep.queue import Queue, Tally
from lrlab.sweep.storage import parse
from lrlab.sweep.study import names

SWEEP = ("-m", "hydra/sweeper=lrlab", "hydra.sweep.dir=sweep")
JOB = {".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "toy.log"}


def files(folder: str) -> set[str]:
    return {str(Path(place, name).relative_to(folder)) for place, _, found in os.walk(folder) for name in found}


def queue() -> Queue:
    storage = parse(None, Path.cwd())
    (name,) = names(storage)
    return Queue(storage, name)


def test_a_search(program):
    done = program(*SWEEP, "x=interval(0,4)", "hydra.sweeper.n_trials=6", "hydra/sweeper/sampler=random")
    assert done.returncode == 0, done.stderr
    assert queue().tally() == Tally(complete=6)
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


def test_two_workers_of_joblib_share_the_trials_and_prune(program):
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
        (["xx=1,2"], "the config has no key xx; there is x, y, steps"),
        (
            ["x=1,2", "hydra.sweeper.n_jobs=2"],
            "hydra.sweeper.n_jobs=2 needs a parallel launcher: hydra/launcher=joblib",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_nothing_is_written(program, arguments, message):
    done = program(*SWEEP, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == message
    assert "Traceback" not in done.stderr
    assert os.listdir() == []


def test_a_failure_is_named(program):
    done = program(*SWEEP, "x=1", "y=1,0")
    assert done.returncode == 1
    message = "1 of 2 trials failed, hydra.sweeper.max_failure_rate is 0; the first, trial 1: ZeroDivisionError: "
    assert any(line.startswith(message) for line in done.stderr.splitlines())
    assert "in main\n    loss = " in Path("sweep/1/toy.log").read_text()
