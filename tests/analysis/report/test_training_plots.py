"""Means that the figures of trainings draw, and that the figures can be drawn."""

import math

import numpy as np

from lrlab.analysis.report.training_plots import loss_by_warmup, loss_curves, mean_by, regularization
from lrlab.analysis.runs import Run

PNG = b"\x89PNG"


def run(strength: float, loss: float, lr: float = 0.1, *, diverged: bool = False) -> Run:
    params = {"regularizer.strength": strength, "optimizer.lr": lr, "batch_size": 8, "seed": 0}
    metrics = {"val/loss": [(1, 2 * loss), (2, loss)], "train/loss": [(2, loss)], "weight_norm": [(2, 1.0)]}
    return Run(0, "", params, metrics, 100, diverged=diverged)


def test_means_are_those_of_each_value_in_rising_order() -> None:
    runs = [run(1.0, 4.0), run(0.0, 1.0), run(1.0, 2.0), run(0.5, 7.0)]
    x, mean, spread = mean_by(runs, lambda each: float(each.params["regularizer.strength"]), lambda each: each.loss)
    np.testing.assert_array_equal(x, [0, 0.5, 1])
    np.testing.assert_allclose(mean, [1, 7, 3])
    np.testing.assert_allclose(spread, [0, 0, math.sqrt(2)])


def test_a_value_at_which_a_training_diverged_has_no_mean() -> None:
    runs = [run(0.0, 1.0), run(0.0, 1.0, diverged=True), run(1.0, 2.0)]
    _, mean, spread = mean_by(runs, lambda each: float(each.params["regularizer.strength"]), lambda each: each.loss)
    np.testing.assert_array_equal(np.isnan(mean), [True, False])
    np.testing.assert_array_equal(spread, [0, 0])


def test_figures_can_be_drawn() -> None:
    losses = [1.0, 0.5]
    runs = [run(0.1 * i, loss, 0.1 * (i + 1)) for i, loss in enumerate(losses)]
    assert loss_curves({"too low": runs}).startswith(PNG)
    assert loss_by_warmup({"batch size 8": {0.0: runs, 0.1: runs}}).startswith(PNG)
    assert regularization({"l1": runs, "l2": runs[:1]}).startswith(PNG)
