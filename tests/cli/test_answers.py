"""The end of a sweep as the terminal shows it: question, sentence, table, details, hints."""

import io
import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from rich.console import Console

from lrlab.analysis.answers.answer import Answer, NextStep, Plot
from lrlab.analysis.report.report import Report
from lrlab.cli import answers, console
from lrlab.cli.main import main
from lrlab.config.command_line import HERE, Places
from lrlab.plotting.page import Lead
from tests.cli.test_console import BEST, hints

RANKING = [
    {"params": {"model.k": 3, "model": "[mlp]"}, "value": 0.5, "interval": (0.4, 0.6), "trial": 3},
    {"params": {"model.k": 5, "model": "[mlp]"}, "value": 0.6, "interval": None, "trial": 4},
]
TOLD = Answer(
    "best",
    "Which configuration is best?",
    "the best of 2 is model.k=3",
    ("the next is 5", "x" * 300),
    {"ranking": RANKING, "objective": "val/loss", "configurations": 2},
    None,
    (NextStep("lrlab report s", "a page"), NextStep("lrlab reproduce best", "again")),
)
WARMUP = Answer(
    "warmup",
    "Does warmup help?",
    "cannot tell: one seed",
    ("with 10 %: 0.5",),
    {},
    Plot("warmup", "loss", {"a": [(0, 1), (1, 2)]}),
    (NextStep("lrlab resume s", "settles it"), NextStep("lrlab report s", "a page")),
)


def test_the_question_and_the_answer_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_answers([WARMUP, TOLD])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Does warmup help?", "  cannot tell: one seed", "  - with 10 %: 0.5"]
    assert "the best of 2 configurations" in lines[3]
    assert any("0.5 ± 0.1" in line and "[mlp]" in line for line in lines)
    assert lines[-1] == "  - the next is 5"
    assert not any("│●" in line for line in lines)  # no terminal: no plot


def test_another_answer_is_shown_with_its_question(capsys: pytest.CaptureFixture[str]) -> None:
    """Or "also: cannot tell" would leave open what."""
    scaling = replace(WARMUP, kind="scaling", question="How does it scale?", sentence="cannot tell: two batch sizes")
    answers.print_answers([WARMUP, scaling, TOLD])
    assert "  also: How does it scale? cannot tell: two batch sizes\n" in capsys.readouterr().out


def test_a_detail_that_is_long_is_for_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_answers([TOLD])
    out = capsys.readouterr().out
    assert "  - the next is 5\n" in out
    assert "xxx" not in out


@pytest.mark.parametrize(
    ("width", "encoding", "drawn"), [(100, "utf-8", True), (50, "utf-8", False), (100, "ascii", False)]
)
def test_a_plot_is_for_a_wide_terminal(width: int, encoding: str, drawn: bool) -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    out = Console(file=file, force_terminal=True, width=width)
    answers.plot(WARMUP, out)
    file.seek(0)
    assert ("●" in file.read()) is drawn


