"""How many neighbours should vote, and by which distance?

An accuracy on n validation samples has a binomial error: its interval is Wilson's (1927, "Probable inference, the law
of succession, and statistical inference"). The difference of two accuracies on the same samples is judged as if the
samples were others: the record has no single votes, and paired votes would tell smaller differences.
"""

import math
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import Answer, Plot
from lrlab.analysis.answers.wording import CANNOT_TELL, interval, listed, setting
from lrlab.analysis.runs import Run, Runs
from lrlab.config.command_line import Places

if TYPE_CHECKING:
    import optuna

KIND: Final = "neighbours"
QUESTION: Final = "How many neighbours should vote, and by which distance?"
KEY: Final = "model.k"
Z: Final = 1.959964  # of a normal 95 % interval


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer | None:
    """Return the best number of neighbours; None for runs of another model."""
    if runs is None or len(runs.values(KEY)) < 2:
        return None
    known = [run for run in runs if KEY in run.params and math.isfinite(_accuracy(run))]
    if not known:
        return None
    keys = [key for key in runs.swept if key in known[0].params and len(runs.values(key)) > 1]
    ranked = sorted(known, key=lambda run: -_accuracy(run))
    best, count = ranked[0], ranked[0].validation
    chosen = {key: best.params[key] for key in keys}
    series: dict[str, list[tuple[float, float]]] = {}
    for run in sorted(known, key=lambda run: float(run.params[KEY])):
        label = setting({key: run.params[key] for key in keys if key != KEY}) if len(keys) > 1 else "accuracy"
        series.setdefault(label, []).append((float(run.params[KEY]), _accuracy(run)))
    plot = Plot("k", "validation accuracy", series, log_x=True)
    values: dict[str, Any] = {"params": chosen, "accuracy": _accuracy(best), "samples": count or None}
    said = f"{setting(chosen)} votes best: {_accuracy(best):.4f}"
    if not count:
        unknown = "the size of the validation set is not on record: how sure that is cannot be told"
        return Answer(KIND, QUESTION, f"{said} of the validation samples", (unknown,), values, plot)
    ends = wilson(_accuracy(best), count)
    tied = [run for run in ranked[1:] if not is_clearly_less(_accuracy(run), _accuracy(best), count)]
    values |= {"interval": list(ends), "tied": [{key: run.params[key] for key in keys} for run in tied]}
    sentence = f"{said} {interval(ends)} of {count} validation samples"
    if tied:
        sentence += f", but {len(tied)} of the other {len(ranked) - 1} cannot be told from it"
    details = [f"the accuracies by k: {_by_k(series)}"]
    for key in keys:
        left = [value for value in runs.values(key) if value in {run.params[key] for run in (best, *tied)}]
        out = [value for value in runs.values(key) if value not in left]
        if out:
            details.append(f"{key}={listed(out)} {'is' if len(out) == 1 else 'are'} clearly worse")
            if len(left) > 1:
                details.append(f"{CANNOT_TELL} between {key}={listed(left)}")
    details.append("the validation samples that chose it judge it: its accuracy is optimistic")
    return Answer(KIND, QUESTION, sentence, tuple(details), values, plot)


def wilson(accuracy: float, count: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy on so many samples."""
    centre = (accuracy + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(accuracy * (1 - accuracy) / count + Z**2 / (4 * count**2))
    return centre - half, centre + half


def is_clearly_less(less: float, more: float, count: int) -> bool:
    """Return whether one accuracy is below another by more than two independent binomials explain (95 %)."""
    pooled = (less + more) / 2
    return more - less > Z * math.sqrt(2 * pooled * (1 - pooled) / count)


def _accuracy(run: Run) -> float:
    return run.last("val/accuracy")


def _by_k(series: dict[str, list[tuple[float, float]]]) -> str:
    return "; ".join(
        f"{label}: {', '.join(f'{k:g} {accuracy:.3f}' for k, accuracy in points)}" for label, points in series.items()
    )
