"""Every chapter, made small: claims, pictures and records. What it measures with is compared with naive versions."""

import io
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from lrlab.core.hessian import softmax_hessian
from lrlab.core.model import Layer
from lrlab.lecture.chapters import (
    adam,
    gradient_noise,
    loss,
    momentum,
    neighbours,
    network,
    newton,
    regularization,
    scaling,
    schedules,
    test_functions,
)
from lrlab.lecture.chapters.table import CHAPTERS, Chapter
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.tracking.memory_tracker import MemoryTracker
from tests.parity import naive

NEVER: Any = None  # the experiment of a training that never was


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)
@pytest.mark.usefixtures("short")
def test_every_chapter(chapter: Chapter, trainer: ChapterTrainer, tracker: MemoryTracker) -> None:
    result = chapter.measure(trainer)
    assert result.claims
    assert len({claim.claim for claim in result.claims}) == len({claim.name for claim in result.claims})
    assert len({claim.claim for claim in result.claims}) == len(result.claims)
    for claim in result.claims:
        assert claim.expected.strip()
        assert within(claim.section, chapter.number)
        assert len(claim.name) < 50
        assert not re.search(r"\de[-+]?\d|\binf\b", claim.expected + claim.measured)  # numbers as people write them
        for failure in filter(None, [claim.failure]):
            assert "nan" not in failure.reason + failure.condition
            assert bool(failure.condition) >= failure.seen
        assert isinstance(claim.holds, bool | np.bool_)
        assert re.search(r"\d|not finite", claim.measured), claim.measured  # a claim is settled by a number
        assert "nan" not in claim.measured.lower(), claim.measured
    assert result.figures
    for picture in result.figures:
        assert picture.caption
        assert picture.title
        assert Image.open(io.BytesIO(picture.png)).format == "PNG"
    (parent,) = [run for run in tracker.files if tracker.get_run(run).parent is None]
    assert all(run.status in ("FINISHED", "FAILED") for run in tracker.child_runs(parent))


def within(section: str, chapter: str) -> bool:
    """Whether a section, such as 5.6, lies in those of a chapter, such as 5.5 to 5.8 or 5.8, 5.9."""
    first, *rest = re.findall(r"[\d.]+", chapter)
    return section.startswith(first) or first <= section <= (rest or [first])[-1]


def trained(**history: list[float]) -> Trained:
    """A training that never was."""
    return Trained(NEVER, "", {name.replace("_", "/"): values for name, values in history.items()}, {}, {})


def test_claims_can_fail() -> None:
    baseline, worse = trained(train_loss=[1.0], val_loss=[2.0]), trained(train_loss=[1.1], val_loss=[2.1])
    regularized: Any = SimpleNamespace(regularizer=SimpleNamespace(strength=0.1))
    worse = Trained(regularized, "", worse.history, {}, {})
    for run in (baseline, worse):
        run.history["val/accuracy"] = [0.5]
    better = Trained(worse.experiment, "", worse.history | {"val/loss": [1.9]}, {}, {})
    assert regularization._improves_validation("L2", baseline, better).holds
    assert not regularization._improves_validation("L2", baseline, worse).holds
    caught, rolled = trained(x=[0.96]), trained(x=[-1.04])
    assert test_functions._local_minimum_claim({"SGD": caught, "momentum": rolled}).holds
    assert not test_functions._local_minimum_claim({"SGD": rolled, "momentum": rolled}).holds
    assert newton._memory([(n, 1.0, 8 * n**2) for n in (10, 100)]).holds
    assert not newton._memory([(n, 1.0, 8 * n**3) for n in (10, 100)]).holds


def way(end: float, *x: float) -> Trained:
    return trained(val_loss=[end], x=[*x], y=[0.0] * len(x))


