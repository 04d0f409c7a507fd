"""What the terminal shows: progress on stderr, results on stdout."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.text import Text

from lrlab.cli.table import WholeTable
from lrlab.config.command_line import Places, command

if TYPE_CHECKING:
    from pathlib import Path

    from lrlab.analysis.report.table_report import TableReport
    from lrlab.commands.best import Best
    from lrlab.commands.confirm import Confirmation
    from lrlab.commands.confirm_jobs import JobConfirmation
    from lrlab.commands.repair import Repaired
    from lrlab.data.catalog import DatasetInfo
    from lrlab.runs.reproduce import Reproduction
    from lrlab.runs.train import TrainingOutcome

MEMORY = "memory"  # the storage that ends with its process

T = TypeVar("T")
MAX_METRICS = 5  # of another application, beside its objective
MAX_ROWS = 20  # of settings on the terminal


def out() -> Console:
    """Return the console of results: stdout."""
    return Console(highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


def err() -> Console:
    """Return the console of progress: stderr."""
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def json_document(document: object) -> None:
    """Print one JSON document, for programs."""
    print(json.dumps(document, indent=2, default=asdict))


def result(found: T, view: Callable[[T], None], *, as_json: bool) -> None:
    """Show the result of a command: as JSON, or as `view` does."""
    if as_json:
        json_document(found)
    else:
        view(found)


def trained(outcome: "TrainingOutcome", places: Places | None) -> None:
    """Show the end of a single training, what its curve tells of the learning rate, and what to type next.

    Args:
        outcome: of the training.
        places: where it is on record; None if it is nowhere.
    """
    last = outcome.last
    state = "diverged" if last.diverged else "finished"
    out().print(f"{state} after epoch {last.epoch}: {metrics_line(last.metrics)}")
    if outcome.diagnosis:
        out().print(f"learning rate, judged by the training curve: {outcome.diagnosis}")
    out().print(f"run {outcome.run_id}")
    if places:
        _next(command("reproduce", outcome.run_id, places=places), "train it again, and compare")


def configuration(found: "Best", details: Sequence[str] = ()) -> None:
    """Show the best configuration of a study, and how sure it is."""
    trials = ("trial " if len(found.trials) == 1 else "trials ") + ", ".join(map(str, found.trials))
    rows = [(name, short(value)) for name, value in found.params.items()]
    out().print(WholeTable(rows, title=f"best of {found.study}: {trials}"))
    if not found.run_id:
        over = "" if found.spread is None else f": mean over {found.seeds} seeds, standard deviation {found.spread:.4f}"
        out().print(f"objective {found.value:.4f}{over}")
    elif found.spread is None:
        out().print(metrics_line(found.metrics))
        out().print(f"run {found.run_id}")
    else:
        mean = f"objective {found.value:.4f}: mean over {found.seeds} seeds"
        out().print(f"{mean}, whose standard deviation is {found.spread:.4f}")
        out().print(f"{metrics_line(found.metrics)}  (means)")
        out().print(f"run {found.run_id}: trial {found.trial}, the median of the seeds")
    for line in details:
        out().print(Text(f"  - {printable(line)}"))


def printable(text: str) -> str:
    """Return a text without what a terminal would obey: names and values may be somebody else's."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def sweep_stopped(study: str, places: Places, overrides: Sequence[str] = ()) -> None:
    """Show how to go on with a sweep that did not reach its end.

    Args:
        study: its name.
        places: where it is.
        overrides: of the sweep that `lrlab resume` does not repeat by itself.
    """
    if places.storage_url == MEMORY:
        err().print("The sweep has stopped; its study was in the memory of this process alone.")
        return
    err().print("The sweep has stopped; the trials that are done are kept.")
    _next(command("resume", study, *overrides, places=places), "go on to the number of trials asked for", err())


def nothing_left(study: str, places: Places) -> None:
    """Show that all trials of a sweep were done before, and how to see what was found."""
    out().print(f"Nothing is left to do: all trials of study {study} are done, and its answer is on record.")
    _next(command("best", study, places=places), "the answer and the best configuration again")
    _next(command("report", study, places=places), "the answers as a page with figures")


def trials_taken(study: str, running: int, places: Places) -> None:
    """Show that other sweeps of the study run all trials that are left."""
    err().print(f"No trial is left to start: other sweeps of {study} are running its last {running} trials.")
    _next(command("best", study, places=places), "when they are done")


def runs_unreadable(study: str, reason: str, places: Places) -> None:
    """Show that a sweep is done while its tracking server is unavailable."""
    err().print(f"The sweep is done, but its runs cannot be read now: {reason}")
    _next(command("repair", places=places), "once the server is available: delivers the pending records")
    if places.storage_url != MEMORY:
        _next(command("best", study, places=places), "the best configuration")


def repaired(done: "Repaired", places: Places) -> None:
    """Show what `lrlab repair` did."""
    out().print(f"{done.trials} trials given back, {done.runs} runs closed, {done.delivered} records delivered")
    if done.waiting:
        out().print(f"{done.waiting} records pending: {done.trouble}")
    elif done.trouble:
        out().print(f"not all runs were looked at: {done.trouble}")
    if done.relocated:
        out().print(f"MLflow finds the artifacts of {done.relocated} runs where they are now")
    for process in done.elsewhere:
        host = process.partition("/")[0]
        out().print(f"a trial may be running on {host}; if that machine is gone:")
        _next(command("repair", "--gone", host, places=places), "its processes are dead")


