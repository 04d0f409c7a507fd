"""The first screen of a report: what was asked, the answer, the best configuration, and what it was found with."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.wording import number
from lrlab.analysis.runs import Runs
from lrlab.config.command_line import command
from lrlab.plotting.page import Card, Command, Lead
from lrlab.sweeper.study.queue import TrialCounts
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    import optuna

    from lrlab.tracking.tracker import RunRecord

MODEL: Final = ("model", "model.hidden", "model.k", "loss", "optimizer", "schedule", "regularizer")  # what was trained
GRADIENT: Final = "gradient"
MAX_VALUES = 6  # of a key that are listed one by one
MAX_COMMANDS = 5
MAX_KEYS = 12  # of a best configuration


def lead(study: "optuna.Study", runs: Runs, found: Sequence[Answer], records: "Sequence[RunRecord]") -> Lead:
    """Return the first screen.

    Args:
        found: the most pertinent first.
        records: of the sweep and of one of its runs, for commit and versions.
    """
    best = next((answer for answer in found if answer.kind == "best" and answer.values.get("params")), None)
    cards = [
        *([_best(best)] if best else []),
        Card("What was swept", rows=tuple(_swept(runs))),
        Card("What was trained", rows=tuple(_training(study, runs))),
        Card("What was recorded", rows=tuple(_record(study, runs, records))),
    ]
    steps = {step.command: Command(step.command, step.purpose) for answer in found for step in answer.next_steps}
    shown = [step for line, step in steps.items() if not line.startswith("lrlab report")][: MAX_COMMANDS - 1]
    browse = Command(command("ui", places=runs.places), "browse all runs in MLflow")
    return Lead(f"lrlab, study {runs.study}", prose(found[0].sentence), tuple(cards), (*shown, browse))


def prose(text: str) -> str:
    """Return words of an answer as a sentence: with a capital, unless it begins with a name, and with a full stop."""
    text = text.strip()
    first = re.match(r"[a-z]+(?=[\s:,])", text)
    begun = text[:1].upper() + text[1:] if first else text
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _best(answer: Answer) -> Card:
    values = answer.values
    seeds, ends = values.get("seeds") or 1, values.get("interval")
    note = f"mean of {seeds} seeds" if seeds > 1 else "one training"
    if ends:
        note = f"95 % interval {ends[0]:.4g} to {ends[1]:.4g}, {note}"
    rows = [(key, number(value)) for key, value in values["params"].items()][:MAX_KEYS]
    cautions = [f"{key}: the {end} values tried" for key, end in (values.get("at_ends") or {}).items()]
    if cautions:
        rows.append(("at an end", "; ".join(cautions)))
    return Card("Best configuration", f"{values['objective']} {values['value']:.4g}", note, tuple(rows))


def _training(study: "optuna.Study", runs: Runs) -> Iterator[tuple[str, str]]:
    """Yield what all trials have in common, and what was swept."""
    if not runs.names:
        fixed = _in_common(runs)
        if "data" in fixed:
            samples = next((run.samples for run in runs if run.samples), None)
            yield "data", f"{fixed['data']}, {samples} training samples" if samples else str(fixed["data"])
        is_trained = fixed.get("method", GRADIENT) == GRADIENT  # by updates, which nearest neighbours are not
        for key in MODEL if is_trained else ("model", "method"):
            if fixed.get(key) not in (None, ""):
                yield key, str(fixed[key])
        if is_trained:
            yield "budget", _budget(fixed)
    counts = TrialCounts.of(study.get_trials(deepcopy=False))
    left = f"{counts.total} trials, {counts.done} done"
    yield "trials", left if counts.done < counts.total else f"{counts.total}"
    seeds = runs.values("seed")
    yield "seeds", f"{seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} ({seeds[0]} to {seeds[-1]})"


def _swept(runs: Runs) -> Iterator[tuple[str, str]]:
    for key, definition in runs.swept.items():
        if key != "seed":
            yield runs.names.get(key, key), _range(runs, key, definition)


def _record(study: "optuna.Study", runs: Runs, records: "Sequence[RunRecord]") -> Iterator[tuple[str, str]]:
    yield "study", runs.study
    times = [
        moment
        for trial in study.get_trials(deepcopy=False)
        for moment in (trial.datetime_start, trial.datetime_complete)
        if moment
    ]
    if times:
        yield "trained", _span(min(times), max(times))
    tags: dict[str, str] = {}
    for record in records:
        tags |= record.tags
    if commit := tags.get(Tag.GIT_COMMIT):
        changed = " with changes" if tags.get(Tag.GIT_DIRTY) == "true" else ""
        yield "commit", f"{commit[:12]}{changed}"
    yield "versions", _versions(tags)
    if runs.parent:
        yield "MLflow run", runs.parent


def _versions(tags: Mapping[str, str]) -> str:
    environment: dict[str, Any] = json.loads(tags.get(Tag.PROVENANCE, "{}")).get("environment", {})
    python = environment.get("python") or tags.get(Tag.PYTHON)
    named = {
        "lrlab": version("lrlab"),
        "Python": python,
        "NumPy": environment.get("numpy"),
        "BLAS": environment.get("blas"),
    }
    packages = dict(each.split("==", 1) for each in tags.get(Tag.PACKAGES, "").split() if "==" in each)
    named |= {name: packages[name] for name in ("torch", "jax", "scikit-learn") if name in packages}
    return ", ".join(f"{name} {version}" for name, version in named.items() if version)


def _in_common(runs: Runs) -> dict[str, Any]:
    first, *others = runs.runs
    return {key: value for key, value in first.params.items() if all(run.params.get(key) == value for run in others)}


def _budget(fixed: Mapping[str, Any]) -> str:
    if fixed.get("updates") not in (None, "None", ""):
        return f"{fixed['updates']} updates"
    return f"{fixed['epochs']} epochs" if "epochs" in fixed else "see the configuration"


def _range(runs: Runs, key: str, definition: str) -> str:
    """Return what was swept in words: an interval, or the values that were tried."""
    if ends := re.search(r"interval\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)", definition):
        scale = ", log" if re.search(r"\blog\b", definition) else ""
        return f"{ends[1]} to {ends[2]}{scale}"
    values = runs.values(key)
    if all(isinstance(value, int | float) for value in values):
        values = sorted(values)
    tried = list(map(number, values))
    if not tried:
        return definition
    return ", ".join(tried) if len(tried) <= MAX_VALUES + 2 else f"{tried[0]} to {tried[-1]}, {len(tried)} values"


def _span(begun: datetime, ended: datetime) -> str:
    minutes = (ended - begun).total_seconds() / 60
    took = (
        f"{60 * minutes:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
    )
    return f"{begun:%Y-%m-%d %H:%M}, {took}"
