"""What the terminal shows of the answers of a study: question, sentence, table of the best, details, plot, hints."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.best import KIND as BEST
from lrlab.analysis.answers.wording import number
from lrlab.cli import console, text_plot
from lrlab.cli.table import WholeTable
from lrlab.config.command_line import Places, command
from lrlab.sweeper.trial_name import last_parts

if TYPE_CHECKING:
    from pathlib import Path

    from lrlab.analysis.report.report import Report
    from lrlab.commands.best import Best

MAX_DETAILS: Final = 6
MAX_LENGTH: Final = 200  # letters of a detail; a longer one is for the page
MAX_HINTS: Final = 4
MIN_WIDTH: Final = 40  # of a sentence; a narrower terminal wraps it itself


def print_answers(answers: Sequence[Answer]) -> None:
    """Show what a study answers: the first in full, of the others the sentences, and the best as a table."""
    first, *others = answers
    out = console.out()
    (best,) = (each for each in answers if each.kind == BEST)
    out.print(Text(console.printable(first.question), style="bold"))
    say(first.sentence, out, style="bold")
    details(first)
    plot(first, out)
    for other in others:
        if other.kind != BEST:
            say(f"also: {other.question} {other.sentence}", out)
    if best.values.get("ranking"):
        out.print(ranking(best.values))
    if best is not first:
        details(best, most=1)


def details(answer: Answer, most: int = MAX_DETAILS) -> None:
    """Show the details that a terminal has room for."""
    for line in [each for each in answer.details if len(each) <= MAX_LENGTH][:most]:
        say(f"- {line}", console.out())


def say(text: str, out: Console, style: str | None = None) -> None:
    """Show a sentence below a heading: wrapped on a terminal, in one line for a program or a file."""
    if not out.is_terminal:
        out.print(f"  {console.printable(text)}")
        return
    further = "    " if text.startswith("- ") else "  "
    lines = textwrap.wrap(
        console.printable(text),
        max(out.width, MIN_WIDTH),
        initial_indent="  ",
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        out.print(line, style=style)


def plot(answer: Answer, out: Console) -> None:
    """Draw the picture of an answer, on a terminal that is wide enough and knows the letters."""
    if answer.plot and out.is_terminal and out.width >= text_plot.MIN_WIDTH and out.encoding.startswith("utf"):
        for line in text_plot.lines(answer.plot, min(text_plot.WIDTH, out.width - text_plot.MIN_WIDTH + 40)):
            out.print(f"  {console.printable(line)}")


def ranking(values: Mapping[str, Any]) -> WholeTable:
    """Return the best settings as a table: the values that they do not share, and their objectives."""
    ranked = values["ranking"]
    keys = list(ranked[0]["params"])
    rows = []
    for place, each in enumerate(ranked, start=1):
        ends = each["interval"]
        mean = f"{each['value']:.4g}" + (f" ± {(ends[1] - ends[0]) / 2:.2g}" if ends else "")
        rows.append([str(place), mean, *(console.printable(number(each["params"].get(key, ""))) for key in keys)])
    count = values["configurations"]
    title = f"the best of {count} configuration{'s' * (count > 1)}" + (", mean over the seeds ± 95 %" if ends else "")
    names = last_parts(keys)  # or a table of four keys is wider than a terminal
    return WholeTable(rows, ["", values["objective"], *(names[key] for key in keys)], title=title)


def hints(answers: Sequence[Answer], places: Places, run_id: str = "") -> None:
    """Show what to type next after these answers, at most four commands.

    Args:
        answers: the most pertinent first.
        places: where the study and its runs are.
        run_id: of the best trial, for a study that ends with its process.
    """
    steps = {step.command: step.purpose for answer in answers for step in answer.next_steps}
    if places.storage_url == console.MEMORY:  # nobody finds the study there
        runs = Places(places.outputs, None, places.tracking_uri, places.allow)
        again = command("reproduce", run_id, places=runs)
        steps = {again: "train it again, and prove it is the same"} if run_id else {}
    shown = list(steps.items())
    if not (places.tracking_uri or "").startswith("http"):  # a server has a page of its own
        shown = [*shown[: MAX_HINTS - 1], (command("ui", places=places), "browse all runs in MLflow")]
    console.hints(shown[:MAX_HINTS])


def sweep_ended(answers: Sequence[Answer], found: "Best", places: Places) -> None:
    """Show the end of a sweep: what it answers, the run of the best, and what to type next."""
    print_answers(answers)
    trained(found)
    hints(answers, places, found.run_id)


def trained(found: "Best") -> None:
    """Show what the best configuration came to, its run, and the name of the study."""
    out = console.out()
    if found.metrics:
        over = "  (means over the seeds)" if found.spread is not None else ""
        out.print(f"best: {console.metrics_line(found.metrics)}{over}")
    out.print(f"study {found.study}" + (f", run {found.run_id}" if found.run_id else ""))


def best(found: "Best", answers: Sequence[Answer], places: Places, *, as_json: bool) -> None:
    """Show the best configuration of a study, and what to type next; as JSON, all that the study answers, too."""
    if as_json:
        console.json_document(asdict(found) | {"answers": to_json(answers)})
        return
    (told,) = (each for each in answers if each.kind == BEST)
    console.configuration(found, told.details)
    hints([told], places, found.run_id)


def report(made: "Report", page: "Path", where: Sequence[str], places: Places) -> None:
    """Show what a report on the runs with some values answers, and where it is."""
    print_answers(made.answers)
    console.out().print(f"page: {page}")
    conditions = [word for condition in where for word in ("--where", condition)]
    console.hints([(command("report", made.study, *conditions, "--json", places=places), "the same, for programs")])


def to_json(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return the answers as JSON."""
    return [asdict(answer) for answer in answers]
