import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lrlab.sweeper.study.choice import Choice


@pytest.mark.parametrize(
    ("distribution", "stored", "given"),
    [
        (FloatDistribution(1e-3, 1, log=True), 0.1, 0.1),
        (IntDistribution(1, 9), 3.0, 3),
        (CategoricalDistribution(["x", "y"]), 1.0, "y"),
    ],
)
def test_a_trial_is_given_the_value_that_is_stored(
    distribution: BaseDistribution, stored: float, given: object
) -> None:
    trial = optuna.create_study().ask()._get_latest_trial()
    Choice("key", stored, distribution).give(trial)
    assert trial.params == {"key": given}
    assert trial.distributions == {"key": distribution}


def test_without_a_distribution_it_is_an_attribute() -> None:
    trial = optuna.trial.create_trial(value=0.0)
    Choice("note", [1]).give(trial)
    assert trial.system_attrs == {"note": [1]}
    assert trial.params == {}