def test_hard_functions_hold_for_all_for_some_or_not_at_all() -> None:
    low, high = way(0.1, 0, 1), way(0.2, 0, 1, 0, 1)
    paths = {"SGD": high, "Adam": low, "momentum": low}
    assert test_functions._hard("beale", paths, paths).verdict == "holds"
    paths = {"SGD": way(0.15), "Adam": low, "RMSprop": high}
    some = test_functions._hard("beale", paths, paths)
    assert (some.verdict, some.condition) == ("depends", "for Adam")
    assert some.reason == (
        "RMSprop's last 4 steps add up to 3 and bring it 1 further: it jumps to and fro, at steps that do not shrink."
    )
    decayed = test_functions._hard("beale", paths, paths | {"RMSprop": low})
    assert decayed.condition == "for Adam; for RMSprop under a cosine schedule, with which it ends at 0.1"
    none = test_functions._hard("beale", {"SGD": low, "Adam": high}, {"Adam": high})
    assert (none.verdict, none.condition) == ("fails", "")


def test_why_a_decay_does_not_beat_a_constant_rate() -> None:
    def runs(train: float, *val: float) -> list[Trained]:
        return [
            replace(trained(train_loss=[train], val_loss=[loss]), experiment=rated(lr))
            for lr, loss in zip(schedules.LRS, val, strict=True)
        ]

    constant, cosine, step = runs(0.1, 4, 3, 1, 2), runs(0.2, 5, 4, 1.1, 1.9), runs(0.3, 5, 4, 1.2, 2.5)
    paths = {"constant": constant, "cosine": cosine, "step": step}
    chosen = {name: min(group, key=lambda run: run.last("val/loss")) for name, group in paths.items()}
    failure = schedules._why_no_decay(paths, chosen)
    assert failure.seen
    assert failure.condition == "at the same rate of 0.1, for cosine"
    assert "2 of 2 decays end at a higher training loss (0.2000 to 0.3000) than constant (0.1000)" in failure.reason
    assert not schedules._why_no_decay({"constant": constant, "step": step}, {"constant": constant[2]}).seen


def rated(lr: float) -> Any:
    return SimpleNamespace(optimizer=SimpleNamespace(lr=lr), epochs=20)


def test_where_twice_the_batch_and_twice_the_rate_train_alike() -> None:
    def run(size: int, lr: float, loss: float) -> Trained:
        made: Any = SimpleNamespace(seed=0, batch_size=size, optimizer=SimpleNamespace(lr=lr))
        return Trained(made, "", {"val/loss": [loss]}, {}, {})

    grid = [run(16, 0.1, 1.0), run(32, 0.2, 1.001), run(64, 0.4, 1.5), run(32, 0.1, np.inf), run(64, 0.2, 9.0)]
    claim = scaling._literal([run(256, 0.1, 0.8), run(512, 0.2, 0.7)], grid, 1200)
    assert (claim.verdict, claim.measured) == ("depends", "validation losses 0.8000 and 0.7000: 12.5 % apart")
    assert claim.condition == "for 1 of 2 pairs of the grid, such as 0.1 at 16 and 0.2 at 32"
    assert "After 25 and 15 updates" in claim.reason
    assert scaling._literal([run(256, 0.1, 0.8), run(512, 0.2, 0.8)], grid, 1200).verdict == "holds"
    apart = [run(16, 0.1, 1.0), run(32, 0.2, 2.0)]
    assert scaling._literal([run(256, 0.1, 0.8), run(512, 0.2, 0.7)], apart, 1200).verdict == "fails"


@pytest.mark.parametrize(
    ("values", "steps"),
    [([3, 2, 1], 3), ([1, 1, 1], 1), ([3, 0.5, 2, 0.9, 1], 4), ([3, 2], np.inf), ([0.5, np.nan], np.inf)],
)
def test_steps_until_a_value_is_reached_for_good(values: list[float], steps: float) -> None:
    assert test_functions.steps_until(values, 1.0) == steps


def test_sparse_and_spread_weights() -> None:
    def of(*weights: float) -> Trained:
        return Trained(NEVER, "", {}, {"W1": np.array([weights])}, {})

    assert [regularization.zeros(of(0, 1, 0, -2)), regularization.zeros(of(1e-30, 1))] == [0.5, 0]
    shares = [regularization.effective_share(run) for run in (of(1, 0, 0, 0), of(-2, 2, 2, 2), of(1, 1, 0, 0))]
    np.testing.assert_allclose(shares, [0.25, 1, 0.5])


