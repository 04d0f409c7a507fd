import math

import pytest

from lrlab.analysis.gradient_noise import estimate_noise_scale
from lrlab.analysis.runs import Run


def run(batch_size: int, signal: list[float], noise: list[float]) -> Run:
    histories = {"gradient_signal": signal, "gradient_noise": noise}
    metrics = {name: list(enumerate(values, start=1)) for name, values in histories.items() if values}
    return Run(0, "", {"batch_size": batch_size}, metrics, 100, diverged=False)


def test_the_ratio_of_averages_over_runs_in_proportion_to_their_batch_size():
    found = estimate_noise_scale(
        [run(10, [1.0, 1.0], [100.0, 200.0]), run(30, [3.0, -0.5], [300.0, 200.0]), run(10, [], [])]
    )
    assert found is not None
    assert found.runs == 2
    assert found.epochs == [1, 2]
    assert found.by_epoch == pytest.approx([250 / 2.5, math.inf])  # of the second epoch no gradient is left
    assert found.average is None


def test_the_average_over_training():
    found = estimate_noise_scale([run(10, [1.0, 1.0], [100.0, 200.0])])
    assert found is not None
    assert found.average == pytest.approx(150)


def test_nothing_measured():
    assert estimate_noise_scale([run(10, [], [])]) is None


def test_extreme_noise():
    found = estimate_noise_scale([run(10, [0.0, 2.0, 4.0], [1.0, 0.0, -2.0])])
    assert found is not None
    assert found.by_epoch == [math.inf, 0.0, 0.0]  # no gradient; no noise; less than none, by chance
