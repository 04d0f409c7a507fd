"""What the figures of trainings hold, read from their specifications."""

import math
from typing import Any

import pytest

from lrlab.analysis.report.figures import training
from lrlab.analysis.runs import Run, Runs


def run(loss: float, *, diverged: bool = False, **params: Any) -> Run:
    values = {"optimizer.lr": 0.1, "batch_size": 8, "seed": 0, "regularizer": "l2"}
    values |= {key.replace("__", "."): value for key, value in params.items()}
    metrics = {
        "val/loss": [(1, 2 * loss), (2, loss)],
        "train/loss": [(2, loss / 2)],
        "weight_norm": [(2, 1.0)],
        "val/accuracy": [(2, 1 - loss / 10)],
    }
    return Run(0, "", values, metrics, 100, diverged=diverged)


def rows(figure: Any, panel: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = figure.panels[panel]["datasets"]["rows"]
    return found


def test_curves_are_those_of_every_training() -> None:
    figure = training.loss_curves({"too low": [run(1.0), run(3.0)], "right": [run(0.5)]}, "loss", "epoch")
    assert [(row["series"], row["step"], row["loss"]) for row in rows(figure)] == [
        ("too low", 1, 2.0), ("too low", 2, 1.0), ("too low", 1, 6.0), ("too low", 2, 3.0),
        ("right", 1, 1.0), ("right", 2, 0.5),
    ]  # fmt: skip
    assert len({row["run"] for row in rows(figure)}) == 3


def test_a_long_curve_is_thinned_out_and_keeps_its_last_step() -> None:
    points = [(step, 1.0) for step in range(1, 5001)]
    long = Run(0, "", {}, {"val/loss": points}, None, diverged=False)
    found = rows(training.loss_curves({"right": [long]}, "loss", "epoch"))
    assert len(found) <= training.MOST_POINTS + 1
    assert found[-1]["step"] == 5000


def warmups() -> Runs:
    made = [
        run(loss + seed / 100, schedule__warmup=length, optimizer__lr=lr, seed=seed, batch_size=size)
        for size in (8, 64)
        for length in (0.0, 0.1)
        for lr, loss in ((0.1, 1.0), (0.2, 0.5 - length), (0.4, 2.0))
        for seed in (0, 1, 2)
    ]
    swept = {
        "schedule.warmup": "choice(0, 0.1)",
        "optimizer.lr": "choice(0.1, 0.2, 0.4)",
        "batch_size": "choice(8, 64)",
    }
    return Runs("s", "", swept, tuple(made))


def test_each_warmup_has_its_best_learning_rate_and_an_interval() -> None:
    best, rates = training.warmup(warmups())
    found = {(row["series"], row["warmup"]): row for row in rows(best)}
    assert set(found) == {("8", 0.0), ("8", 0.1), ("64", 0.0), ("64", 0.1)}
    assert all(row["lr"] == 0.2 and row["low"] < row["mean"] < row["high"] and row["n"] == 3 for row in found.values())
    assert [panel["title"] for panel in rates.panels] == ["batch size 8", "batch size 64"]
    assert rates.panels[0]["usermeta"]["legend"] == ["none", "10%"]


def test_regularizers_share_their_axes_and_zero_has_a_place() -> None:
    strengths = (0.0, 1e-4, 1e-2)
    kinds = {
        kind: [
            run(1 + at, regularizer=kind, regularizer__strength=at, seed=seed) for at in strengths for seed in (0, 1)
        ]
        for kind in ("l1", "l2")
    }
    losses, further = training.regularization(kinds, "validation loss (nats)")
    assert {(row["series"], row["split"]) for row in rows(losses)} == {
        (kind, part) for kind in kinds for part in ("training", "validation")
    }
    assert {row["strength"] for row in rows(losses)} == set(strengths)
    x = losses.panels[0]["layer"][1]["encoding"]["x"]
    assert x["scale"]["type"] == "symlog"
    assert 0 in x["axis"]["values"]
    assert len(further.panels) == 2


@pytest.mark.parametrize("strengths", [(1e-4, 1e-2, 1.0), (0.0, 0.0, 0.0), (0.5, 0.5, 0.5)])
def test_other_strengths_have_axes_too(strengths: tuple[float, ...]) -> None:
    runs = [run(1.0, regularizer__strength=at) for at in strengths]
    assert training.regularization({"l2": runs}, "loss")[0].png.startswith(b"\x89PNG")


def test_a_strength_at_which_a_training_diverged_is_left_out() -> None:
    lost = Run(0, "", {"regularizer.strength": 1.0}, {"val/loss": [(1, math.nan)]}, None, diverged=True)
    kept = [run(1.0, regularizer__strength=0.1), run(1.0, regularizer__strength=0.2)]
    found = training.regularization({"l2": [lost, *kept]}, "loss")
    assert 1.0 not in {row["strength"] for row in rows(found[0]) if row["split"] == "validation"}


def test_optimizers_are_compared_at_their_own_best_learning_rates() -> None:
    made = [
        run(loss, optimizer=name, optimizer__lr=lr, seed=seed)
        for name, best in (("sgd", 1.0), ("adam", 0.01))
        for lr, loss in ((best / 2, 2.0), (best, 1.0), (best * 2, 3.0))
        for seed in (0, 1)
    ]
    swept = {"optimizer": "choice(sgd, adam)", "optimizer.lr": "choice(0.01, 1)"}
    figure = training.optimizers(Runs("s", "", swept, tuple(made)))
    assert figure
    assert {(row["series"], row["lr"], row["mean"]) for row in rows(figure)} == {("sgd", 1.0, 1.0), ("adam", 0.01, 1.0)}


def test_neighbours_have_a_line_for_each_distance() -> None:
    made = [run(k / 10, model__k=k, model__metric=metric) for k in (1, 5, 9) for metric in ("l1", "l2")]
    swept = {"model.k": "choice(1, 5, 9)", "model.metric": "choice(l1, l2)"}
    figure = training.neighbours(Runs("s", "", swept, tuple(made)))
    assert figure
    assert [(row["series"], row["k"]) for row in rows(figure)] == [
        ("l1", 1), ("l2", 1), ("l1", 5), ("l2", 5), ("l1", 9), ("l2", 9)
    ]  # fmt: skip
    assert training.neighbours(warmups()) is None
