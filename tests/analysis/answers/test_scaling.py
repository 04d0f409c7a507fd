import math
from collections.abc import Callable

import pytest

from lrlab.analysis.answers import scaling
from lrlab.config.command_line import HERE
from tests.analysis.answers.conftest import Made, made

SIZES, RATES, SEEDS = (16, 32, 64, 128, 256), tuple(0.01 * 2**i for i in range(10)), (0, 1, 2)


def planted(best_lr: Callable[[int], float], noise: Callable[[float], float], swept: str = "bracket") -> Made:
    """A study whose loss is least at a known learning rate."""
    found = made(
        {"seed": SEEDS, "batch_size": SIZES, "optimizer.lr": RATES},
        lambda v: 1 + 0.05 * math.log(v["optimizer.lr"] / best_lr(v["batch_size"])) ** 2 + noise(0.002),
    )
    if swept:
        found.runs.swept["optimizer.lr"] = f"tag({swept}, choice(0.01))"  # type: ignore[index]
    return found


@pytest.mark.parametrize(("power", "words"), [(1.0, "grows in proportion"), (0.0, "does not depend")])
def test_the_sentence_has_the_exponent(power: float, words: str, noise: Callable[[float], float]) -> None:
    answer = scaling.answer(*_arguments(planted(lambda size: 0.02 * (size / 16) ** power if power else 0.3, noise)))
    assert answer is not None
    assert words in answer.sentence
    low, high = answer.values["exponent_ci"]
    assert low < power < high
    assert answer.plot is not None
    assert answer.plot.log_x
    assert len(answer.plot.series["best learning rate"]) == len(SIZES)


def test_what_cannot_be_told_is_one_short_sentence(noise: Callable[[float], float]) -> None:
    answer = scaling.answer(*_arguments(planted(lambda size: 0.001 * size / 16, noise)))
    assert answer is not None
    assert answer.sentence.startswith(
        "cannot tell: the best learning rate is not known closely enough at batch sizes 16"
    )
    assert len(answer.sentence) < 160
    assert answer.next_steps[0].command.startswith("lrlab resume s hydra.sweeper.bracket_error=0.035")
    assert len(answer.details) > 3


def test_one_batch_size_is_no_question_of_scaling() -> None:
    found = made({"optimizer.lr": RATES}, lambda v: v["optimizer.lr"])
    assert scaling.answer(*_arguments(found)) is None
    assert scaling.answer(found.study, None, HERE) is None


def _arguments(found: Made) -> tuple:
    return found.study, found.runs, HERE


def test_several_settings_that_cannot_tell_are_one_short_sentence() -> None:
    swept = {"optimizer": ("sgd", "momentum", "adam"), "batch_size": SIZES, "optimizer.lr": RATES}
    found = made(swept, lambda v: 1 - v["optimizer.lr"] / 100)
    found.runs.swept["optimizer.lr"] = "tag(bracket, choice(0.01))"  # type: ignore[index]
    answer = scaling.answer(*_arguments(found))
    assert answer is not None
    assert answer.sentence.endswith("not known closely enough with any of 3 settings")
    assert len(answer.sentence) < 120
    assert answer.next_steps[0].command.endswith(f"bracket_trials={4 * len(found.runs.runs)}")
