import optuna
import pytest

from lrlab.analysis.answers.answer import Answer, NextStep
from lrlab.commands.sweep_description import describe, escaped, markdown, verdict
from lrlab.config.command_line import HERE
from lrlab.sweeper.study.state import SweepState, write_state
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag

BEST = Answer(
    "best",
    "Which configuration is best?",
    "the best of 2 is batch_size=64: val/loss 0.1",
    details=("the next is batch_size=32",),
    values={"params": {"optimizer.lr": 0.123456, "batch_size": 64}},
    next_steps=(NextStep("lrlab report s", "figures"),),
)
CANNOT_TELL = Answer("scaling", "How does it move?", "cannot tell: too few batch sizes")


def test_the_description_holds_question_answer_configuration_commands_and_report() -> None:
    text = markdown([BEST, CANNOT_TELL], "lrlab best s", "#/experiments/1/runs/a/artifacts/report/index.html")
    assert text.startswith("### Which configuration is best?\n\n**the best of 2 is batch\\_size=64: val/loss 0.1**")
    assert "- the next is batch\\_size=32" in text
    assert "| `optimizer.lr` | 0.1235 |\n| `batch_size` | 64 |" in text
    assert "[Report with figures](#/experiments/1/runs/a/artifacts/report/index.html)" in text
    assert "```sh\nlrlab report s  # figures\nlrlab best s  # the best configuration again\n```" in text


def test_a_sweep_without_a_report_has_no_link() -> None:
    assert "](" not in markdown([CANNOT_TELL], "lrlab best s")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (BEST, "answered"),
        (CANNOT_TELL, "cannot_tell"),
        (Answer("scaling", "?", "it levels off", values={"verdict": "saturating"}), "saturating"),
        (Answer("scaling", "?", "a: linear; b: constant", values={"verdict": None}), "answered"),
    ],
)
def test_the_verdict_is_a_word(answer: Answer, word: str) -> None:
    assert verdict(answer) == word


@pytest.mark.parametrize("text", ["a|b", "*x*", "<b>", "[a](b)", "`c`", "# h"])
def test_text_of_the_user_is_no_markup(text: str) -> None:
    assert all(
        letter.isalnum() or letter in " \\()" or escaped(text)[i - 1] == "\\"
        for i, letter in enumerate(escaped(text))
        if letter in "|*<>[]`#"
    )


@pytest.mark.parametrize("answers", [[BEST], [CANNOT_TELL, BEST]])
def test_the_run_of_a_sweep_carries_its_answer_and_keeps_the_link_of_an_earlier_report(answers: list[Answer]) -> None:
    tracker, study = MemoryTracker(), optuna.create_study(study_name="s")
    run_id = tracker.create_run("s")
    write_state(study, SweepState(run_id))
    describe(study, answers, tracker, HERE, report="report/index.html")
    describe(study, answers, tracker, HERE)
    tags = tracker.get_run(run_id).tags
    assert tags[Tag.ANSWER] == answers[0].sentence
    assert tags[Tag.VERDICT] == verdict(answers[0])
    assert f"/runs/{run_id}/artifacts/report/index.html)" in tags[Tag.NOTE]


def test_a_sweep_that_kept_no_runs_is_not_described() -> None:
    study = optuna.create_study(study_name="s")
    write_state(study, SweepState(width=2))
    describe(study, [BEST], MemoryTracker(), HERE)
