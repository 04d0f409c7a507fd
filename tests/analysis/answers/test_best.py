from collections.abc import Callable

import numpy as np
import optuna

from lrlab.analysis.answers import best
from lrlab.config.command_line import HERE
from tests.analysis.answers.conftest import made

SEEDS = (0, 1, 2, 3)


def test_the_best_is_that_of_the_means_and_its_interval_holds_the_truth(noise: Callable[[float], float]) -> None:
    truth = {0.1: 0.5, 0.2: 0.3, 0.4: 0.7}
    found = made({"seed": SEEDS, "optimizer.lr": (0.1, 0.2, 0.4)}, lambda v: truth[v["optimizer.lr"]] + noise(0.01))
    answer = best.answer(found.study, found.runs, HERE)
    assert answer.sentence.startswith("the best of 3 is optimizer.lr=0.2: val/loss 0.2991 [0.288, 0.311] over 4 seeds")
    low, high = answer.values["interval"]
    assert low < 0.3 < high
    assert answer.values["runner_up"]["params"] == {"optimizer.lr": 0.1}
    assert answer.values["behind"]["may_be_zero"] is False
    assert any("clearly behind" in detail for detail in answer.details)


def test_a_tie_is_called_one(noise: Callable[[float], float]) -> None:
    found = made({"seed": SEEDS, "optimizer.lr": (0.1, 0.2, 0.4)}, lambda _: 0.5 + noise(0.1))
    answer = best.answer(found.study, found.runs, HERE)
    assert answer.values["behind"]["may_be_zero"] is True
    assert any("a tie" in detail and "includes 0" in detail for detail in answer.details)


def test_seeds_that_shift_all_alike_do_not_hide_a_difference(noise: Callable[[float], float]) -> None:
    shift = {seed: noise(1.0) for seed in SEEDS}
    truth = {0.1: 0.5, 0.2: 0.6}
    found = made(
        {"seed": SEEDS, "optimizer.lr": (0.1, 0.2)}, lambda v: truth[v["optimizer.lr"]] + shift[v["seed"]] + noise(0.01)
    )
    assert best.answer(found.study, found.runs, HERE).values["behind"]["may_be_zero"] is False


def test_one_seed_has_no_interval() -> None:
    found = made({"optimizer.lr": (0.1, 0.2, 0.4)}, lambda v: abs(np.log(v["optimizer.lr"] / 0.1)))
    answer = best.answer(found.study, found.runs, HERE)
    assert answer.values["interval"] is None
    assert "with one training each, chance may be why" in answer.details[0]
    assert answer.values["at_ends"] == {"optimizer.lr": "lowest"}
    assert any("better ones may lie beyond" in detail for detail in answer.details)


def test_nothing_completed() -> None:
    found = made({"optimizer.lr": (0.1, 0.2)}, lambda _: float("nan"))
    assert best.answer(found.study, found.runs, HERE).sentence.startswith("cannot tell: of 2 trials")


def test_several_objectives_have_a_front() -> None:
    study = optuna.create_study(directions=["minimize", "minimize"])
    for first, second in ((1.0, 2.0), (2.0, 1.0), (2.0, 2.0)):
        trial = study.ask()
        study.tell(trial, [first, second])
    answer = best.answer(study, None, HERE)
    assert answer.sentence == "of 2 objectives, none is better in all than trials 0 and 1"