def test_the_loss_of_a_probability() -> None:
    p = np.array([0.01, 0.1, 0.5, 0.99])
    np.testing.assert_allclose(loss.of_probability(p), -np.log(p), rtol=1e-12)


def test_gradient_noise_is_that_of_sampling_without_replacement(trainer: ChapterTrainer) -> None:
    """E |g_B - g|^2 = trace(covariance) / B * (N - B) / (N - 1)."""
    data = trainer.load(trainer.preset.subset)
    rng = np.random.default_rng(0)
    layers = [Layer(0.1 * rng.standard_normal((1, 10, 64)), np.zeros((1, 10)))]
    x, y = data.x[data.train].astype(float), data.y[data.train]
    p = naive.softmax(x @ layers[0].W[0].T)
    per_sample = ((p - np.eye(10)[y])[:, :, None] * x[:, None]).reshape(len(x), -1)
    full = gradient_noise.gradient(data, layers, data.train)
    np.testing.assert_allclose(full, per_sample.mean(axis=0), rtol=1e-9, atol=1e-12)
    for size in (1, 16, 300):
        variance = per_sample.var(axis=0).sum() / size * (len(x) - size) / (len(x) - 1)
        expected = np.sqrt(variance / (full**2).sum())
        assert gradient_noise.gradient_noise(data, layers, full, size) == pytest.approx(expected, rel=0.1)


def test_the_other_form_of_momentum_and_adam_without_correction() -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal(4)
    velocity, expected, v = w.copy(), w.copy(), np.zeros(4)
    raw, other, m, s = w.copy(), w.copy(), np.zeros(4), np.zeros(4)
    states = [optimizer.init(w) for optimizer in (momentum.Velocity(), adam.Uncorrected())]
    for t in range(1, 6):
        g, lr = rng.standard_normal(4), 0.1 / t
        momentum.Velocity().update(velocity, g, states[0], lr, t, np.empty(4))
        v = 0.9 * v - lr * g
        expected = expected + v
        adam.Uncorrected().update(raw, g, states[1], lr, t, np.empty(4))
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        other = other - lr * m / (np.sqrt(s) + 1e-8)
    np.testing.assert_allclose(velocity, expected, rtol=1e-12)
    np.testing.assert_allclose(raw, other, rtol=1e-10)


def test_neighbours_of_the_test_are_all_other_images(trainer: ChapterTrainer) -> None:
    data = trainer.load(trainer.preset.full_data)
    x, x_test = data.pixels()
    for metric, theirs in (("l1", "manhattan"), ("l2", "euclidean")):
        reference = {k: KNeighborsClassifier(k, metric=theirs, algorithm="brute").fit(x, data.y) for k in (1, 10)}
        expected = {k: classifier.score(x_test, data.y_test) for k, classifier in reference.items()}
        assert neighbours.test(trainer, data, metric, {1, 10}) == pytest.approx(expected)


def test_classes_of_points() -> None:
    rng = np.random.default_rng(0)
    names = ("W1", "b1", "W2", "b2")
    parameters = [rng.standard_normal(shape) for shape in ((7, 2), (7,), (3, 7), (3,))]
    points = rng.standard_normal((50, 2))
    run = Trained(NEVER, "", {}, dict(zip(names, parameters, strict=True)), {})
    np.testing.assert_array_equal(network.classes_of(run, points), naive.forward(parameters, points)[-1].argmax(axis=1))


def test_what_a_newton_step_costs() -> None:
    parameters, seconds, peak = newton.cost(20)
    assert (parameters, seconds > 0) == (210, True)
    assert peak > softmax_hessian(np.full((2, 10), 0.1), np.ones((2, 21))).nbytes
    norms = [1.0, 1e-5, 1e-9, 1e-10]
    assert newton.steps(Trained(NEVER, "", {"gradient_norm": norms}, {}, {})) == 3
    assert newton.steps(Trained(NEVER, "", {"gradient_norm": norms[:2]}, {}, {})) == np.inf
