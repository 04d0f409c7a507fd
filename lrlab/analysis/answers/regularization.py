"""What does lambda buy on validation, and does the regularizer matter?

The gain of the best lambda over none is judged by seeds that did not choose it: see `paired.gain_of_choice`. A learning
rate that was swept, too, is the best one for each lambda.
"""

from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import Answer, Plot
from lrlab.analysis.answers.best_rate import AtBestRate, at_best_rate, has_intervals
from lrlab.analysis.answers.paired import Difference, difference, gain_of_choice
from lrlab.analysis.answers.wording import CANNOT_TELL, listed
from lrlab.analysis.runs import Run, Runs
from lrlab.config.command_line import Places

if TYPE_CHECKING:
    import optuna

KIND: Final = "regularization"
QUESTION: Final = "What does lambda buy, and does the regularizer matter?"
KEY: Final = "regularizer.strength"
MIN_STRENGTHS: Final = 2

Strengths = dict[float, AtBestRate]


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer | None:
    """Return what regularization gains; None for runs without two values of lambda."""
    if runs is None or has_intervals(runs) or KEY not in runs.swept or len(runs.values(KEY)) < MIN_STRENGTHS:
        return None
    kinds = {kind: found for kind, part in _kinds(runs).items() if (found := _by_strength(part))}
    if not kinds:
        return Answer(KIND, QUESTION, f"{CANNOT_TELL}: with every lambda a seed diverged")
    best = {kind: min(found, key=lambda strength: found[strength].mean) for kind, found in kinds.items()}
    gains = {kind: _gain(found) for kind, found in kinds.items()}
    details = []
    for kind, found in kinds.items():
        at = best[kind]
        positive = [strength for strength in found if strength > 0]
        if not at:
            details.append(f"{kind}: no lambda tried is better than 0: {_against_none(found, gains[kind])}")
            continue
        said = f"{kind}: least validation loss {found[at].mean:.4g} at lambda {at:.3g}"
        if gain := gains[kind]:
            said += f", {gain.describe()} less than at lambda 0"
        if len(positive) > 1 and at in (min(positive), max(positive)):
            end = "smallest" if at == min(positive) else "largest"
            said += f"; that is the {end} lambda tried: a better one may lie beyond"
        details.append(said)
    between = _between(kinds, best)
    details += [f"{first} against {second}: {words}" for (first, second), words in between[1].items()]
    if any(best.values()):
        details.append("the gains are judged by seeds that did not choose the lambda (leave one out)")
    values = {
        kind: {
            "best_lambda": best[kind],
            "losses": {f"{strength:g}": each.mean for strength, each in sorted(found.items())},
            "gain": gain.to_dict() if (gain := gains[kind]) else None,
        }
        for kind, found in kinds.items()
    }
    return Answer(KIND, QUESTION, f"{_sentence(best, gains)}; {between[0]}", tuple(details), values, _plot(runs, kinds))


def _kinds(runs: Runs) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        if KEY in run.params:
            found.setdefault(str(run.params.get("regularizer", "regularization")), []).append(run)
    return found


def _by_strength(runs: list[Run]) -> Strengths:
    parts: dict[float, list[Run]] = {}
    for run in runs:
        parts.setdefault(float(run.params[KEY]), []).append(run)
    return {strength: found for strength, part in sorted(parts.items()) if (found := at_best_rate(part))}


def _gain(found: Strengths) -> Difference | None:
    """Return what the best lambda gains over 0; None without a training at 0, or of one seed."""
    positive = {strength: each.losses for strength, each in found.items() if strength > 0}
    return gain_of_choice(found[0.0].losses, positive) if 0.0 in found else None


def _against_none(found: Strengths, gain: Difference | None) -> str:
    """Return the losses at 0 and at the best lambda above it."""
    none = f"{found[0.0].mean:.4g} there"
    positive = {strength: each.mean for strength, each in found.items() if strength > 0}
    if not positive:
        return f"{none}, and every other one diverged with some seed"
    next_best = min(positive, key=lambda strength: positive[strength])
    said = f"{none}, {positive[next_best]:.4g} at {next_best:.3g}"
    return f"{said}, {gain.reversed().describe()} more" if gain else said


def _sentence(best: dict[str, float], gains: dict[str, Difference | None]) -> str:
    known = {kind: gain for kind, gain in gains.items() if gain}
    if not known:
        return f"{CANNOT_TELL} what lambda buys: it takes two seeds and trainings at lambda = 0"
    helping = {kind: gain for kind, gain in known.items() if not gain.may_be_zero and gain.mean.value > 0}
    hurting = [kind for kind, gain in known.items() if not gain.may_be_zero and gain.mean.value < 0]
    if helping:
        kind = max(helping, key=lambda kind: helping[kind].mean.value)
        said = f"{kind} at lambda {best[kind]:.3g} lowers the validation loss by {helping[kind].amount()} against none"
        rest = [other for other in known if other not in helping]
        return said + (f"; of {listed(rest)} a gain cannot be told" if rest else "")
    if not any(best.values()):
        harm = "all raise the loss" if len(hurting) == len(known) else "the smallest cannot be told from 0"
        return f"no lambda tried is better than 0: {harm}"
    if len(hurting) == len(known):
        kind = max(hurting, key=lambda kind: known[kind].mean.value)
        return f"no lambda tried helps: the best of {kind} raises the validation loss by {known[kind].amount()}"
    kind = max(known, key=lambda kind: known[kind].mean.value)
    return f"{CANNOT_TELL} whether lambda buys anything: the gain of {kind} is {known[kind].describe()}"


def _between(kinds: dict[str, Strengths], best: dict[str, float]) -> tuple[str, dict[tuple[str, str], str]]:
    """Return in words whether the regularizers differ, each at its best lambda, and every comparison."""
    if len(kinds) < 2:
        return "one regularizer was tried", {}
    if not any(best.values()):
        return f"at lambda 0 {listed(list(kinds))} are the same", {}
    ranked = sorted(kinds, key=lambda kind: kinds[kind][best[kind]].mean)
    pairs = len(ranked) * (len(ranked) - 1) // 2
    compared: dict[str, Any] = {
        other: difference(kinds[ranked[0]][best[ranked[0]]].losses, kinds[other][best[other]].losses, pairs)
        for other in ranked[1:]
    }
    worse = [other for other, each in compared.items() if each and not each.may_be_zero]
    words = {(ranked[0], other): each.describe() for other, each in compared.items() if each}
    tied = [other for other in compared if other not in worse]
    if not tied:
        return f"{ranked[0]} is better than {listed(worse)}", words
    names = listed([ranked[0], *tied])
    if not worse:
        return f"{names} cannot be told apart", words
    return f"{names} cannot be told apart, {listed(worse)} {'is' if len(worse) == 1 else 'are'} worse", words


def _plot(runs: Runs, kinds: dict[str, Strengths]) -> Plot | None:
    series = {
        kind: [(strength, each.mean) for strength, each in found.items() if strength > 0]
        for kind, found in kinds.items()
    }
    series = {kind: points for kind, points in series.items() if len(points) > 1}
    return Plot("lambda", runs.loss_label, series, log_x=True) if series else None
