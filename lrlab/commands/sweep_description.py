"""What MLflow shows of a sweep beside its numbers: its answers, in a description and in tags that can be columns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.wording import CANNOT_TELL, number
from lrlab.config.command_line import Places, command
from lrlab.sweeper.study.state import read_state
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, Tracker

if TYPE_CHECKING:
    import optuna

UNDECIDED: Final = "cannot_tell"
MARKS: Final = r"\`*_[]<>|#"


def describe(
    study: "optuna.Study", answers: Sequence[Answer], tracker: Tracker, places: Places, report: str = ""
) -> None:
    """Describe the run of a sweep; nothing if it has none.

    Args:
        answers: to its questions, the most pertinent first.
        places: where the study is, for the commands.
        report: the path of its page among the artifacts of the run, if there is one.

    Raises:
        MissingRunError: the run was deleted.
        UnreachableError: its server is away.
    """
    state = read_state(study)
    if not state or not state.run_id or not answers:
        return
    run = tracker.get_run(state.run_id)
    page = report or run.tags.get(Tag.REPORT, "")
    tags = {
        Tag.ANSWER: answers[0].sentence,
        Tag.VERDICT: verdict(answers[0]),
        Tag.REPORT: page,
        Tag.NOTE: markdown(answers, command("best", study.study_name, places=places), _address(run, page)),
    }
    tracker.set_tags(state.run_id, {key: value for key, value in tags.items() if value})


def verdict(answer: Answer) -> str:
    """Return an answer in a word: its verdict, `cannot_tell`, or `answered`."""
    known = answer.values.get("verdict")
    if isinstance(known, str) and known:
        return known
    return UNDECIDED if answer.sentence.startswith(CANNOT_TELL) else "answered"


def markdown(answers: Sequence[Answer], again: str, report: str = "") -> str:
    """Return answers as Markdown: question, answer, best configuration, what to type next, and a link.

    Args:
        again: the command that shows the best configuration.
        report: address of a page; "" where there is none.
    """
    parts = []
    for answer in answers:
        parts.append(f"### {escaped(answer.question)}\n\n**{escaped(answer.sentence)}**")
        parts += ["\n".join(f"- {escaped(line)}" for line in answer.details)] if answer.details else []
    chosen = (answer.values.get("params") for answer in answers)
    params: Mapping[str, object] = next(filter(None, chosen), {})
    if params:
        rows = "\n".join(f"| `{key}` | {escaped(number(value))} |" for key, value in params.items())
        parts.append(f"### Best configuration\n\n| key | value |\n|---|---|\n{rows}")
    if report:
        parts.append(f"[Report with figures]({report})")
    steps = dict.fromkeys((step.command, step.purpose) for answer in answers for step in answer.next_steps)
    lines = [f"{line}  # {purpose}" for line, purpose in [*steps, (again, "the best configuration again")]]
    parts.append("### Next\n\n```sh\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(parts)


def escaped(text: str) -> str:
    """Return a text in which Markdown finds no marks of its own."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in " ".join(text.split()))


def _address(run: RunRecord, page: str) -> str:
    """Return the address of an artifact on the pages of MLflow's user interface; "" of none."""
    return f"#/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/{quote(page)}" if page else ""
