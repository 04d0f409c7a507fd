"""The sections of a report, each None if the study has no data for it."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lrlab.analysis.gradient_noise import NoiseScaleEstimate, estimate_noise_scale
from lrlab.analysis.report import scaling_plots, training_plots
from lrlab.analysis.report.page import Section
from lrlab.analysis.runs import LR, Run, Runs
from lrlab.analysis.steps_to_target import StepsToTarget, steps_to_target
from lrlab.config.command_line import command
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse
from lrlab.scaling_law.table import Table, read

LOSS = "validation loss (nats)"
FINER_ERROR = 0.035  # of ln(best learning rate), where what was done cannot tell ...
FINER_TRIALS = 4  # ... and how many trials that may take, for each that was made
MOST_BRACKET_VALUES = 7  # where a bracket is suggested
TOO_LOW_OR_HIGH_FACTOR = 16.0  # off the best learning rate: what is shown as too low and too high
NOISE_SCALE_LR_FACTOR = 2.0  # off the best learning rate: runs within it count for the noise scale


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
    """Return the command after which more can be told than now, as the end of a sentence."""
    if "bracket" not in runs.swept.get(LR, ""):
        override = shlex.quote(
            f"{runs.names.get(LR, LR)}=tag(bracket,choice({','.join(_bracket_values(runs.values(LR)))}))"
        )
        return f"what would settle it is a sweep that brackets the best learning rates, with {override}"
    error, trials = f"{FINER_ERROR:g}", FINER_TRIALS * len(runs.runs)
    finer = f"hydra.sweeper.bracket_error={error}", f"hydra.sweeper.bracket_trials={trials}"
    return f"to settle it: {command('resume', runs.study, *finer, places=runs.places)}"


def _bracket_values(tried: Sequence[float]) -> list[str]:
    """Return learning rates at which a bracket may begin: those that were tried, or some between their ends."""
    low, high = min(tried), max(tried)
    if low == high:
        low, high = low / 2, high * 2
    count = min(max(len(tried), 3), MOST_BRACKET_VALUES)
    return [f"{lr:.3g}" for lr in np.geomspace(low, high, count)]


def scaling_section(
    runs: Runs, analysis: ScalingAnalysis, noise: NoiseScaleEstimate | None, label: str = ""
) -> Section:
    """Return how the best learning rate moves with the batch size."""
    table, name = read(runs.table()), f"_{_plain(label)}" if label else ""
    verdict = f"Verdict: {analysis.verdict.replace('_', ' ')}. {'; '.join(analysis.reasons)}."
    paragraphs = [budget(runs)]
    title = f"Best learning rate against batch size{f': {label}' if label else ''}"
    if not scaling_plots.can_be_drawn(table):
        paragraphs.append("With every learning rate, a seed diverged: there is no mean loss to draw.")
        return Section(title, tuple(paragraphs), table=optima_table(analysis, runs.loss_label), verdict=verdict)
    figures = list(scaling_figures(table, analysis, name, runs.loss_label))
    if noise and noise.average:
        saturating = "saturating" in (analysis.verdict, analysis.reading) and analysis.rules
        fitted = math.exp(saturating.fits["saturating"].best.parameter) if saturating else None
        paragraphs.append(
            f"The gradient noise scale, measured during {noise.runs} trainings near the best learning rates, is "
            f"{noise.average:.3g} samples on average over training ({noise.by_epoch[0]:.3g} in the first epoch, "
            f"{noise.by_epoch[-1]:.3g} in the last)."
            + (f" The knee of the saturating rule is at {fitted:.3g}." if fitted else "")
        )
        if len(noise.epochs) > 1:
            png = scaling_plots.noise_against_epoch(noise.epochs, noise.by_epoch, fitted)
            figures.append(Figure(png, "Gradient noise scale during training.", f"noise_scale{name}"))
    return Section(title, tuple(paragraphs), tuple(figures), optima_table(analysis, runs.loss_label), verdict)


def scaling_figures(table: Table, analysis: ScalingAnalysis, name: str, loss: str = LOSS) -> tuple[Figure, ...]:
    """Return the figures of one setting.

    Args:
        table: its trials.
        analysis: of them.
        name: what the names of the files end in.
        loss: what the losses are, for the axes.
    """
    figures = [
        Figure(
            scaling_plots.loss_against_lr(table, analysis.optima, loss),
            "Loss at the end of training against the learning rate, a line for each batch size: mean and standard "
            "deviation over the seeds. Thick: the local fit; red: its minimum.",
            f"loss_against_lr{name}",
        )
    ]
    if any(optimum.curve for optimum in analysis.optima):
        figures.append(
            Figure(
                scaling_plots.best_lr_against_batch(analysis),
                "Best learning rate against batch size, with the power law, its 95 % band, and the most probable rule "
                "with a knee.",
                f"best_lr{name}",
            )
        )
    figures.append(
        Figure(
            scaling_plots.loss_surface(table, analysis.optima),
            "Mean loss over batch size and learning rate, relative to the least at that batch size.",
            f"loss_surface{name}",
        )
    )
    return tuple(figures)


def budget(runs: Runs) -> str:
    """Return which question was asked, of equal epochs or of equal updates, as a sentence."""
    if runs.budget:
        return runs.budget
    updates, epochs = runs.values("updates"), runs.values("epochs")
    if updates and all(isinstance(count, int) for count in updates):
        counts = ", ".join(map(str, updates))
        return f"Asked under an equal budget of updates (exactly {counts}): larger batches see more samples."
    counts = ", ".join(map(str, epochs))
    return f"Asked under an equal budget of epochs ({counts}): larger batches take fewer updates."


def steps_section(runs: Runs, label: str = "") -> Section | None:
    """Return the updates to a target loss against batch size; None for runs that cannot tell."""
    steps = steps_to_target(runs)
    if steps is None:
        return None
    said = [
        f"The target is a validation loss of {steps.target:.4g} nats, the highest of the best that the batch sizes "
        "end with. Each has the learning rate that gets there in the fewest updates, of those that do with every seed."
    ]
    said += [f"{each.reason.capitalize()}." for each in steps.batch_sizes if each.reason]
    figures = []
    if len(steps.reached) > 1:
        said.append(f"What a larger batch saves in updates: {steps.describe()}.")
        if outer := [str(each.batch_size) for each in steps.reached if not each.is_bracketed]:
            said.append(f"The fastest learning rate is the last one tried at batch size {', '.join(outer)}.")
        sizes, means, spreads = zip(*((each.batch_size, each.mean, each.spread) for each in steps.reached), strict=True)
        png = scaling_plots.steps_against_batch(sizes, means, spreads, steps.target)
        caption = "Updates until the loss first is at the target: mean and standard deviation over the seeds."
        figures.append(Figure(png, caption, f"steps_to_target{f'_{_plain(label)}' if label else ''}"))
    title = f"Updates to a target loss{f': {label}' if label else ''}"
    return Section(title, tuple(said), tuple(figures), _updates_needed(steps))


def learning_rates_section(runs: Runs) -> Section | None:
    """Return loss curves with the learning rate too low, right, and too high; None for fewer than three."""
    best_run = min(runs, key=lambda run: run.loss)
    runs = next(part for part in runs.settings().values() if best_run in part.runs)
    sizes = [size for size in runs.values("batch_size") if isinstance(size, int)]
    rates = runs.values(LR)
    if not sizes or len(rates) < 3:
        return None
    counts = {size: len({run.lr for run in runs if run.batch_size == size}) for size in sizes}
    size = max(sizes, key=lambda size: (counts[size], -abs(sizes.index(size) - len(sizes) // 2)))
    groups: dict[float, list[Run]] = {}
    for run in runs:
        if run.batch_size == size:
            groups.setdefault(run.lr, []).append(run)
    tried = sorted(groups)
    if len(tried) < 3:
        return None
    best = min(tried, key=lambda lr: sum(run.loss for run in groups[lr]) / len(groups[lr]))
    low, high = (
        min(tried, key=lambda lr: abs(math.log(lr / best / factor)))
        for factor in (1 / TOO_LOW_OR_HIGH_FACTOR, TOO_LOW_OR_HIGH_FACTOR)
    )
    named = {"too low": low, "right": best, "too high": high}
    chosen = {
        f"{name}: {lr:.3g}": runs.with_histories(groups[lr], "val/loss")
        for name, lr in named.items()
        if name == "right" or lr != best
    }
    said = (
        f"Batch size {size}: the lowest learning rate tried, the best, and the highest; every line is a seed or trial."
    )
    png = training_plots.loss_curves(chosen, runs.loss_label, runs.unit)
    return Section(
        "Learning rate too low, right, too high",
        (said,),
        (Figure(png, f"{runs.loss_label.capitalize()} during training, a line for every seed.", "learning_rates"),),
    )


def warmup_section(runs: Runs) -> Section | None:
    """Return the loss against the learning rate for each of two to six lengths of warmup; else None."""
    lengths = runs.values("schedule.warmup")
    if not 2 <= len(lengths) <= 6 or len(runs.values(LR)) < 2:
        return None
    panels: dict[str, dict[float, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: (run.batch_size, float(run.params["schedule.warmup"]))):
        panel = panels.setdefault(f"batch size {run.batch_size}", {})
        panel.setdefault(float(run.params["schedule.warmup"]), []).append(run)
    told = []
    for title, lines in panels.items():
        best = {length: min(_mean_losses(line).items(), key=lambda pair: pair[1]) for length, line in lines.items()}
        updates = {length: max(run.last("updates") for run in line) for length, line in lines.items()}
        words = (
            f"{length:.0%} ({length * updates[length]:.0f} of {updates[length]:.0f} updates): {loss:.4g} at lr {lr:.3g}"
            if math.isfinite(loss)
            else f"{length:.0%}: a seed diverged at every lr"
            for length, (lr, loss) in best.items()
        )
        told.append(f"{title}: least loss by warmup: {', '.join(words)}.")
    png = training_plots.loss_by_warmup(panels)
    caption = "Loss at the end against the learning rate for each warmup: mean and standard deviation over the seeds."
    return Section("Warmup", tuple(told), (Figure(png, caption, "warmup"),))


def regularization_section(runs: Runs) -> Section | None:
    """Return training against validation by lambda; None for fewer than three values of lambda."""
    key = "regularizer.strength"
    strengths = runs.values(key)
    if len(strengths) < 3 or "interval" in runs.swept.get(key, ""):
        return None
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        if not run.diverged:
            kinds.setdefault(str(run.params["regularizer"]), []).append(run)
    told = []
    for kind, group in kinds.items():
        x, mean, _ = training_plots.mean_by(group, lambda r: float(r.params[key]), lambda r: r.last("val/loss"))
        at = int(mean.argmin())
        told.append(f"{kind}: the least validation loss, {mean[at]:.4g} nats, is at lambda {x[at]:.3g}.")
    caption = "Training (dashed) and validation (solid) against lambda, and the norm of the weights."
    figure = Figure(training_plots.regularization(kinds), caption, "regularization")
    return Section("Regularization", tuple(told), (figure,))


def settings(runs: Runs, analyses: dict[str, ScalingAnalysis]) -> Section | None:
    """Return the exponents of several settings, such as optimizers, beside each other; None for one setting."""
    if len(analyses) < 2:
        return None
    rows: list[tuple[str, ...]] = [("setting", "exponent p", "95 % interval", "reading", "verdict")]
    for label, analysis in analyses.items():
        exponent = analysis.power_law.exponent if analysis.power_law else None
        shown = [f"{exponent.value:.2f}", "{:.2f} to {:.2f}".format(*exponent.interval())] if exponent else ["", ""]
        rows.append((label, *shown, analysis.reading or "", analysis.verdict))
    return Section("Exponents side by side", ("Best learning rate ~ batch size ^ p.",), table=tuple(rows))


def optima_table(analysis: ScalingAnalysis, loss: str = "loss (nats)") -> tuple[tuple[str, ...], ...]:
    """Return rows of the best learning rates of one setting, the first of them the column names.

    An optimum that is not bracketed has no interval: that of the fit ends where the fit does.
    """
    rows: list[tuple[str, ...]] = [("batch size", "best lr", "95 % interval", loss, "seeds", "problems")]
    for optimum in analysis.optima:
        shown: dict[str, Any] = optimum.to_dict()
        interval = "{:.3g} to {:.3g}".format(*shown["best_lr_ci"]) if shown["best_lr_ci"] else ""
        if optimum.curve and not optimum.is_bracketed:
            interval = "open"
        best, loss = (f"{shown[key]:.4g}" if shown[key] is not None else "" for key in ("best_lr", "loss"))
        rows.append((f"{optimum.batch_size:g}", best, interval, loss, str(optimum.seeds), optimum.problem))
    return tuple(rows)


def _updates_needed(steps: StepsToTarget) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = [("batch size", "best lr", "updates", "standard deviation", "never at the target")]
    for each in steps.batch_sizes:
        known = (f"{each.lr:.4g}", f"{each.mean:.4g}", f"{each.spread:.2g}") if each.lr else ("", "censored", "")
        rows.append((str(each.batch_size), *known, f"{each.censored} of {each.trainings} trainings"))
    return tuple(rows)


def _mean_losses(runs: Sequence[Run]) -> dict[float, float]:
    x, mean, _ = training_plots.mean_by(runs, lambda run: run.lr, lambda run: run.loss)
    return {lr: loss for lr, loss in zip(x, mean, strict=True) if math.isfinite(loss)} or {math.nan: math.nan}


def _plain(label: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in label)
