"""Evidence that a whole study of the digits does not show; the rest is walked in tests/commands/test_report.py."""

import math
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.analysis.answers.scaling import analyse_runs
from lrlab.analysis.report.evidence import (
    budget,
    differ,
    learning_rates_evidence,
    optima_table,
    short_labels,
    steps_evidence,
    warmup_evidence,
)
from lrlab.analysis.runs import Run, Runs
from lrlab.config.command_line import Places
from lrlab.runs.history import CURVE
from lrlab.scaling_law.analysis import analyse


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
    found = steps_evidence(Runs("s", "", {}, tuple(runs)), {})
    assert found is not None
    assert found.title == "Updates to a target"
    assert [figure.name for figure in found.figures] == ["steps_to_target"]
    said = " ".join(found.paragraphs)
    assert "a loss of 0.5, the highest of the best" in said
    assert "no gain from 16 to 32, perfect scaling from 32 to 64." in said
    assert "The fastest learning rate is the last one tried at batch size 64." in said
    (fold,) = found.folds
    assert (
        "Batch size 128 is censored: none of its learning rates reaches the target with every seed"
        in fold.paragraphs[0]
    )
    assert fold.table[1:] == (
        ("16", "0.2", "100", "0", "0 of 3 trainings"),
        ("32", "0.2", "100", "0", "0 of 3 trainings"),
        ("64", "0.4", "50", "0", "0 of 3 trainings"),
        ("128", "", "censored", "", "3 of 3 trainings"),
    )
    rows = found.figures[0].panels[0]["datasets"]["rows"]
    assert [(row["size"], row["mean"]) for row in rows] == [(16, 100), (32, 100), (64, 50)]


@pytest.mark.parametrize("interval", ["optimizer.lr", "schedule.warmup"])
def test_a_search_over_intervals_has_no_updates_to_a_target(interval: str) -> None:
    runs = tuple(run(size, 100, lr) for size in (16, 32) for lr in (0.1, 0.2, 0.4))
    assert steps_evidence(Runs("s", "", {"batch_size": "choice(16, 32)"}, runs), {})
    assert steps_evidence(Runs("s", "", {interval: "tag(log, interval(1e-3, 1))"}, runs), {}) is None


@pytest.mark.parametrize(
    ("labels", "short", "key"),
    [
        (["optimizer=sgd", "optimizer=adam"], ["sgd", "adam"], "optimizer"),
        (["a=1, b=2", "a=1, b=3"], ["a=1, b=2", "a=1, b=3"], ""),
        ([""], [""], ""),
        (["optimizer=sgd"], ["optimizer=sgd"], ""),
        (["f=a=b", "f=c"], ["a=b", "c"], "f"),
    ],
)
def test_settings_have_short_names_where_one_key_differs(labels: list[str], short: list[str], key: str) -> None:
    assert list(short_labels(labels).values()) == short
    assert differ(labels) == key


def test_a_budget_of_updates_is_exact() -> None:
    said = budget(Runs("s", "", {}, (run(16, 100, 0.1),)))
    assert said == "Asked under an equal budget of updates (exactly 1000): larger batches see more samples."


def scaled(batch_size: int, lr: float, seed: int, best: float, **params: object) -> Run:
    """A training whose loss is least at a learning rate."""
    loss = 1 + 0.1 * math.log(lr / best) ** 2
    values = {"batch_size": batch_size, "optimizer.lr": lr, "seed": seed, "epochs": 5, **params}
    return Run(0, "", values, {"val/loss": [(5, loss)], "updates": [(5, 100.0)]}, 1000, diverged=False)


@pytest.mark.parametrize(
    ("study", "swept", "command"),
    [
        ("mine", "tag(bracket, choice(0.1, 0.2))", "lrlab resume mine hydra.sweeper.bracket_error=0.035 "),
        ("a b", "tag(bracket, choice(0.1, 0.2))", "lrlab resume 'a b' hydra.sweeper.bracket_error=0.035 "),
        ("mine", "choice(0.1, 0.2)", "'optimizer.lr=tag(bracket,choice(0.1,0.2,0.4,0.8,1.6))'"),
    ],
)
def test_what_cannot_be_told_ends_with_what_would_settle_it(study: str, swept: str, command: str) -> None:
    runs = [scaled(size, 0.1 * 2**i, seed, 9) for size in (16, 32, 64, 128) for i in range(5) for seed in (0, 1)]
    analysis, noise = analyse_runs(Runs(study, "", {"optimizer.lr": swept}, tuple(runs)))
    assert analysis.verdict == "cannot_tell"
    assert command in analysis.reasons[-1]
    assert noise is None


