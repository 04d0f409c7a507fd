"""The interval of a confirmation; test_report.py confirms a real study."""

import math

import numpy as np
import pytest

from lrlab.commands.confirm import interval


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
