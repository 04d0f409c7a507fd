"""What a confirmation trains again: the best configurations by their means over the seeds, on fresh seeds."""

from dataclasses import dataclass, replace
from typing import Any

import optuna
import pytest

from lrlab.commands.candidates import Candidate, best_configurations, fresh_seeds
from lrlab.core.optimizer import SGD
from lrlab.errors import InputError
from lrlab.runs.provenance import Environment, Provenance
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.configuration import from_config, to_record, to_yaml
from lrlab.training.experiment import Experiment
from tests.config.test_compose_all import composed

LR = optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
ROOT = __name__.partition(".")[0]
SEED = optuna.distributions.CategoricalDistribution((0, 1, 7))


@pytest.fixture
def experiment() -> Experiment:
    return from_config(composed("optimizer=sgd"))


def study(tracker: MemoryTracker, experiment: Experiment, direction: Any, *trials: tuple[float, int, float]) -> Any:
    """A study whose trials are (learning rate, seed, objective)."""
    made = optuna.create_study(study_name="s", direction=direction)
    data = experiment.data.load()
    provenance = Provenance(1, 0, 1, 0, data.digest, len(data.train), Environment.current()).to_json()
    for lr, seed, value in trials:
        optimizer: Any = replace(experiment.optimizer, lr=lr)  # type: ignore[type-var]
        config = to_yaml(to_record(replace(experiment, optimizer=optimizer, seed=seed)))
        trial = optuna.trial.create_trial(
            params={"optimizer.lr": lr, "seed": seed},
            distributions={"optimizer.lr": LR, "seed": SEED},
            value=value,
            user_attrs={"run_id": tracker.create_run("trial", config=config, tags={Tag.PROVENANCE: provenance})},
        )
        made.add_trial(trial)
    return made


@pytest.mark.parametrize(
    ("direction", "order"), [("minimize", [(2, 2.25), (0, 2.5)]), ("maximize", [(1, 2.5), (3, 2.25)])]
)
def test_the_best_have_the_best_means_over_their_seeds(experiment: Experiment, direction: str, order: list) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, experiment, direction, (0.1, 0, 4.0), (0.1, 1, 1.0), (0.2, 0, 2.5), (0.2, 1, 2.0))
    candidates = best_configurations(searched, tracker, top=2)
    assert [(candidate.trial, candidate.value) for candidate in candidates] == order
    assert len({replace(candidate.experiment, seed=0) for candidate in candidates}) == 2
    assert len(best_configurations(searched, tracker, top=1)) == 1


def test_a_configuration_that_was_tried_twice_is_one(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, experiment, "minimize", (0.1, 0, 2.0), (0.1, 0, 1.0), (0.2, 0, 3.0))
    without_seed = optuna.create_study(study_name="s")
    distributions: Any = {"optimizer.lr": LR}
    for trial in searched.trials:
        params = {"optimizer.lr": trial.params["optimizer.lr"]}
        without_seed.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=distributions, value=trial.value, user_attrs=trial.user_attrs
            )
        )
    assert [candidate.trial for candidate in best_configurations(without_seed, tracker, top=2)] == [1, 2]


def test_a_study_without_a_completed_trial_or_of_somebody_else_is_refused(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    with pytest.raises(InputError, match="has no completed trial yet"):
        best_configurations(study(tracker, experiment, "minimize"), tracker, top=1)
    foreign = optuna.create_study()
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(InputError, match="was not trained by lrlab"):
        best_configurations(foreign, tracker, top=1)


@dataclass(frozen=True)
class Foreign(SGD):
    """An optimizer that conf/ does not offer."""


def test_a_recorded_class_of_somebody_else_needs_trust_given_now(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, replace(experiment, optimizer=Foreign(lr=0.1)), "minimize", (0.1, 0, 1.0))
    refused = rf"^optimizer\._target_ must start with lrlab\.core\.optimizer\., .* \(to trust it: --allow {ROOT}\.\)$"
    with pytest.raises(InputError, match=refused):
        best_configurations(searched, tracker, top=1)
    (found,) = best_configurations(searched, tracker, top=1, allow=[f"{ROOT}."])
    assert type(found.experiment.optimizer).__name__ == "Foreign"


def test_fresh_seeds_are_those_no_trial_has_had(experiment: Experiment) -> None:
    tracker = MemoryTracker()
    searched = study(tracker, experiment, "minimize", (0.1, 0, 1.0), (0.1, 7, 2.0))
    assert fresh_seeds(searched, [Candidate(0, 1.0, experiment)], 3) == [8, 9, 10]
    assert fresh_seeds(searched, [Candidate(0, 1.0, replace(experiment, seed=20))], 1) == [21]