def confirmed(found: "Confirmation") -> None:
    """Show the results on fresh seeds and on the test split, beside those of the search."""
    means = [_mean(each["validation"], "diverged") for each in found.candidates]
    _candidates(found, means, found.objective)
    low, high = found.test_accuracy_ci
    out().print(
        f"test accuracy {found.test_accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), loss {found.test_loss:.4f}"
    )
    out().print(f"run {found.run_id}")
    if found.registry:
        out().print(found.registry)
    if found.model:
        _next(f'mlflow.pyfunc.load_model("{found.model}")', "the registered model")


def jobs_confirmed(found: "JobConfirmation") -> None:
    """Show the results on fresh seeds beside those of the search."""
    _candidates(found, [_mean(each["mean"], "failed") for each in found.candidates], "objective")
    low, high = found.interval
    out().print(f"objective {found.mean:.4f} (95 % interval {low:.4f} to {high:.4f}, for the choice of the seeds)")
    out().print(f"run {found.run_id}")


def _candidates(found: "Confirmation | JobConfirmation", means: Sequence[str], objective: str) -> None:
    """Show every configuration with its mean objective in the search, and its mean on the fresh seeds."""
    headers = ("trial", f"{objective} in the search", f"mean over {len(found.seeds)} fresh seeds", "")
    rows = [
        (str(each["trial"]), f"{each['search_value']:.4f}", mean, "chosen" if each["trial"] == found.trial else "")
        for each, mean in zip(found.candidates, means, strict=True)
    ]
    out().print(WholeTable(rows, headers))


def _mean(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.4f}"


def table_report(made: "TableReport", page: "Path") -> None:
    """Show the answer of a table: how it was read, the verdict, what moves it, and its settings."""
    for line in made.how_read:
        out().print(Text(printable(line), style="dim"))
    answer = made.answer
    out().print(Text.assemble((answer.verdict.replace("_", " "), "bold"), f": {printable(answer.reasons[0])}"))
    for line in (*answer.reasons[1:], *(size.describe() for size in getattr(answer, "sizes", ()))):
        out().print(f"  {printable(line)}")
    rows = [row for section in made.sections for row in section.table][: MAX_ROWS + 1]
    if rows:
        headers, *cells = [[printable(cell) for cell in row] for row in rows]
        out().print(WholeTable(cells, headers))
    out().print(f"{len(made.sections)} sections in {page}")


def reproduced(replay: "Reproduction") -> None:
    """Show the verdict of a reproduction."""
    out().print(f"{replay.verdict}: largest difference {replay.max_abs_difference:g} over every epoch and metric")
    for name, (then, now) in replay.environment_changes.items():
        out().print(f"  {name} was {then}, is {now}")
    out().print(f"run {replay.run_id}, again as {replay.new_run_id}: {metrics_line(replay.metrics)}")


def served(address: str) -> None:
    """Show where MLflow's user interface is."""
    out().print(f"MLflow shows the runs at {address} (Ctrl-C ends it)")


def datasets(rows: "Sequence[DatasetInfo]", root: str | None) -> None:
    """Show the data sets there are, below `root`."""
    from lrlab.data.cache import fetch_command

    shown = []
    for row in rows:
        size = f"{row.bytes / 1e6:.1f} MB"
        fetched = "yes" if row.fetched else fetch_command(row.name, root)
        shown.append((row.name, str(row.images), str(row.classes), fetched, size, row.path, row.license))
    out().print(WholeTable(shown, ("data set", "images", "classes", "fetched", "size", "path", "license")))


def gradients(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show gradient checks, with the times of both ways."""
    shown = []
    for row in rows:
        seconds = (f"{1e3 * row[f'{way}_seconds']:.2f} ms" for way in ("analytic", "numeric"))
        verdict = "ok" if row["passed"] else "WRONG"
        parts = row["model"], row["loss"], row["regularizer"]
        shown.append((*parts, f"{row['relative_error']:.1e}", *seconds, verdict))
    headers = ("model", "loss", "regularizer", "relative error", "analytic", "numeric", "")
    out().print(WholeTable(shown, headers))


def hints(commands: Sequence[tuple[str, str]], console: Console | None = None) -> None:
    """Show what to type next: commands, each with its purpose."""
    for line, purpose in commands:
        _next(line, purpose, console)


def metrics_line(metrics: Mapping[str, Any]) -> str:
    """Return the metrics that a line on the terminal shows: of another application, its objective and some others."""
    shown = [name for name in ("train/loss", "train/accuracy", "val/loss", "val/accuracy") if name in metrics]
    if not shown or "objective" in metrics:
        names = [name for name in metrics if name not in ("objective", "reported")]
        shown = [name for name in ("objective", *names[:MAX_METRICS]) if name in metrics]
    return "  ".join(f"{name} {metrics[name]:.4f}" for name in shown)


def short(value: object) -> str:
    """Return a value with the digits that a table shows."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _next(line: str, purpose: str, console: Console | None = None) -> None:
    (console or out()).print(Text.assemble(f"  {line}  ", (f"# {purpose}", "dim")))
