"""How many updates does a larger batch save, and up to which batch size (Shallue et al. 2019, arXiv:1811.03600)?"""

import math
from typing import TYPE_CHECKING, Final

from lrlab.analysis.answers.answer import Answer, Plot
from lrlab.analysis.answers.wording import CANNOT_TELL, estimate, interval, listed
from lrlab.analysis.runs import Runs
from lrlab.analysis.steps_to_target import StepsToTarget, UpdatesNeeded, steps_to_target
from lrlab.config.command_line import Places
from lrlab.scaling_law.estimate import Estimate, mean_of

if TYPE_CHECKING:
    import optuna

KIND: Final = "steps_to_target"
QUESTION: Final = "How many updates does a larger batch save, and up to which batch size?"


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer | None:
    """Return what a larger batch saves; None for runs that do not tell when they were at a loss."""
    parts = runs.settings() if runs else {}
    found = {label: steps for label, part in parts.items() if (steps := steps_to_target(part))}
    if not found:
        return None
    said = {label: _sentence(steps) for label, steps in found.items()}
    told = next(iter(said.values())) if len(said) == 1 else "; ".join(f"{at}: {words}" for at, words in said.items())
    details = [f"{label}: {line}" if len(said) > 1 else line for label in found for line in _details(found[label])]
    values = {label: _values(steps) for label, steps in found.items()}
    series = {
        label or "updates": [(float(each.batch_size), each.mean) for each in steps.reached]
        for label, steps in found.items()
        if len(steps.reached) > 1
    }
    return Answer(
        kind=KIND,
        question=QUESTION,
        sentence=told,
        details=tuple(details),
        values=next(iter(values.values())) if len(values) == 1 else {"settings": values},
        plot=Plot("batch size", "updates", series, log_x=True, log_y=True) if series else None,
    )


def _sentence(steps: StepsToTarget) -> str:
    reached = steps.reached
    if len(reached) < 2:
        return f"{CANNOT_TELL}: {len(reached)} batch sizes reach a loss of {steps.target:.4g} with every seed"
    small, large = reached[0], reached[-1]
    larger = f"{large.batch_size / small.batch_size:g} times the batch"
    at = f"to a loss of {steps.target:.4g} ({small.batch_size} to {large.batch_size})"
    ratio = saving(small, large)
    if ratio is None:
        fewer = f"{small.mean / large.mean:.3g} times fewer updates"
        return f"{larger} takes {fewer} {at}, with one seed: {steps.describe()}"
    low, high = map(math.exp, ratio.interval())
    said = f"{math.exp(ratio.value):.3g} {interval((low, high))} times fewer updates {at}"
    if low <= 1 <= high:
        return f"{CANNOT_TELL} whether {larger} saves updates: {said}"
    slower = small if low > 1 else large
    if not slower.is_bracketed:
        beyond = f"the fastest learning rate of batch size {slower.batch_size} is the last one tried"
        return f"{CANNOT_TELL} whether {larger} saves updates: {beyond}"
    if high < 1:
        more = interval((1 / high, 1 / low))
        return f"{larger} saves nothing: it takes {math.exp(-ratio.value):.3g} {more} times as many updates {at}"
    return f"{larger} takes {said}: {steps.describe()}"


def saving(small: UpdatesNeeded, large: UpdatesNeeded) -> Estimate | None:
    """Return ln of how many times fewer updates the larger batch takes; None for one seed.

    Model: ln(updates of the one / updates of the other) at a seed is normal, independently of the other seeds'.
    """
    if len(small.updates) < 2 or len(small.updates) != len(large.updates):
        return None
    return mean_of([math.log(few / many) for few, many in zip(small.updates, large.updates, strict=True)])


def _details(steps: StepsToTarget) -> list[str]:
    lines = [
        f"the target is the highest of the best losses that the batch sizes end with; each batch size has the learning "
        f"rate that gets there first: {', '.join(f'{each.batch_size} {_updates(each)}' for each in steps.reached)}"
    ]
    lines += [each.reason for each in steps.batch_sizes if each.reason]
    if outer := [each.batch_size for each in steps.reached if not each.is_bracketed]:
        lines.append(f"the fastest learning rate is the last one tried at batch size {listed(outer)}: fewer may do")
    return lines


def _updates(each: UpdatesNeeded) -> str:
    return estimate(mean_of(each.updates)) if len(each.updates) > 1 else f"{each.mean:.3g}"


def _values(steps: StepsToTarget) -> dict[str, object]:
    return {
        "target": steps.target,
        "batch_sizes": [
            {
                "batch_size": each.batch_size,
                "lr": each.lr,
                "updates": each.mean if each.updates else None,
                "bracketed": each.is_bracketed,
                "censored": each.censored,
            }
            for each in steps.batch_sizes
        ],
    }
