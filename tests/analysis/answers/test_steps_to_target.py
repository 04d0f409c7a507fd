from collections.abc import Callable

import pytest

from lrlab.analysis.answers import steps_to_target
from lrlab.analysis.answers.answer import Answer
from lrlab.config.command_line import HERE
from lrlab.runs.history import CURVE
from lrlab.training.evaluation import log_spaced_counts
from tests.analysis.answers.conftest import made

SIZES, SEEDS, RATES = (16, 32, 64, 128), (0, 1, 2), {0.1: 1.5, 0.2: 1.0, 0.4: 2.0}


def planted(updates_at: Callable[[int], float], spread: float = 0.03) -> Answer:
    """The answer where a batch size takes so many updates to a loss of 1/2, times what seed and learning rate make."""

    def curve(config: dict) -> dict:
        luck = 1 + spread * (config["seed"] - 1) * (-1) ** SIZES.index(config["batch_size"])
        half = updates_at(config["batch_size"]) * RATES[config["optimizer.lr"]] * luck
        return {CURVE: [(n, 1 / (1 + n / half)) for n in sorted(log_spaced_counts(1000))]}

    def end(values: dict) -> float:
        return curve(values)[CURVE][-1][1]

    swept = {"seed": SEEDS, "batch_size": SIZES, "optimizer.lr": tuple(RATES)}
    found = made(swept, end, metrics=curve, fixed={"updates": 1000})  # type: ignore[arg-type]
    answer = steps_to_target.answer(found.study, found.runs, HERE)
    assert answer is not None
    return answer


def test_a_larger_batch_saves_in_proportion() -> None:
    answer = planted(lambda size: 1600 / size)
    assert answer.sentence.startswith("8 times the batch takes 7.98 [6.97, 9.13] times fewer")
    assert answer.sentence.endswith("perfect scaling from 16 to 128")
    assert [each["batch_size"] for each in answer.values["batch_sizes"]] == list(SIZES)
    assert answer.plot is not None
    assert answer.plot.log_y


@pytest.mark.parametrize("spread", [0.03, 0.2])
def test_nothing_saved_is_said(spread: float) -> None:
    answer = planted(lambda _: 50, spread)
    assert answer.sentence.startswith("cannot tell whether 8 times the batch saves updates: ")


def test_the_interval_of_the_saving_holds_the_truth() -> None:
    answer = planted(lambda size: 200 if size > 32 else 400)
    assert "2" in answer.sentence.partition(" times fewer")[0]
    assert "no gain from 16 to 32, perfect scaling from 32 to 64, no gain from 64 to 128" in answer.sentence


def test_curves_are_needed() -> None:
    found = made({"seed": SEEDS, "batch_size": SIZES, "optimizer.lr": tuple(RATES)}, lambda _: 0.5)
    assert steps_to_target.answer(found.study, found.runs, HERE) is None
    assert steps_to_target.answer(found.study, None, HERE) is None


def test_a_saving_over_a_rate_that_is_not_the_fastest_is_none() -> None:
    """Every batch size takes the fewer updates the higher the learning rate: the highest was not high enough."""

    def curve(config: dict) -> dict:
        half = 200 / config["batch_size"] / config["optimizer.lr"] * (1 + 0.01 * config["seed"])
        return {CURVE: [(n, 1 / (1 + n / half)) for n in sorted(log_spaced_counts(1000))]}

    swept = {"seed": SEEDS, "batch_size": SIZES, "optimizer.lr": tuple(RATES)}
    found = made(swept, lambda v: curve(dict(v))[CURVE][-1][1], metrics=curve)  # type: ignore[arg-type]
    answer = steps_to_target.answer(found.study, found.runs, HERE)
    assert answer is not None
    assert answer.sentence.startswith("cannot tell whether 8 times the batch saves updates: the fastest learning rate")
