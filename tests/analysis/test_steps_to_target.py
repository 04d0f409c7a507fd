"""Planted laws: curves that are a known function of the updates, with losses at the ends of epochs that are not."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lrlab.analysis.runs import Run, Runs
from lrlab.analysis.steps_to_target import StepsToTarget, UpdatesNeeded, steps_to_target
from lrlab.runs.history import CURVE
from lrlab.training.evaluation import log_spaced_counts

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
RATES = {0.1: 1.5, 0.2: 1.0, 0.4: 2.0}  # learning rate -> times the updates that the best one takes
SEEDS = {0: 0.97, 1: 1.0, 2: 1.03}
TOTAL, SAMPLES = 1000, 1078

Law = Callable[[float], float]


def run(batch_size: int, curve: dict[int, float], *, lr: float = 0.1, seed: int = 0) -> Run:
    """A training with such a curve: updates -> validation loss. Its end is all that it has of its epochs."""
    last = list(curve.values())[-1]
    params = {"batch_size": batch_size, "optimizer.lr": lr, "seed": seed}
    metrics = {"val/loss": [(math.ceil(TOTAL * batch_size / SAMPLES), last)], CURVE: list(curve.items())}
    return Run(0, "", params, metrics, SAMPLES, diverged=not math.isfinite(last))


def study(*runs: Run, **swept: str) -> Runs:
    return Runs("s", "", swept, runs)


def planted(updates_at: Callable[[int], float], shape: Law) -> Runs:
    """A study in which the loss is a function of the updates over how many the batch size takes."""
    counts = sorted(log_spaced_counts(TOTAL))
    return study(
        *(
            run(size, {n: shape(n / (updates_at(size) * slower * luck)) for n in counts}, lr=lr, seed=seed)
            for size in BATCH_SIZES
            for lr, slower in RATES.items()
            for seed, luck in SEEDS.items()
        ),
        batch_size="choice(16, 32, 64, 128, 256, 512)",
        seed="choice(0, 1, 2)",
    )


def means(found: StepsToTarget) -> list[float]:
    return [each.mean for each in found.batch_sizes]


def told(found: StepsToTarget | None) -> StepsToTarget:
    assert found is not None
    return found


SHAPES: dict[str, Law] = {
    "power": lambda x: 0.2 + 2 * (1 + 20 * x) ** -0.7,
    "exponential": lambda x: 0.1 + 2 * math.exp(-x),
    "line in ln(updates)": lambda x: 3 - math.log(x + 1e-3),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_training_that_takes_as_many_updates_at_every_batch_size_gains_nothing(shape: str) -> None:
    """704 updates are 10 epochs at batch size 16 and 235 at 512: what counts is updates, not whole epochs."""
    found = told(steps_to_target(planted(lambda size: 704, SHAPES[shape])))
    assert found.describe() == "no gain from 16 to 512"
    assert means(found) == pytest.approx([means(found)[0]] * 6)


@pytest.mark.parametrize("shape", SHAPES)
def test_half_the_updates_with_twice_the_batch(shape: str) -> None:
    found = told(steps_to_target(planted(lambda size: 16 * 1000 / size, SHAPES[shape])))
    assert found.describe() == "perfect scaling from 16 to 512"
    np.testing.assert_allclose(np.array(means(found)) * BATCH_SIZES, means(found)[0] * 16, rtol=0.05)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch_noise", [30, 100, 300])
def test_a_planted_critical_batch_size(shape: str, batch_noise: float) -> None:
    """updates(B) = s_min (1 + B_noise / B), recovered to 5 %, each seed and each batch size."""
    s_min = 1000 / (1 + batch_noise / 16)

    def law(size: int) -> float:
        return s_min * (1 + batch_noise / size)

    found = told(steps_to_target(planted(law, SHAPES[shape])))
    scale = 1 / 1.03  # of the last seed at the smallest batch size, which reaches the target with its last update
    for each in found.batch_sizes:
        assert (each.lr, each.is_bracketed) == (0.2, True)
        assert each.updates == pytest.approx([law(each.batch_size) * luck * scale for luck in SEEDS.values()], rel=0.05)
    slope, at_infinity = np.polyfit(1 / np.array(BATCH_SIZES), means(found), 1)
    assert at_infinity == pytest.approx(s_min * scale, rel=0.05)
    assert slope / at_infinity == pytest.approx(batch_noise, rel=0.05)


def test_between_two_measurements_the_loss_is_linear_in_the_logarithm_of_the_updates() -> None:
    """The target is 1.0, the best of batch size 100; batch size 50 passes it half way from 4 to 16 updates."""
    curves = {50: {0: 3.0, 4: 1.5, 16: 0.5, 64: 0.4}, 100: {0: 3.0, 4: 2.0, 16: 1.0}}
    found = told(steps_to_target(study(*(run(size, curves[size], lr=lr) for size in curves for lr in RATES))))
    assert (found.target, means(found)) == (1.0, [pytest.approx(8), 16])


def test_a_target_that_the_first_update_reaches_takes_one() -> None:
    curves = {50: {0: 3.0, 1: 0.9}, 100: {0: 0.5, 1: 2.0, 2: math.inf, 4: 1.0}}
    found = told(steps_to_target(study(*(run(size, curves[size], lr=lr) for size in curves for lr in RATES))))
    assert (found.target, means(found)) == (1.0, [1, 4])


SLOW, FAST, NEVER = {1: 2.0, 100: 1.0}, {1: 2.0, 10: 1.0}, {1: 2.0, 100: 1.5}


def test_a_seed_that_never_reaches_the_target_is_not_counted_as_its_whole_length() -> None:
    """Of batch size 100, lr 0.2 would be fastest, but one seed is censored; lr 0.4 was not trained with each seed."""
    runs = [run(50, SLOW, lr=lr, seed=seed) for lr in RATES for seed in (0, 1)]
    runs += [run(100, SLOW, lr=0.1, seed=seed) for seed in (0, 1)]
    runs += [run(100, FAST, lr=0.2, seed=0), run(100, NEVER, lr=0.2, seed=1), run(100, FAST, lr=0.4, seed=0)]
    small, large = told(steps_to_target(study(*runs))).batch_sizes
    assert (small.lr, small.updates, small.censored, small.reason) == (0.1, (100, 100), 0, "")
    assert large == UpdatesNeeded(100, 0.1, (100, 100), is_bracketed=False, trainings=5, censored=1)


def test_a_batch_size_without_a_learning_rate_for_every_seed_is_censored() -> None:
    """It diverges with one seed at each learning rate."""
    runs = [run(size, FAST, lr=lr, seed=seed) for size in (50, 100) for lr in RATES for seed in (0, 1)]
    runs += [run(200, FAST, lr=lr, seed=0) for lr in RATES]
    runs += [run(200, {1: 9.0, 10: math.nan}, lr=lr, seed=1) for lr in RATES]
    found = told(steps_to_target(study(*runs)))
    assert [each.batch_size for each in found.reached] == [50, 100]
    assert found.describe() == "no gain from 50 to 100"
    assert found.batch_sizes[-1].reason == (
        "batch size 200 is censored: none of its learning rates reaches the target with every seed "
        "(3 of 6 trainings never do)"
    )


def test_what_is_no_scaling_experiment() -> None:
    runs = study(*(run(size, FAST, lr=lr) for size in (50, 100) for lr in RATES), batch_size="choice(50, 100)")
    assert steps_to_target(runs)
    one_size = replace(runs, runs=tuple(each for each in runs if each.batch_size == 50))
    few_rates = replace(runs, runs=runs.runs[1:])
    coarse = replace(runs, runs=tuple(replace(each, metrics={"val/loss": [(1, 0.5)]}) for each in runs))
    partly = replace(runs, runs=(replace(runs.runs[0], metrics={"val/loss": [(1, 0.5)]}), *runs.runs[1:]))
    intervals = replace(runs, swept={"optimizer.lr": "tag(log, interval(1e-3, 1))"})
    others = replace(runs, swept={"schedule.warmup": "interval(0, 0.3)"})
    diverged = study(*(run(size, {1: math.inf}, lr=lr) for size in (50, 100) for lr in RATES))
    for refused in (one_size, few_rates, coarse, partly, intervals, others, diverged):
        assert steps_to_target(refused) is None


@pytest.mark.parametrize(
    ("slope", "kind"),
    [(0.81, "perfect scaling"), (0.79, "diminishing returns"), (0.21, "diminishing returns"), (0.19, "no gain")],
)
def test_slopes_have_names(slope: float, kind: str) -> None:
    needed = (UpdatesNeeded(size, 0.1, (1000 * size**-slope,), True, 1, 0) for size in (8, 16, 64))
    assert StepsToTarget(1.0, tuple(needed)).describe() == f"{kind} from 8 to 64"


def test_what_larger_batches_buy_in_words() -> None:
    updates = {8: 100.0, 16: 50.0, 32: 25.0, 64: 18.0, 128: 18.0}
    found = StepsToTarget(1.0, tuple(UpdatesNeeded(size, 0.1, (n,), True, 1, 0) for size, n in updates.items()))
    assert found.describe() == "perfect scaling from 8 to 32, diminishing returns from 32 to 64, no gain from 64 to 128"
