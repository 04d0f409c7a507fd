"""Studies in which trainings diverge, and small ones: a report that says what it can, or one line."""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest

from lrlab.analysis.report.report import Report, report
from lrlab.analysis.runs import Run, Runs
from lrlab.errors import InputError

SPACE: dict[str, Sequence[Any]] = {
    "optimizer.lr": [0.05, 0.1, 0.2],
    "batch_size": [16, 32],
    "seed": [0, 1],
    "optimizer": ["sgd", "adam"],
    "schedule.warmup": [0.0, 0.1],
    "regularizer": ["l1", "l2"],
    "regularizer.strength": [0, 1e-4, 1e-2],
}


NASTY = "</script><script>alert(1)</script>\u2028"


def made(diverges: Callable[[dict[str, Any]], bool], *swept: str, nasty: bool = False) -> Report:
    """The report of a study that swept these keys."""
    values = [SPACE[key] if key in swept else SPACE[key][:1] for key in SPACE]
    runs = []
    for number, point in enumerate(itertools.product(*values)):
        params = dict(zip(SPACE, point, strict=True)) | {"epochs": 2}
        params |= {NASTY: NASTY, "optimizer": f"{params['optimizer']}{NASTY}"} if nasty else {}
        diverged = diverges(params)
        losses = [(1, math.nan)] if diverged else [(1, 2.0), (2, 0.5 + params["optimizer.lr"])]
        names = ("val/loss", "train/loss", "val/accuracy", "train/accuracy", "weight_norm", "updates")
        runs.append(Run(number, "", params, dict.fromkeys(names, losses), 100, diverged))
    definitions = {key: f"choice({', '.join(map(str, SPACE[key]))})" for key in swept}
    return report(optuna.create_study(), Runs("s", "", definitions, tuple(runs)))


@pytest.mark.parametrize(
    "swept",
    [("optimizer.lr", "batch_size"), ("optimizer.lr",), ("regularizer.strength",), ("schedule.warmup", "optimizer.lr")],
)
def test_a_study_whose_trials_all_diverged_is_refused(swept: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"^study must have a trial that ended with a finite loss, got 's': \d+ div"):
        made(lambda params: True, *swept)


@pytest.mark.parametrize("swept", [(), ("optimizer",), ("batch_size", "regularizer")])
def test_one_trial_or_choices_alone_have_a_page_too(swept: tuple[str, ...]) -> None:
    found = made(lambda params: False, *swept)
    assert [answer.kind for answer in found.answers][-1] == "best"
    assert found.question in found.page()
    assert found.sections[-1].title == "What it rests on"


@pytest.mark.parametrize("swept", [(), ("regularizer",)])
def test_one_trial_or_choices_alone_have_a_best_one(swept: tuple[str, ...]) -> None:
    assert [answer.kind for answer in made(lambda params: False, *swept).answers] == ["best"]


@pytest.mark.parametrize(
    ("diverges", "swept"),
    [
        (lambda params: params["seed"] == 1, ("optimizer.lr", "batch_size", "seed")),
        (lambda params: params["batch_size"] == 16, ("optimizer.lr", "batch_size")),
        (lambda params: params["optimizer"] == "adam", ("optimizer.lr", "batch_size", "optimizer")),
        (lambda params: params["schedule.warmup"] == 0.1, ("optimizer.lr", "schedule.warmup")),
        (lambda params: params["regularizer"] == "l1", ("regularizer", "regularizer.strength")),
        (lambda params: params["seed"] == 1, ("regularizer.strength", "seed")),
    ],
)
def test_a_part_that_diverged_leaves_the_rest(diverges: Callable[[dict[str, Any]], bool], swept: Sequence[str]) -> None:
    found = made(diverges, *swept)
    assert found.files()["index.html"]
    texts = [*found.sections[0].paragraphs, *(text for section in found.sections for text in section.paragraphs)]
    assert not re.search(r"\b(nan|inf)\b", " ".join(texts))


def test_without_a_learning_rate_that_every_seed_survives_there_is_a_verdict_and_no_figure() -> None:
    found = made(lambda params: params["seed"] == 1, "optimizer.lr", "batch_size", "seed")
    assert found.verdict()["verdict"] == "cannot_tell"
    section = next(each for each in found.sections if each.title == "Best learning rate and batch size")
    assert "With every learning rate, a seed diverged" in section.paragraphs[-1]
    assert section.figures == ()


def test_settings_are_lines_of_one_figure_and_no_figure_is_there_twice() -> None:
    found = made(lambda params: False, "optimizer.lr", "batch_size", "optimizer", "seed")
    names = [figure.name for section in found.sections for figure in section.figures]
    assert len(names) == len(set(names))
    page = found.page()
    assert page.count("Cannot tell") <= 2


def test_what_cannot_be_told_is_said_once_and_the_reasons_are_folded() -> None:
    found = made(lambda params: False, "optimizer.lr", "batch_size", "seed")
    first = found.sections[0]
    assert found.lead.answer.startswith("Cannot tell")
    assert first.verdict == ""
    assert any(fold.title == "Why it cannot be told" for fold in first.folds)
    assert not any(text.startswith("batch size") for text in first.paragraphs)


def test_names_of_others_are_escaped() -> None:
    found = made(lambda params: False, "optimizer.lr", "optimizer", nasty=True)
    page = found.page()
    assert "<script>alert" not in page
    assert page.count("<script") == page.count("</script>") == 3
