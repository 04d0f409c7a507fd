"""How does the best learning rate move with the batch size, and where may it be carried over in proportion?

The verdict is that of `lrlab.scaling_law`: the known rules with their probabilities, and the exponent p of the power
law lr ~ B^p with its 95 % interval.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from lrlab.analysis.answers.answer import Answer, NextStep, Plot
from lrlab.analysis.answers.wording import CANNOT_TELL, interval, listed
from lrlab.analysis.gradient_noise import NoiseScaleEstimate, estimate_noise_scale
from lrlab.analysis.runs import LR, Runs
from lrlab.config.command_line import Places, command
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse
from lrlab.scaling_law.verdict import MIN_BATCH_SIZES

if TYPE_CHECKING:
    import optuna

KIND: Final = "scaling"
QUESTION: Final = "How does the best learning rate move with the batch size?"
MIN_RATES: Final = 3
FINER_ERROR = 0.035  # of ln(best learning rate), where what was done cannot tell ...
FINER_TRIALS = 4  # ... and how many trials that may take, for each that was made
MOST_BRACKET_VALUES = 7  # where a bracket is suggested
NOISE_SCALE_LR_FACTOR = 2.0  # off the best learning rate: runs within it count for the noise scale
LIKELY: Final = 0.01  # from which probability on a rule is worth a word
RULES: Final = {
    "linear": "grows in proportion to the batch size",
    "square_root": "grows with the square root of the batch size",
    "constant": "does not depend on the batch size",
    "power_law": "grows as a power of the batch size",
    "saturating": "grows in proportion to the batch size, then levels off",
    "square_root_saturating": "grows with the square root of the batch size, then levels off",
    "surge": "grows with the square root of the batch size, then falls again",
    "capped": "grows in proportion to the batch size up to a cap",
    "square_root_capped": "grows with the square root of the batch size up to a cap",
    "flattening": "levels off as the batch grows",
    "other": "follows none of the known rules",
}

Analyses = Mapping[str, tuple[ScalingAnalysis, NoiseScaleEstimate | None]]  # of each setting, by its label


def answer(study: "optuna.Study", runs: Runs | None, places: Places, analyses: Analyses | None = None) -> Answer | None:
    """Return how the best learning rate moves; None for runs that are not about it.

    Args:
        analyses: of the runs, if they are known already.
    """
    found = analyses if analyses is not None else (analyse_settings(runs) if runs else {})
    if runs is None or not found:
        return None
    said = {label: sentence(analysis) for label, (analysis, _) in found.items()}
    details = []
    for label, (analysis, _) in found.items():
        details += [f"{label}: {line}" if len(said) > 1 else line for line in _details(analysis)]
    is_open = any(analysis.verdict == "cannot_tell" for analysis, _ in found.values())
    return Answer(
        kind=KIND,
        question=QUESTION,
        sentence=_of_all(said),
        details=tuple(details),
        values=_values(found),
        plot=_plot(found),
        next_steps=(
            *(settling_steps(runs) if is_open and len(runs.values("batch_size")) >= MIN_BATCH_SIZES else ()),
            NextStep(command("report", runs.study, places=places), "the answers as a page with figures"),
        ),
    )


def _of_all(said: Mapping[str, str]) -> str:
    """Return the sentences of several settings as one; those that cannot tell are named together."""
    if len(said) == 1:
        return next(iter(said.values()))
    told = [f"{label}: {words}" for label, words in said.items() if not words.startswith(CANNOT_TELL)]
    is_open = [label for label, words in said.items() if words.startswith(CANNOT_TELL)]
    if not told:
        return f"{CANNOT_TELL}: the best learning rates are not known closely enough with any of {len(said)} settings"
    return "; ".join([*told, *([f"with {listed(is_open)} it cannot be told"] if is_open else [])])


def sentence(analysis: ScalingAnalysis) -> str:
    """Return the verdict of one setting in a sentence, with its numbers."""
    if analysis.verdict == "cannot_tell":
        return f"{CANNOT_TELL}: {why_not(analysis)}"
    said = [f"the best learning rate {RULES[analysis.verdict]}"]
    knees = {str(name): fitted for name, fitted in analysis.rules.fits.items()} if analysis.rules else {}
    if analysis.verdict in knees.keys() - {"power_law"}:
        fitted = knees[analysis.verdict]
        knee, ends = math.exp(fitted.best.parameter), [math.exp(end) for end in fitted.interval()]
        said[0] += f", about a batch size of {knee:.3g} {interval(ends)}"
    if analysis.power_law:
        exponent = analysis.power_law.exponent
        said.append(f"lr ~ B^p with p = {exponent.value:.2f} {interval(exponent.interval())}")
    if analysis.holds:
        low, high = analysis.holds
        said.append(f"carried over in proportion, it costs at most 1 % of the loss from {low} to {high}")
    else:
        said.append("nowhere may it surely be carried over in proportion")
    return "; ".join(said)


def _details(analysis: ScalingAnalysis) -> list[str]:
    """Return what the sentence leaves out."""
    if analysis.verdict == "cannot_tell" or not analysis.rules:
        return list(analysis.reasons)
    ranked = sorted(analysis.rules.probability.items(), key=lambda pair: -pair[1])
    likely = [f"{name.replace('_', ' ')} {probability:.2f}" for name, probability in ranked if probability >= LIKELY]
    return [f"probabilities of the rules: {', '.join(likely)}", *analysis.reasons[2:]]


def why_not(analysis: ScalingAnalysis) -> str:
    """Return in few words why nothing can be told: which batch sizes lack what, or which rules remain."""
    unknown = [optimum.batch_size for optimum in analysis.optima if not optimum.is_bracketed]
    known = len(analysis.optima) - len(unknown)
    if known >= MIN_BATCH_SIZES:
        return analysis.reasons[0]
    if not unknown:
        return f"{known} batch sizes were tried, at least {MIN_BATCH_SIZES} are needed"
    sizes = f"batch size{'s' * (len(unknown) > 1)} {listed(unknown)}"
    return f"the best learning rate is not known closely enough at {sizes} ({known} known, {MIN_BATCH_SIZES} needed)"


def analyse_settings(runs: Runs, tolerance: float = 0.01) -> Analyses:
    """Return the scaling analysis of every setting that has the batch sizes for it, with its noise scale."""
    if len(runs.values("batch_size")) < 2 or not runs.values(LR):
        return {}
    groups = runs.settings()
    least = 2 if len(groups) == 1 else MIN_BATCH_SIZES  # one of several must be able to tell
    return {
        label: analyse_runs(part, tolerance)
        for label, part in groups.items()
        if len(part.values("batch_size")) >= least
    }


def analyse_runs(runs: Runs, tolerance: float = 0.01) -> tuple[ScalingAnalysis, NoiseScaleEstimate | None]:
    """Return the scaling analysis of one setting, with the noise scale that was measured near the optima.

    Raises:
        InputError: the runs have no learning rates, or fewer than two batch sizes.
    """
    analysis = analyse(runs.table(), study=runs.study, tolerance=tolerance)
    if analysis.verdict == "cannot_tell":
        analysis = replace(analysis, reasons=(*analysis.reasons, what_would_settle_it(runs)))
    best = {optimum.batch_size: optimum.curve.centre for optimum in analysis.optima if optimum.curve}
    near = [
        run
        for run in runs
        if abs(math.log(run.lr) - best.get(run.batch_size, math.inf)) <= math.log(NOISE_SCALE_LR_FACTOR)
    ]
    measured = [run for run in near if not run.diverged and run.has("gradient_signal")]
    noise = estimate_noise_scale(runs.with_histories(measured, "gradient_signal", "gradient_noise"))
    return replace(analysis, noise_scale=noise.average if noise else None), noise


def what_would_settle_it(runs: Runs) -> str:
    """Return what to type, after which more can be told than now, as the end of a sentence."""
    if further := _further_batch_sizes(runs):
        return f"what would settle it is a sweep of more batch sizes, with {further}"
    if settling := settling_command(runs):
        return f"to settle it, by {_most_trials(runs):,} further trials at most: {settling}"
    override = shlex.quote(
        f"{runs.names.get(LR, LR)}=tag(bracket,choice({','.join(_bracket_values(runs.values(LR)))}))"
    )
    return f"what would settle it is a sweep that brackets the best learning rates, with {override}"


def _further_batch_sizes(runs: Runs) -> str:
    """Return the batch sizes that were swept and as many larger ones as a verdict takes; "" for no more of them."""
    sizes = sorted(int(size) for size in runs.values("batch_size"))
    if len(sizes) >= MIN_BATCH_SIZES:
        return ""
    factor = max(round(sizes[-1] / sizes[-2]), 2) if len(sizes) > 1 else 2
    while len(sizes) < MIN_BATCH_SIZES:
        sizes.append(sizes[-1] * factor)
    return shlex.quote(f"{runs.names.get('batch_size', 'batch_size')}=choice({','.join(map(str, sizes))})")


def settling_steps(runs: Runs) -> tuple[NextStep, ...]:
    """Return the command that goes on with a study that brackets; none for any other."""
    settling = settling_command(runs)
    said = f"most likely settles it; {_most_trials(runs):,} further trials are its limit"
    return (NextStep(settling, said),) if settling else ()


def settling_command(runs: Runs) -> str:
    """Return the command that goes on with a study that brackets; "" of any other."""
    if "bracket" not in runs.swept.get(LR, ""):
        return ""
    finer = f"hydra.sweeper.bracket_error={FINER_ERROR:g}", f"hydra.sweeper.bracket_trials={_most_trials(runs)}"
    return command("resume", runs.study, *finer, places=runs.places)


def _most_trials(runs: Runs) -> int:
    """Return where to stop at the latest: the error is reached, or given up, far before."""
    return FINER_TRIALS * len(runs.runs)


def _bracket_values(tried: Sequence[float]) -> list[str]:
    """Return learning rates at which a bracket may begin: those that were tried, or some between their ends."""
    low, high = min(tried), max(tried)
    if low == high:
        low, high = low / 2, high * 2
    count = min(max(len(tried), 3), MOST_BRACKET_VALUES)
    return [f"{lr:.3g}" for lr in np.geomspace(low, high, count)]


def _values(found: Analyses) -> dict[str, object]:
    """Return the verdict of the only setting, or of each."""
    each = {label: analysis.to_dict() for label, (analysis, _) in found.items()}
    return next(iter(each.values())) if len(each) == 1 else {"settings": each}


def _plot(found: Analyses) -> Plot | None:
    """Return the best learning rates, as far as they are known."""
    series = {
        label or "best learning rate": [
            (float(optimum.batch_size), math.exp(optimum.log_lr.value))
            for optimum in analysis.optima
            if optimum.log_lr and optimum.is_bracketed
        ]
        for label, (analysis, _) in found.items()
    }
    series = {label: points for label, points in series.items() if len(points) > 1}
    return Plot("batch size", "best learning rate", series, log_x=True, log_y=True) if series else None