@pytest.mark.parametrize("text", ["a " * 120, "- " + "word " * 60, f"short, {'x' * 100} and a word"])
def test_a_long_sentence_is_wrapped_on_a_terminal_alone(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = io.StringIO()
    answers.say(text, Console(file=file, force_terminal=True, width=80, soft_wrap=True))
    lines = file.getvalue().splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 or "x" * 100 in line for line in lines)  # what cannot be broken can be copied
    assert all(line.startswith("    " if text.startswith("- ") else "  ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == text.strip()
    answers.say(text, console.out())
    assert capsys.readouterr().out.count("\n") == 1


def test_the_columns_of_the_best_have_short_names(capsys: pytest.CaptureFixture[str]) -> None:
    params = {"optimizer.lr": 0.1, "batch_size": 64, "schedule.warmup": 0.2, "regularizer.strength": 2.1364e-05}
    one = [{"params": params, "value": 0.1268, "interval": None, "trial": 3}]
    shown = io.StringIO()
    Console(file=shown, width=80).print(answers.ranking({"ranking": one, "objective": "val/loss", "configurations": 1}))
    assert " lr " in shown.getvalue()
    assert " strength " in shown.getvalue()
    assert " 2.1e-05 " in shown.getvalue()
    assert "┃" in shown.getvalue()  # four keys fit side by side


def test_nothing_that_a_terminal_would_obey_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    answers.print_answers([replace(TOLD, question="\x1b[2Jsure?", details=("\x07bell",))])
    out = capsys.readouterr().out
    assert "?[2Jsure?" in out
    assert "?bell" in out


def test_hints_are_of_all_answers_and_few(capsys: pytest.CaptureFixture[str]) -> None:
    answers.hints([WARMUP, TOLD], HERE)
    assert hints(capsys) == ["lrlab resume s", "lrlab report s", "lrlab reproduce best", "lrlab ui"]
    answers.hints([WARMUP, TOLD], Places(tracking_uri="http://host:5000"))
    assert hints(capsys) == ["lrlab resume s", "lrlab report s", "lrlab reproduce best"]


def test_a_study_in_memory_is_found_by_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    answers.hints([TOLD], Places(Path("my runs"), storage_url="memory"), "abc")
    assert [shlex.split(line) for line in hints(capsys)] == [
        ["lrlab", "reproduce", "abc", "--outputs", "my runs"],
        ["lrlab", "ui", "--outputs", "my runs"],
    ]


def test_the_end_of_a_sweep_names_study_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    answers.sweep_ended([TOLD], replace(BEST, spread=0.1), HERE)
    out = capsys.readouterr().out
    assert "val/accuracy 0.7500  (means over the seeds)\n" in out
    assert "study s, run abc\n" in out


def test_the_best_is_shown_or_a_document_with_all_answers(capsys: pytest.CaptureFixture[str]) -> None:
    answers.best(BEST, [WARMUP, TOLD], HERE, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in document.pop("answers")] == ["warmup", "best"]
    assert document == asdict(BEST) | {"trials": [3]}
    answers.best(BEST, [WARMUP, TOLD], HERE, as_json=False)
    out = capsys.readouterr().out
    assert "best of s: trial 3" in out
    assert "  - the next is 5\n" in out


def test_a_report_repeats_its_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    made = Report("s", "", {}, "why?", Lead(), (), (WARMUP, TOLD))
    answers.report(made, Path("page"), ["optimizer=adam", "model.hidden=[7, 5]"], HERE)
    assert hints(capsys) == ["lrlab report s --where optimizer=adam --where 'model.hidden=[7, 5]' --json"]


SHORT = {
    "quickstart": ["hydra.sweeper.n_trials=6"],
    "best": ["hydra.sweeper.n_trials=6", "batch_size=choice(16,32)"],
    "linear_scaling": ["batch_size=choice(16,32)", "seed=choice(0,1)", "hydra.sweeper.bracket_trials=8"],
    "warmup": ["batch_size=choice(16,64)", "seed=choice(0,1)", "hydra.sweeper.bracket_trials=8"],
    "regularization": ["seed=choice(0,1)", "regularizer.strength=choice(0,1e-3,1e-1)"],
    "optimizers": ["batch_size=choice(16,32)", "seed=choice(0,1)", "hydra.sweeper.bracket_trials=8"],
    "steps_to_target": ["updates=20", "batch_size=choice(16,32)", "seed=choice(0,1)", "hydra.sweeper.bracket_trials=8"],
    "knn": ["model.k=choice(1,3,5)"],
}


@pytest.mark.slow
@pytest.mark.parametrize("sweep", SHORT)
def test_every_hint_of_a_sweep_that_ships_works(
    sweep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    epochs = [] if sweep == "steps_to_target" else ["epochs=1"]
    assert main(["sweep", sweep, "data.train_size=200", *epochs, *SHORT[sweep]]) == 0, capsys.readouterr().err
    lines = hints(capsys)
    assert 2 <= len(lines) <= 4
    for words in map(shlex.split, lines):
        if words[1] != "ui":
            shorter = ["2" if word == "5" else word for word in words[1:]]
            assert main(shorter) == 0, (words, capsys.readouterr().err)
