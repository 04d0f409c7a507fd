"""The first screen of a report."""

import json
from datetime import datetime

import optuna
import pytest

from lrlab.analysis.answers.answer import Answer, NextStep
from lrlab.analysis.report.lead import lead, prose
from lrlab.analysis.runs import Run, Runs
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord

BEST = Answer(
    "best",
    "Which?",
    "the best of 3 is lr=0.1",
    values={
        "objective": "val/loss", "value": 0.1234567, "interval": (0.12, 0.13), "seeds": 3,
        "params": {"optimizer.lr": 0.1, "batch_size": 64}, "at_ends": {"batch_size": "highest"},
    },
    next_steps=(NextStep("lrlab best s --confirm 5", "again"), NextStep("lrlab report s", "this")),
)  # fmt: skip


def study() -> optuna.Study:
    created = optuna.create_study(study_name="s")
    for number in range(3):
        trial = optuna.trial.create_trial(value=float(number), params={}, distributions={})
        trial.datetime_start, trial.datetime_complete = datetime(2026, 5, 1, 10), datetime(2026, 5, 1, 10, 30)
        created.add_trial(trial)
    return created


def runs(**names: str) -> Runs:
    params = {"data": "digits", "model": "mlp", "model.hidden": "[100]", "optimizer": "sgd", "epochs": 5}
    made = tuple(
        Run(seed, "r", {**params, "seed": seed, "optimizer.lr": lr}, {}, 1077, diverged=False)
        for seed in (0, 1)
        for lr in (0.1, 0.2)
    )
    swept = {"seed": "choice(0, 1)", "optimizer.lr": "choice(0.1, 0.2)", "x": "tag(log, interval(1e-3, 1))"}
    return Runs("s", "parent", swept, made, names=names)


def record(**tags: str) -> RunRecord:
    return RunRecord("r", "", "FINISHED", None, {}, tags, "", {})


def test_it_says_what_was_asked_found_trained_and_recorded() -> None:
    provenance = json.dumps({"environment": {"python": "3.11.7", "numpy": "2.4.6", "blas": "openblas 0.3.30"}})
    tags = {Tag.GIT_COMMIT: "0123456789abcdef", Tag.GIT_DIRTY: "true", Tag.PROVENANCE: provenance}
    found = lead(study(), runs(), (BEST,), [record(**tags)])
    assert found.answer == "The best of 3 is lr=0.1."
    best, swept, trained, recorded = ({**dict(card.rows), "": f"{card.value}, {card.note}"} for card in found.cards)
    assert best[""] == "val/loss 0.1235, 95 % interval 0.12 to 0.13, mean of 3 seeds"
    assert best["batch_size"] == "64"
    assert best["at an end"] == "batch_size: the highest values tried"
    assert swept["optimizer.lr"] == "0.1, 0.2"
    assert swept["x"] == "1e-3 to 1, log"
    assert trained["data"] == "digits, 1077 training samples"
    assert (trained["model"], trained["budget"], trained["trials"]) == ("mlp", "5 epochs", "3")
    assert trained["seeds"] == "2 (0 to 1)"
    assert recorded["commit"] == "0123456789ab with changes"
    assert "NumPy 2.4.6" in recorded["versions"]
    assert recorded["trained"] == "2026-05-01 10:00, 30 min"


def test_commands_are_those_that_lead_on() -> None:
    lines = [command.line for command in lead(study(), runs(), (BEST,), ()).commands]
    assert lines == ["lrlab best s --confirm 5", "lrlab ui"]


def test_without_records_and_of_another_application() -> None:
    found = lead(study(), runs(**{"optimizer.lr": "their.lr"}), (Answer("best", "Which?", "cannot tell: none"),), ())
    titles = [card.title for card in found.cards]
    assert titles == ["What was swept", "What was trained", "What was recorded"]
    assert dict(found.cards[0].rows)["their.lr"] == "0.1, 0.2"
    assert "model" not in dict(found.cards[1].rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("the best is it", "The best is it."),
        ("optimizer.lr=0.1 is best", "optimizer.lr=0.1 is best."),
        ("cannot tell: too few", "Cannot tell: too few."),
        ("already. ", "already."),
        ("done.", "done."),
    ],
)
def test_words_become_sentences(words: str, sentence: str) -> None:
    assert prose(words) == sentence