@pytest.mark.parametrize(
    ("sizes", "further"),
    [((16, 32), "16,32,64,128"), ((16, 64, 256), "16,64,256,1024"), ((100, 120), "100,120,240,480")],
)
def test_too_few_batch_sizes_are_settled_by_more_of_them(sizes: tuple[int, ...], further: str) -> None:
    """More trials of the same batch sizes, which is what a bracket goes on with, never would."""
    runs = [scaled(size, 0.1 * 2**i, seed, 0.4) for size in sizes for i in range(5) for seed in (0, 1)]
    swept = {"optimizer.lr": "tag(bracket, choice(0.1, 0.2))"}
    analysis, _ = analyse_runs(Runs("mine", "", swept, tuple(runs)))
    assert analysis.verdict == "cannot_tell"
    assert analysis.reasons[-1].endswith(f"a sweep of more batch sizes, with 'batch_size=choice({further})'")
    assert not any("lrlab resume" in reason for reason in analysis.reasons)


def test_the_command_that_would_settle_it_says_where_the_study_is() -> None:
    runs = [scaled(size, 0.1 * 2**i, 0, 9) for size in (16, 32, 64, 128) for i in range(5)]
    places = Places(Path("my runs"), storage_url="sqlite:///s.db")
    swept = {"optimizer.lr": "tag(bracket, choice(0.1, 0.2))"}
    analysis, _ = analyse_runs(Runs("it's", "", swept, tuple(runs), places))
    told = shlex.split(analysis.reasons[-1].partition(" at most: ")[2])
    assert told[:3] == ["lrlab", "resume", "it's"]
    assert told[-4:] == ["--outputs", "my runs", "--storage", "sqlite:///s.db"]


def test_a_warmup_that_was_an_interval_is_no_comparison() -> None:
    runs = tuple(scaled(16, lr, 0, 0.2, **{"schedule.warmup": w}) for w in (0.0, 0.02) for lr in (0.1, 0.2, 0.4))
    found = warmup_evidence(Runs("s", "", {"schedule.warmup": "choice(0, 0.02)"}, runs))
    assert found is not None
    assert [figure.name for figure in found.figures] == ["warmup_best", "warmup"]
    assert warmup_evidence(Runs("s", "", {"schedule.warmup": "interval(0, 0.02)"}, runs)) is None


@pytest.mark.parametrize("highest", [0.01, 0.02, 0.05])
def test_an_optimum_at_the_end_of_what_was_tried_has_no_interval(highest: float) -> None:
    rates = [highest / 2**k for k in range(6)]
    rows = [
        {"batch_size": size, "lr": lr, "seed": 0, "loss": 1 + math.log(lr / best) ** 2 / 10}
        for size, best in ((16, highest / 8), (32, highest * 9))
        for lr in rates
    ]
    header, known, open_one = optima_table(analyse(rows))
    assert header[2] == "95 % interval"
    assert " to " in known[2]
    assert open_one[2] == "open"
    assert "try some above it" in open_one[-1]


@pytest.mark.parametrize(("steps", "drawn"), [((), False), ((3,), False), ((1, 2), True)])
def test_one_loss_is_no_curve(steps: tuple[int, ...], drawn: bool) -> None:
    """An application may tell nothing but its loss at the end."""
    runs = [scaled(16, lr, 0, 0.4) for lr in (0.1, 0.4, 1.6)]
    runs = [replace(each, metrics={"val/loss": [(step, each.loss) for step in steps]}) for each in runs]
    assert (learning_rates_evidence(Runs("s", "", {}, tuple(runs))) is not None) is drawn
