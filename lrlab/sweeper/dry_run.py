"""`hydra.sweeper.dry_run=true`: what a sweep would do, on stdout; nothing is written, and no trial is run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from rich.console import Console

from lrlab.sweeper.plan import SweepPlan
from lrlab.sweeper.search.space import Dimension
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.queue import Queue, TrialCounts

MAX_TRIALS = 50  # that are listed


@dataclass(frozen=True)
class _Progress:
    """How far the study is.

    Attributes:
        exists: whether there is one.
        counts: of its trials.
        left: the values of the trials that are to be run; what they lack, the sampler chooses.
    """

    exists: bool
    counts: TrialCounts
    left: Sequence[Mapping[str, Any]]


def print_plan(plan: SweepPlan, *, is_named: bool) -> None:
    """Print what a plan would do.

    Args:
        is_named: whether the user has named the study; otherwise every sweep gets another name.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines(plan, is_named=is_named):
        console.print(line)


def lines(plan: SweepPlan, *, is_named: bool = True) -> Iterator[str]:
    """Yield what `print_plan` prints."""
    progress, search = _progress(plan), plan.search
    told = plan.application.description(plan.sweep)
    name = f"{plan.sweep.study}, {'resumed' if progress.exists else 'new'}, in {plan.storage}"
    yield "dry run: nothing is written, no trial is run"
    yield f"study:      {name}{'' if is_named else ' (the name will be another one)'}"
    if plan.sweep.question:
        yield f"question:   {plan.sweep.question}"
    yield f"trials:     {_trials(plan, progress)}"
    if plan.remark:
        yield f"            {plan.remark}"
    yield f"objective:  {told['objective']}: {', '.join(plan.sweep.directions)}"
    yield f"sampler:    {'none' if search.is_exhaustive else _text(search.sampler_config)}"
    yield f"pruner:     {_text(search.pruner_config)}"
    yield f"workers:    {plan.sweep.workers}"
    yield f"runs:       {told['runs']}"
    yield "swept:"
    for part in search.space.parts:
        written = f"{part.key}={part.definition}" if isinstance(part, Dimension) else part.text
        where = " and ".join(condition.text for condition in part.conditions)
        yield f"  {written}{f'   where {where}' if where else ''}{'' if isinstance(part, Dimension) else '   (fixed)'}"
    if search.custom:
        yield f"  and what {search.custom} suggests"
    yield from _listing(plan, progress.left)


def _progress(plan: SweepPlan) -> _Progress:
    if studies.find(plan.storage, plan.sweep.study) is None:
        return _Progress(False, TrialCounts(), plan.trials)
    queue = Queue(plan.storage, plan.sweep.study)
    return _Progress(True, queue.counts(), [*queue.waiting(), *queue.missing_from(plan.trials)])


def _trials(plan: SweepPlan, progress: _Progress) -> str:
    counts, left = progress.counts, len(progress.left)
    text = str(counts.done + counts.running + left)
    if plan.search.is_exhaustive:
        text += f" of {plan.search.space.size} combinations, each once"
    if progress.exists:
        running = f"{counts.running} running or left by a process that died, " if counts.running else ""
        text += f"; {counts.done} are done, {running}{left} are left"
    if any(dimension.is_bracketed for dimension in plan.search.space.dimensions):
        precision = plan.sweep.precision
        text += f"; then at most {precision.trials} more, until the standard error is {precision.standard_error:g}"
    return text


def _text(part: Mapping[str, Any]) -> str:
    """Return a sampler or a pruner with its arguments; they may hold others."""
    name = str(part["_target_"]).rpartition(".")[2]
    if name == "NopPruner":
        return "none"
    arguments = (f"{key}={_argument(value)}" for key, value in part.items() if key != "_target_" and value is not None)
    return f"{name}({', '.join(arguments)})"


def _argument(value: Any) -> str:
    return _text(value) if isinstance(value, Mapping) and "_target_" in value else str(value)


def _listing(plan: SweepPlan, left: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the trials that have values already, in the order in which they will run."""
    dimensions = plan.search.space.dimensions
    known = [values for values in left if values or plan.search.is_exhaustive]
    if not known:
        return
    yield "trials, in this order:" if plan.search.is_exhaustive else "first points (the sampler chooses the rest):"
    for values in islice(known, MAX_TRIALS):
        overrides = [each.override(values[each.name]) for each in dimensions if each.name in values]
        yield f"  {' '.join(overrides) or 'one, with nothing swept'}"
    if len(known) > MAX_TRIALS:
        yield f"  … and {len(known) - MAX_TRIALS} more"
