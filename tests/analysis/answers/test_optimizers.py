import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from lrlab.analysis.answers import optimizers
from lrlab.analysis.answers.answer import Answer
from lrlab.config.command_line import HERE
from tests.analysis.answers.conftest import made

SEEDS, SIZES = (0, 1, 2, 3), (32, 64)
BEST_LR = {"sgd": 0.4, "momentum": 0.2, "adam": 0.1}
Noise = Callable[[float], float]


def planted(
    losses: Mapping[str, float], noise: Noise, deviation: float = 0.002, seeds: Sequence[int] = SEEDS
) -> Answer:
    """The answer where each optimizer has such a loss at the learning rate that is best for it."""
    shift = {seed: noise(0.2) for seed in seeds}
    found = made(
        {"seed": seeds, "optimizer": tuple(losses), "batch_size": SIZES, "optimizer.lr": (0.05, 0.1, 0.2, 0.4, 0.8)},
        lambda v: (
            losses[v["optimizer"]]
            + math.log(v["optimizer.lr"] / BEST_LR[v["optimizer"]]) ** 2
            + shift[v["seed"]]
            + noise(deviation)
        ),
    )
    answer = optimizers.answer(found.study, found.runs, HERE)
    assert answer is not None
    return answer


def test_each_is_taken_at_its_own_best_rate(noise: Noise) -> None:
    answer = planted({"sgd": 0.6, "momentum": 0.5, "adam": 0.3}, noise)
    assert answer.sentence.startswith("adam is best: adam 0.")
    assert [each["optimizer"] for each in answer.values["ranking"]] == ["adam", "momentum", "sgd"]
    assert answer.sentence.endswith("on average over 2 batch sizes")
    rates = {name: each["lr"] for name, each in answer.values["by_setting"]["batch size 32"].items()}
    assert rates == {"adam": 0.1, "momentum": 0.2, "sgd": 0.4}
    low, high = answer.values["differences"]["momentum less adam"]["interval"]
    assert low < 0.2 < high


def test_some_lead_together(noise: Noise) -> None:
    answer = planted({"sgd": 0.9, "momentum": 0.3, "adam": 0.3}, noise)
    assert "lead and cannot be told apart" in answer.sentence
    assert "sgd" not in answer.sentence.partition("lead")[0]


def test_noise_ranks_nobody(noise: Noise) -> None:
    assert planted(dict.fromkeys(BEST_LR, 0.5), noise, 0.05).sentence.startswith("cannot tell them apart: ")


def test_one_seed_ranks_nobody(noise: Noise) -> None:
    answer = planted({"sgd": 0.6, "adam": 0.3}, noise, seeds=(0,))
    assert answer.sentence.startswith("cannot tell for want of seeds: it takes two; the least loss is that of adam")


def test_one_that_diverges_somewhere_is_left_out() -> None:
    found = made(
        {"seed": SEEDS, "optimizer": ("sgd", "adam"), "batch_size": SIZES},
        lambda v: math.inf if (v["optimizer"], v["batch_size"]) == ("sgd", 64) else 0.5,
    )
    answer = optimizers.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert answer.sentence.startswith("cannot tell: no two optimizers")
    assert any(line.startswith("sgd: a seed diverged") for line in answer.details)


def test_one_optimizer_is_no_question() -> None:
    found = made({"optimizer.lr": (0.1, 0.2)}, lambda _: 0.5, fixed={"optimizer": "sgd"})
    assert optimizers.answer(found.study, found.runs, HERE) is None


@pytest.mark.bench
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_winner_is_seldom_invented(seeds: int) -> None:
    rng, invented, studies = np.random.default_rng(seeds), 0, 500
    for _ in range(studies):
        answer = planted(
            dict.fromkeys(BEST_LR, 0.5), lambda deviation: float(rng.normal(0, deviation)), 0.05, range(seeds)
        )
        invented += not answer.sentence.startswith("cannot tell")
    print(f"{seeds} seeds: {invented} of {studies} studies")
    assert invented / studies < 0.07


def test_one_whose_best_rate_is_the_last_one_tried_is_not_behind(noise: Noise) -> None:
    found = made(
        {"seed": SEEDS, "optimizer": ("sgd", "adam"), "optimizer.lr": (0.1, 0.2, 0.4)},
        lambda v: (
            (0.3 + math.log(v["optimizer.lr"] / 0.2) ** 2 if v["optimizer"] == "adam" else 1 - v["optimizer.lr"])
            + noise(0.001)
        ),
    )
    answer = optimizers.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert answer.sentence.startswith("cannot tell them apart: adam 0.2994, sgd 0.5996")
    assert "better learning rates may lie beyond those tried with sgd" in answer.sentence
