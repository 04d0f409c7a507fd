import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from lrlab.analysis.answers import warmup
from lrlab.analysis.answers.answer import Answer
from lrlab.config.command_line import HERE
from tests.analysis.answers.conftest import made

SEEDS, LENGTHS, SIZES, RATES = (0, 1, 2), (0, 0.1, 0.3), (64, 1024), (0.1, 0.2, 0.4)
Noise = Callable[[float], float]


def planted(
    effect: Callable[[int, float], float], noise: Noise, deviation: float = 0.002, seeds: Sequence[int] = SEEDS
) -> Answer:
    """The answer where warmup of such a length adds so much to the loss at a batch size."""
    swept = {"seed": seeds, "batch_size": SIZES, "schedule.warmup": LENGTHS, "optimizer.lr": RATES}
    shift = {seed: noise(0.2) for seed in seeds}
    found = made(
        swept,
        lambda v: (
            0.5
            + math.log(v["optimizer.lr"] / 0.2) ** 2
            + effect(v["batch_size"], v["schedule.warmup"])
            + shift[v["seed"]]
            + noise(deviation)
        ),
    )
    answer = warmup.answer(found.study, found.runs, HERE)
    assert answer is not None
    return answer


def test_it_helps_at_large_batches_alone(noise: Noise) -> None:
    answer = planted(lambda size, length: -0.1 if size == 1024 and length == 0.1 else 0.0, noise)
    assert answer.sentence.startswith("at batch size 1024 warmup helps: 10% of training lowers the loss by 0.1")
    assert answer.sentence.endswith("at batch size 64 it cannot be told")
    low, high = answer.values["batch size 1024"]["differences"]["0.1"]["interval"]
    assert low < -0.1 < high
    assert answer.values["batch size 1024"]["best_lr"] == {"0": 0.2, "0.1": 0.2, "0.3": 0.2}


def test_it_hurts_where_every_length_does(noise: Noise) -> None:
    answer = planted(lambda _, length: length, noise)
    assert "at batch size 64 warmup hurts: even 10% of training raises the loss by 0.1" in answer.sentence


def test_noise_is_no_effect(noise: Noise) -> None:
    answer = planted(lambda *_: 0.0, noise, 0.05)
    assert answer.sentence.startswith("cannot tell whether warmup helps: batch size 64: ")
    assert "which includes 0" in answer.sentence


def test_one_seed_tells_nothing(noise: Noise) -> None:
    found = made({"schedule.warmup": LENGTHS, "optimizer.lr": RATES}, lambda v: v["schedule.warmup"])
    answer = warmup.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert answer.sentence == "cannot tell whether warmup helps: batch size 64: one seed"


def test_training_that_diverges_without_it(noise: Noise) -> None:
    found = made({"seed": SEEDS, "schedule.warmup": LENGTHS}, lambda v: math.inf if v["schedule.warmup"] == 0 else 0.5)
    answer = warmup.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert "every learning rate diverges with some seed without warmup" in answer.sentence


@pytest.mark.parametrize("swept", [{"schedule.warmup": (0.1, 0.2)}, {"schedule.warmup": (0,)}, {"optimizer.lr": RATES}])
def test_runs_that_are_not_about_warmup(swept: dict) -> None:
    found = made(swept, lambda _: 0.5)
    assert warmup.answer(found.study, found.runs, HERE) is None
    assert warmup.answer(found.study, None, HERE) is None


@pytest.mark.bench
@pytest.mark.parametrize("seeds", [3, 5])
def test_an_effect_is_seldom_invented(seeds: int) -> None:
    """Where warmup changes nothing, at most one in twenty batch sizes may say that it helps or hurts."""
    rng, invented, studies = np.random.default_rng(seeds), 0, 400
    for _ in range(studies):
        answer = planted(lambda *_: 0.0, lambda deviation: float(rng.normal(0, deviation)), 0.05, range(seeds))
        invented += len(re.findall(r"at batch size \d+ warmup (?:helps|hurts):", answer.sentence))
    print(f"{seeds} seeds: {invented} of {2 * studies} batch sizes")
    assert invented / (2 * studies) < 0.07


def test_losses_at_the_last_rate_tried_are_not_compared(noise: Noise) -> None:
    """What looks like a gain is that of a learning rate which was not yet high enough."""
    found = made(
        {"seed": SEEDS, "schedule.warmup": LENGTHS, "optimizer.lr": (0.1, 0.2, 0.4)},
        lambda v: 0.5 - v["optimizer.lr"] * (1 + v["schedule.warmup"]) + noise(0.001),
    )
    answer = warmup.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert answer.sentence.startswith("cannot tell whether warmup helps: batch size 64: a better learning rate may lie")


def test_a_better_rate_with_fewer_seeds_is_beyond_the_last_one(noise: Noise) -> None:
    points = [
        {"seed": seed, "schedule.warmup": length, "optimizer.lr": lr}
        for seed in SEEDS
        for length in (0, 0.1)
        for lr in (0.1, 0.2, 0.4, 0.8)
        if lr < 0.8 or seed == 0
    ]
    swept = {"seed": SEEDS, "schedule.warmup": (0, 0.1), "optimizer.lr": (0.1, 0.2, 0.4, 0.8)}
    found = made(swept, lambda v: 0.5 - v["optimizer.lr"] * (1 + v["schedule.warmup"]), points=points)
    answer = warmup.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert "a better learning rate may lie beyond those tried with 0% and 10%" in answer.sentence
