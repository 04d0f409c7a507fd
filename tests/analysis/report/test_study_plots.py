from typing import Any

import optuna
import pytest

from lrlab.analysis.report import study_plots
from lrlab.analysis.report.study_plots import can_be_drawn, history, importance, parallel_coordinates

LR = optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
SIZE = optuna.distributions.CategoricalDistribution((16, 32))


def study(values: list[float], direction: Any = "minimize", swept: bool = True) -> optuna.Study:
    created = optuna.create_study(direction=direction)
    for i, value in enumerate(values):
        params = {"lr": 10.0 ** (-(i % 3) if swept else -1), "batch": 16 if i % 2 else 32} if swept else {"lr": 0.1}
        space = {"lr": LR, "batch": SIZE} if swept else {"lr": LR}
        created.add_trial(optuna.trial.create_trial(params=params, distributions=dict(space), value=value))
    return created


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    kept: list[Any] = []
    monkeypatch.setattr(study_plots, "png", kept.append)
    return kept


def test_what_can_be_drawn() -> None:
    assert can_be_drawn(study([3.0, 2.0, 1.0, 4.0]))
    assert not can_be_drawn(study([3.0, 2.0, 1.0]))
    assert not can_be_drawn(study([3.0, 2.0, 1.0, 4.0], swept=False))


@pytest.mark.parametrize(
    ("direction", "best"), [("minimize", [3.0, 2.0, 2.0, 1.0, 1.0]), ("maximize", [3.0, 3.0, 4.0, 4.0, 4.0])]
)
def test_the_best_so_far_follows_the_direction(drawn: list[Any], direction: str, best: list[float]) -> None:
    values = [3.0, 2.0, 4.0, 1.0, 2.5]
    history(study(values, direction), "val/loss")
    (axes,) = drawn[0].axes
    trials, line = axes.lines
    assert trials.get_ydata().tolist() == values
    assert line.get_ydata().tolist() == best
    assert axes.get_ylabel() == "val/loss"


def test_every_hyperparameter_has_a_bar_and_every_trial_a_line(drawn: list[Any]) -> None:
    created = study([3.0, 2.0, 4.0, 1.0, 2.5, 2.2, 3.1, 1.7])
    importance(created, "val/loss")
    assert {label.get_text() for label in drawn[0].axes[0].get_yticklabels()} == {"lr", "batch"}
    parallel_coordinates(created, "val/loss")
    (lines,) = [
        collection for axes in drawn[1].axes for collection in axes.collections if hasattr(collection, "get_segments")
    ][:1]
    assert len(lines.get_segments()) == 8
