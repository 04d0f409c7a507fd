from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from lrlab.sweeper.results import save_results

SEED = optuna.distributions.CategoricalDistribution((0, 1))


def study(directions: Any, *values: list[float]) -> optuna.Study:
    made = optuna.create_study(directions=directions)
    distribution = optuna.distributions.FloatDistribution(0, 9)
    for x, each in enumerate(values):
        trial = optuna.trial.create_trial(params={"x": float(x)}, distributions={"x": distribution}, values=each)
        made.add_trial(trial)
    return made


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (study(["minimize"], [2.0], [1.0]), {"best_params": {"x": 1.0}, "best_value": 1.0}),
        (study(["maximize"], [2.0], [1.0]), {"best_params": {"x": 0.0}, "best_value": 2.0}),
        (
            study(["minimize", "minimize"], [2.0, 1.0], [1.0, 2.0], [3.0, 3.0]),
            {"solutions": [{"params": {"x": float(x)}, "values": values} for x, values in ((0, [2, 1]), (1, [1, 2]))]},
        ),
    ],
)
def test_results_have_the_form_of_hydra_s_sweepers(tmp_path: Path, study: optuna.Study, expected: dict) -> None:
    save_results(study, tmp_path)
    assert OmegaConf.load(tmp_path / "optimization_results.yaml") == {"name": "optuna"} | expected


def test_the_best_over_seeds_has_its_mean_their_number_and_their_spread(tmp_path: Path) -> None:
    made = optuna.create_study()
    distributions: Any = {"x": optuna.distributions.FloatDistribution(0, 9), "seed": SEED}
    for x, seed, value in ((1.0, 0, 0.0), (1.0, 1, 9.0), (2.0, 0, 3.0), (2.0, 1, 5.0)):
        params = {"x": x, "seed": seed}
        made.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    save_results(made, tmp_path)
    expected = {"best_params": {"x": 2.0}, "best_value": 4.0, "seeds": 2, "spread": 2**0.5}
    assert OmegaConf.load(tmp_path / "optimization_results.yaml") == {"name": "optuna"} | expected


def test_without_a_completed_trial_nothing_is_written(tmp_path: Path) -> None:
    save_results(study(["minimize"]), tmp_path)
    assert list(tmp_path.iterdir()) == []
