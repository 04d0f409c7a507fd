import math

import numpy as np

from lrlab.analysis.answers.importance import importance
from tests.analysis.answers.conftest import Made, made


def searched(trials: int) -> Made:
    """A search in which x decides, y hardly and the seed not at all."""
    rng = np.random.default_rng(0)
    points = [{"x": x, "y": y, "seed": float(s)} for x, y, s in rng.uniform(0.01, 1, (trials, 3))]
    swept = dict.fromkeys(("x", "y", "seed"), "interval(0, 1)")
    return made(swept, lambda v: (v["x"] - 0.5) ** 2 + 0.05 * v["y"], points=points)


def test_the_key_that_decides_has_the_largest_share() -> None:
    shares = importance(searched(60).study)
    assert list(shares) == ["x", "y"]
    assert shares["x"] > 0.6
    assert math.isclose(sum(shares.values()), 1)


def test_few_trials_say_nothing() -> None:
    assert importance(searched(29).study) == {}


def test_a_key_that_some_trials_lack_is_left_out() -> None:
    points = [{"x": 0.1 * i, "y": 0.2, "z": float(i)} | ({"part": 0.5} if i % 2 else {}) for i in range(1, 41)]
    swept = dict.fromkeys(("x", "y", "z", "part"), "interval(0, 1)")
    assert set(importance(made(swept, lambda v: v["x"], points=points).study)) == {"x", "z"}
