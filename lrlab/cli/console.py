"""What the terminal shows: progress on stderr, results on stdout."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from lrlab.analysis.report.report import Report
    from lrlab.commands.best import Best
    from lrlab.commands.confirm import Confirmation
    from lrlab.commands.repair import Repaired
    from lrlab.runs.reproduce import Reproduction
    from lrlab.runs.train import TrainingOutcome
    from lrlab.training.experiment import EpochResult

OUT = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def epoch_progress() -> Iterator[Callable[["EpochResult", int], None]]:
    """A progress bar, fed with every epoch's event and their number; a line for about every twentieth stays."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task("training", total=None)

        def watch(event: "EpochResult", total: int) -> None:
            bar.update(task, completed=event.epoch, total=total)
            every = -(-total // 20)
            if event.epoch % every == 0 or event.epoch == total or event.diverged:
                ERR.print(f"epoch {event.epoch:>{len(str(total))}}/{total}  {_metrics(event.metrics)}")

        yield watch


@contextmanager
def step_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, fed with the number of steps done and of all."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def trained(outcome: "TrainingOutcome") -> None:
    """Show the end of a single training, and what its curve tells of the learning rate."""
    last = outcome.last
    state = "diverged" if last.diverged else "finished"
    OUT.print(f"{state} after epoch {last.epoch}: {_metrics(last.metrics)}")
    if outcome.diagnosis:
        OUT.print(f"learning rate, judged by the training curve: {outcome.diagnosis}")
    OUT.print(f"run {outcome.run_id}")
    _next(f"lrlab reproduce {outcome.run_id}", "train it again, and compare")


def best(found: "Best") -> None:
    """The best trial of a study, and what one does with it."""
    table = Table(title=f"best of {found.study}: trial {found.trial}", title_justify="left", show_header=False)
    for name, value in found.params.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    OUT.print(table)
    OUT.print(_metrics(found.metrics))
    OUT.print(f"run {found.run_id}")


def after_sweep(study: str) -> None:
    """The next commands."""
    _next("lrlab ui", "browse all runs in MLflow")
    _next(f"lrlab report {study}", "figures, and how the best learning rate moves with the batch size")
    _next(f"lrlab best {study} --confirm 5", "the best configurations again on fresh seeds, then the test split")
    _next(f"lrlab reproduce best --study {study}", "train it again, and prove it is the same")


def stopped(study: str) -> None:
    """A sweep that did not reach its end."""
    ERR.print("The sweep has stopped; what it found so far is kept.")
    ERR.print(f"  lrlab resume {study}  [dim]# go on to the number of trials asked for[/dim]")


def others(study: str, running: int) -> None:
    """A sweep that found every trial taken by other sweeps of its study."""
    ERR.print(f"Nothing is left to take: other sweeps of {study} are running its last {running} trials.")
    _next(f"lrlab best {study}", "when they are done")


def unread(study: str, trouble: str) -> None:
    """A sweep that is done while its tracking server is not there."""
    ERR.print(f"The sweep is done, but its runs cannot be read now: {trouble}")
    _next("lrlab repair --tracking-uri …", "once the server is there again: delivers what waits for it")
    _next(f"lrlab best {study} --tracking-uri …", "the best configuration")


def repaired(done: "Repaired") -> None:
    """What `lrlab repair` did."""
    OUT.print(f"{done.trials} trials given back, {done.runs} runs closed, {done.delivered} records delivered")
    if done.waiting:
        OUT.print(f"{done.waiting} records still wait: {done.trouble}")
    for owner in done.elsewhere:
        OUT.print(f"a trial may be running on {owner.partition('/')[0]}; if that machine is gone:")
        _next(f"lrlab repair --gone {owner.partition('/')[0]}", "its processes are dead")


def confirmed(found: "Confirmation") -> None:
    """What fresh seeds and the test split say, beside what the search said."""
    table = Table("trial", f"{found.objective} in the search", f"mean over {len(found.seeds)} fresh seeds", "")
    for each in found.candidates:
        mean = "diverged" if each["validation"] is None else f"{each['validation']:.4f}"
        chosen = "chosen" if each["trial"] == found.trial else ""
        table.add_row(str(each["trial"]), f"{each['search_value']:.4f}", mean, chosen)
    OUT.print(table)
    low, high = found.test_accuracy_ci
    OUT.print(
        f"test accuracy {found.test_accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), loss {found.test_loss:.4f}"
    )
    OUT.print(f"run {found.run_id}")
    if found.model:
        _next(f'mlflow.pyfunc.load_model("{found.model}")', "the registered model")


def report(made: "Report", page: "Path") -> None:
    """The verdict of a report, and where it is."""
    for label, found in made.scaling.items():
        head = f"{label}: " if label else ""
        OUT.print(f"{head}[bold]{found.verdict.replace('_', ' ')}[/bold]: " + "; ".join(found.reasons))
    OUT.print(f"{len(made.sections)} sections in {page}")
    _next(f"lrlab report {made.study} --json", "the verdict, for programs")


def reproduced(replay: "Reproduction") -> None:
    """The verdict of a replay."""
    OUT.print(f"{replay.verdict}: largest difference {replay.max_abs_difference:g} over every epoch and metric")
    for name, (then, now) in replay.environment_changes.items():
        OUT.print(f"  {name} was {then}, is {now}")
    OUT.print(f"run {replay.run_id}, again as {replay.new_run_id}: {_metrics(replay.metrics)}")


def datasets(rows: Sequence[Mapping[str, Any]]) -> None:
    """The data sets there are."""
    table = Table("data set", "images", "classes", "fetched", "size", "place", "license")
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB"
        fetched = "yes" if row["fetched"] else f"lrlab data fetch {row['name']}"
        shown = row["name"], row["images"], row["classes"], fetched, size, row["path"], row["license"]
        table.add_row(*map(str, shown))
    OUT.print(table)


def gradients(rows: Sequence[Mapping[str, Any]]) -> None:
    """Gradient checks, with the times of both ways."""
    table = Table("model", "loss", "regularizer", "relative error", "analytic", "numeric", "")
    for row in rows:
        seconds = (f"{1e3 * row[f'{way}_seconds']:.2f} ms" for way in ("analytic", "numeric"))
        verdict = "ok" if row["passed"] else "WRONG"
        parts = row["model"], row["loss"], row["regularizer"]
        table.add_row(*parts, f"{row['relative_error']:.1e}", *seconds, verdict)
    OUT.print(table)


def _metrics(metrics: Mapping[str, Any]) -> str:
    shown = ("train/loss", "train/accuracy", "val/loss", "val/accuracy")
    return "  ".join(f"{name} {metrics[name]:.4f}" for name in shown if name in metrics)


def _next(command: str, purpose: str) -> None:
    OUT.print(f"  {command}  [dim]# {purpose}[/dim]")
