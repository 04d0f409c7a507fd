"""Sections that a whole study of the digits does not show; the others are walked in tests/commands/test_report.py."""

import pytest

from lrlab.analysis.report.sections import budget, steps_section
from lrlab.analysis.runs import Run, Runs
from lrlab.runs.history import CURVE


def run(batch_size: int, updates: int, lr: float, *, diverged: bool = False) -> Run:
    """A training that is at its end, 0.5 nats, after so many updates."""
    params = {"batch_size": batch_size, "optimizer.lr": lr, "seed": 0, "epochs": 10, "updates": 1000}
    curve = [(0, 2.0), (1, 2.0), (updates, float("nan") if diverged else 0.5)]
    return Run(0, "", params, {"val/loss": [(1, 0.5)], CURVE: curve}, 1000, diverged=diverged)


def test_updates_to_a_target() -> None:
    rates = {0.1: 200, 0.2: 100, 0.4: 400}
    runs = [run(size, updates, lr) for size in (16, 32) for lr, updates in rates.items()]
    runs += [run(64, updates, lr) for lr, updates in ((0.1, 400), (0.2, 200), (0.4, 50))]
    runs += [run(128, 100, lr, diverged=True) for lr in rates]
    found = steps_section(Runs("s", "", {}, tuple(runs)), "adam")
    assert found is not None
    assert found.title == "Updates to a target loss: adam"
    assert [figure.name for figure in found.figures] == ["steps_to_target_adam"]
    said = " ".join(found.paragraphs)
    assert "a validation loss of 0.5 nats" in said
    assert "no gain from 16 to 32, perfect scaling from 32 to 64." in said
    assert "Batch size 128 is censored: none of its learning rates reaches the target with every seed" in said
    assert "The fastest learning rate is the last one tried at batch size 64." in said
    assert found.table[1:] == (
        ("16", "0.2", "100", "0", "0 of 3 trainings"),
        ("32", "0.2", "100", "0", "0 of 3 trainings"),
        ("64", "0.4", "50", "0", "0 of 3 trainings"),
        ("128", "", "censored", "", "3 of 3 trainings"),
    )


@pytest.mark.parametrize("interval", ["optimizer.lr", "schedule.warmup"])
def test_a_search_over_intervals_has_no_updates_to_a_target(interval: str) -> None:
    runs = tuple(run(size, 100, lr) for size in (16, 32) for lr in (0.1, 0.2, 0.4))
    assert steps_section(Runs("s", "", {"batch_size": "choice(16, 32)"}, runs))
    assert steps_section(Runs("s", "", {interval: "tag(log, interval(1e-3, 1))"}, runs)) is None


def test_a_budget_of_updates_is_exact() -> None:
    said = budget(Runs("s", "", {}, (run(16, 100, 0.1),)))
    assert said == "Asked under an equal budget of updates (exactly 1000): larger batches see more samples."
