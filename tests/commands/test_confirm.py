"""The parts of a confirmation by themselves; test_report.py confirms a real study."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest

from lrlab.commands.confirm import Candidate, best_configurations, fresh_seeds, interval
from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.training.configuration import from_config, to_record, to_yaml
from lrlab.training.experiment import Experiment
from tests.config.test_compose_all import composed

LR = optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
SEED = optuna.distributions.CategoricalDistribution((0, 1, 7))


@pytest.fixture
def experiment() -> Experiment:
    return from_config(composed("optimizer=sgd"))


def study(tracker: MemoryTracker, experiment: Experiment, direction: Any, *trials: tuple[float, int, float]) -> Any:
    """A study whose trials are (learning rate, seed, objective)."""
    made = optuna.create_study(study_name="s", direction=direction)
    for lr, seed, value in trials:
        optimizer: Any = replace(experiment.optimizer, lr=lr)  # type: ignore[type-var]
        config = to_yaml(to_record(replace(experiment, optimizer=optimizer, seed=seed)))
        trial = optuna.trial.create_trial(
            params={"optimizer.lr": lr, "seed": seed},
            distributions={"optimizer.lr": LR, "seed": SEED},
            value=value,
            user_attrs={"run_id": tracker.create_run("trial", config=config)},
        )
        made.add_trial(trial)
    return made


@pytest.mark.parametrize(("direction", "order"), [("minimize", [1, 3]), ("maximize", [0, 2])])
def test_trials_that_differ_in_their_seed_alone_are_one(experiment: Experiment, direction: str, order: list) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, experiment, direction, (0.1, 0, 3.0), (0.1, 1, 1.0), (0.2, 0, 2.5), (0.2, 1, 2.0))
    candidates = best_configurations(searched, tracker, top=2)
    assert [candidate.trial for candidate in candidates] == order
    assert len({replace(candidate.experiment, seed=0) for candidate in candidates}) == 2
    assert len(best_configurations(searched, tracker, top=1)) == 1


def test_a_study_without_a_completed_trial_or_of_somebody_else_is_refused(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    with pytest.raises(InputError, match="has no completed trial yet"):
        best_configurations(study(tracker, experiment, "minimize"), tracker, top=1)
    foreign = optuna.create_study()
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(InputError, match="was not trained by lrlab"):
        best_configurations(foreign, tracker, top=1)


def test_fresh_seeds_are_those_no_trial_has_had(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, experiment, "minimize", (0.1, 0, 1.0), (0.1, 7, 2.0))
    assert fresh_seeds(searched, [Candidate(0, 1.0, experiment)], 3) == [8, 9, 10]
    assert fresh_seeds(searched, [Candidate(0, 1.0, replace(experiment, seed=20))], 1) == [21]


def test_an_interval_has_the_chance_of_the_seeds_and_of_the_images() -> None:
    low, high = interval(np.array([0.8, 0.8, 0.8]), images=400)
    assert (high - low) / 2 == pytest.approx(1.959964 * math.sqrt(0.8 * 0.2 / 400))
    low, high = interval(np.array([0.79, 0.81]), images=10**12)
    assert (high - low) / 2 == pytest.approx(12.7062 * 0.01, rel=1e-4)  # Student's t of one degree of freedom
    assert interval(np.array([1.0, 1.0]), images=50) == (1.0, 1.0)


def test_an_interval_covers_the_accuracy_that_was_simulated() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        split = 0.02 * rng.standard_normal()  # of these 400 images, the same for every seed: sqrt(0.8 * 0.2 / 400)
        low, high = interval(0.8 + split + 0.01 * rng.standard_normal(5), images=400)
        covered += low <= 0.8 <= high
    assert 0.92 <= covered / 400 <= 0.99
