"""The evidence for each answer: the figures, tables and sentences that it rests on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis import steps_to_target as target
from lrlab.analysis.answers import (
    optimizers,
    warmup,
)
from lrlab.analysis.answers.scaling import Analyses
from lrlab.analysis.report.figures import scaling as scaling_figures
from lrlab.analysis.report.figures import search, settings, training
from lrlab.analysis.report.lead import prose
from lrlab.analysis.runs import LR, Run, Runs
from lrlab.analysis.steps_to_target import StepsToTarget
from lrlab.plotting.figures import Figure
from lrlab.plotting.page import Fold
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.table import Table, read
from lrlab.sweeper.objective import objective_of

if TYPE_CHECKING:
    import optuna

LOSS = "validation loss (nats)"
SCALING: Final = "Best learning rate and batch size"
TOO_LOW_OR_HIGH_FACTOR = 16.0  # off the best learning rate: what is shown as too low and too high
MIN_KNOWN = 2  # best learning rates, for a figure of them
MAX_WARMUPS = 6
MIN_STRENGTHS = 3
MAX_PANELS = 6  # settings with a panel of their own


@dataclass(frozen=True)
class Evidence:
    """What an answer rests on.

    Attributes:
        title: of its section.
        summary: says the answer where its own sentence is long; empty for none.
        paragraphs, figures, table, folds: as those of a section.
    """

    title: str
    figures: tuple[Figure, ...] = ()
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    folds: tuple[Fold, ...] = ()
    summary: str = ""


def scaling_evidence(runs: Runs, analyses: Analyses) -> Evidence:
    """Return what the best learning rates of one setting, or of several in the same axes, rest on."""
    parts = runs.settings()
    names = short_labels(list(analyses))
    tables = {names[label]: read(parts[label].table()) for label in analyses}
    found = {names[label]: analysis for label, (analysis, _) in analyses.items()}
    is_search = any("interval(" in shown for shown in runs.swept.values())  # no two trials differ in one key alone
    drawn = {} if is_search else tables
    figures = scaling_evidence_figures(drawn, found, runs.loss_label, differ(list(analyses)))
    if max(sum(optimum.is_bracketed for optimum in each.optima) for each in found.values()) < MIN_KNOWN:
        figures = [figure for figure in figures if not figure.name.startswith("best_lr")]
    noise = {
        names[label]: (noise.epochs, noise.by_epoch)
        for label, (_, noise) in analyses.items()
        if noise and len(noise.epochs) > 1 and any(math.isfinite(each) and each > 0 for each in noise.by_epoch)
    }
    if noise and not is_search:
        figures.append(scaling_figures.noise_scale(noise, _knee(found)))
    paragraphs = [budget(runs)]
    if any(not scaling_figures.can_be_drawn(table) for table in tables.values()):
        paragraphs.append("With every learning rate, a seed diverged: there is no mean loss to draw.")
    measured = [each for _, each in analyses.values()]
    if len(analyses) == 1:
        (analysis,) = found.values()
        paragraphs += [_noise_scale(each, _knee(found)) for each in measured if each and each.average]
        table = optima_table(analysis, runs.loss_label)
        if analysis.verdict == "cannot_tell":
            fold = Fold("Best learning rates, as far as they are known", (), table)
            return Evidence(SCALING, tuple(figures), tuple(paragraphs), folds=(fold,))
        return Evidence(SCALING, tuple(figures), tuple(paragraphs), table)
    folds = tuple(
        Fold(f"Best learning rates: {name}", (), optima_table(each, runs.loss_label)) for name, each in found.items()
    )
    return Evidence(SCALING, tuple(figures), tuple(paragraphs), settings_table(found), folds, _exponents(found))


def scaling_evidence_figures(
    tables: Mapping[str, Table], analyses: Mapping[str, ScalingAnalysis], loss: str = LOSS, title: str = ""
) -> list[Figure]:
    """Return the figures of one setting, or of several that are compared.

    Args:
        tables: trials by the label of the setting.
        analyses: of them.
        loss: what the losses are, for the axes.
        title: what the settings differ in.
    """
    figures: list[Figure | None] = []
    if len(analyses) == 1:
        figures.append(scaling_figures.best_lr(next(iter(analyses.values()))))
    else:
        known = {label: each.power_law.exponent for label, each in analyses.items() if each.power_law}
        figures.append(settings.best_lrs(analyses, title))
        figures.append(settings.exponents(known) if known else None)
    drawn = {label: each for label, each in tables.items() if scaling_figures.can_be_drawn(each)}
    drawn = dict(list(drawn.items())[:MAX_PANELS])
    if drawn:
        figures += [
            scaling_figures.loss_against_lr(drawn, analyses, loss),
            scaling_figures.loss_surface(drawn, analyses),
        ]
    return [figure for figure in figures if figure and figure.panels]


def steps_evidence(runs: Runs, analyses: Analyses) -> Evidence | None:
    """Return the updates to a target loss against batch size; None for runs that cannot tell."""
    parts = runs.settings()
    found = {label: steps for label in analyses or parts if (steps := target.steps_to_target(parts[label]))}
    if not found:
        return None
    names = short_labels(list(found))
    paragraphs, folds = [], []
    for label, steps in found.items():
        begin = f"{names[label]}: " if len(found) > 1 else ""
        said = f"the target is a loss of {steps.target:.4g}, the highest of the best that the batch sizes end with"
        if len(steps.reached) > 1:
            said += f"; what a larger batch saves in updates: {steps.describe()}"
        paragraphs.append(f"{begin}{prose(said)}" if not begin else f"{begin}{said}.")
        if outer := [str(each.batch_size) for each in steps.reached if not each.is_bracketed]:
            paragraphs.append(
                f"{begin}The fastest learning rate is the last one tried at batch size {', '.join(outer)}."
            )
        missing = tuple(prose(each.reason) for each in steps.batch_sizes if each.reason)
        folds.append(
            Fold(f"Updates at each batch size{f': {names[label]}' if begin else ''}", missing, _updates(steps))
        )
    figure = training.steps_to_target({names[label]: steps for label, steps in found.items()}, differ(list(found)))
    return Evidence("Updates to a target", (figure,) if figure else (), tuple(paragraphs), folds=tuple(folds))


def learning_rates_evidence(runs: Runs) -> Evidence | None:
    """Return loss curves with the learning rate too low, right, and too high; None without curves or three rates."""
    if not any(len(run.metrics.get("val/loss", ())) > 1 for run in runs):
        return None
    best_run = min(runs, key=lambda run: run.loss)
    runs = next(part for part in runs.settings().values() if best_run in part.runs)
    sizes = [size for size in runs.values("batch_size") if isinstance(size, int)]
    if not sizes or len(runs.values(LR)) < 3:
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
    figure = training.loss_curves(chosen, runs.loss_label, runs.unit)
    said = f"Batch size {size}: the best learning rate tried, and some far below and above it."
    return Evidence("Learning rate too low or too high", (figure,) if figure.panels else (), (said,))


def warmup_evidence(runs: Runs) -> Evidence | None:
    """Return the loss against warmup and learning rate, for two to six lengths of warmup; else None."""
    lengths = runs.values(warmup.KEY)
    if not 2 <= len(lengths) <= MAX_WARMUPS or "interval" in runs.swept.get(warmup.KEY, ""):
        return None
    return Evidence("Warmup", training.warmup(runs))


def regularization_evidence(runs: Runs) -> Evidence | None:
    """Return training against validation by lambda; None for fewer than three values of lambda."""
    strengths = runs.values(training.STRENGTH)
    if len(strengths) < MIN_STRENGTHS or "interval" in runs.swept.get(training.STRENGTH, ""):
        return None
    kinds: dict[str, list[Run]] = {}
    for run in runs:
        kinds.setdefault(str(run.params["regularizer"]), []).append(run)
    return Evidence("Regularization", training.regularization(kinds, runs.loss_label))


def optimizers_evidence(runs: Runs) -> Evidence | None:
    """Return the losses of several optimizers; None for one of them."""
    if optimizers.KEY not in runs.swept or len(runs.values(optimizers.KEY)) < 2:
        return None
    figure = training.optimizers(runs)
    return Evidence("Optimizers", (figure,)) if figure else None


def neighbours_evidence(runs: Runs) -> Evidence | None:
    """Return the accuracies of nearest neighbours; None for another model."""
    figure = training.neighbours(runs)
    return Evidence("Neighbours", (figure,)) if figure else None


def best_evidence(study: "optuna.Study", *, has_own_figures: bool) -> Evidence | None:
    """Return a comparison of all choices, where the search was a small grid of them without figures of its own."""
    figure = None
    if not has_own_figures and search.can_be_drawn(study):
        figure = search.comparison(study, objective_label(study))
    return Evidence("Best configuration", (figure,) if figure else ())


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


def short_labels(labels: Sequence[str]) -> dict[str, str]:
    """Return settings without the name of their key where they differ in one alone: optimizer=adam -> adam."""
    keys = {label.partition("=")[0] for label in labels}
    single = len(labels) > 1 and len(keys) == 1 and not any(", " in label for label in labels)
    return {label: label.partition("=")[2] if single else label for label in labels}


def differ(labels: Sequence[str]) -> str:
    """Return the key in which settings differ, if it is one."""
    short = short_labels(labels)
    return labels[0].partition("=")[0] if labels and short[labels[0]] != labels[0] else ""


def settings_table(analyses: Mapping[str, ScalingAnalysis]) -> tuple[tuple[str, ...], ...]:
    """Return the exponents of several settings as rows of a table, its head first."""
    rows: list[tuple[str, ...]] = [("setting", "exponent p", "95 % interval", "verdict")]
    for label, analysis in analyses.items():
        exponent = analysis.power_law.exponent if analysis.power_law else None
        shown = [f"{exponent.value:.2f}", "{:.2f} to {:.2f}".format(*exponent.interval())] if exponent else ["", ""]
        rows.append((label, *shown, analysis.verdict.replace("_", " ")))
    return tuple(rows)


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
    return _without_empty(rows)


def objective_label(study: "optuna.Study") -> str:
    """Return the name of the objective, with its unit where that is known."""
    objective = objective_of(study)
    return {"val/loss": LOSS, "val/accuracy": "validation accuracy"}.get(objective, objective)


def _without_empty(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return rows without the columns in which there is nothing but a head."""
    kept = [index for index in range(len(rows[0])) if any(row[index] for row in rows[1:])]
    return tuple(tuple(row[index] for index in kept) for row in rows)


def _updates(steps: StepsToTarget) -> tuple[tuple[str, ...], ...]:
    rows: list[tuple[str, ...]] = [("batch size", "best lr", "updates", "standard deviation", "never at the target")]
    for each in steps.batch_sizes:
        known = (f"{each.lr:.4g}", f"{each.mean:.4g}", f"{each.spread:.2g}") if each.lr else ("", "censored", "")
        rows.append((str(each.batch_size), *known, f"{each.censored} of {each.trainings} trainings"))
    return tuple(rows)


def _exponents(analyses: Mapping[str, ScalingAnalysis]) -> str:
    """Return the exponents of several settings in a sentence."""
    said = [
        "{} {:.2f} [{:.2f}, {:.2f}]".format(label, each.power_law.exponent.value, *each.power_law.exponent.interval())
        for label, each in analyses.items()
        if each.power_law
    ]
    return f"Best learning rate ~ batch size ^ p, with p: {', '.join(said)}." if said else ""


def _knee(analyses: Mapping[str, ScalingAnalysis]) -> float | None:
    """Return the knee of the saturating rule of a single setting, if that is what holds."""
    if len(analyses) != 1:
        return None
    (analysis,) = analyses.values()
    saturates = "saturating" in (analysis.verdict, analysis.reading) and analysis.rules
    return math.exp(analysis.rules.fits["saturating"].best.parameter) if saturates and analysis.rules else None


def _noise_scale(noise: Any, knee: float | None) -> str:
    said = (
        f"The gradient noise scale, measured during {noise.runs} trainings near the best learning rates, is "
        f"{noise.average:.3g} samples on average over training ({noise.by_epoch[0]:.3g} in the first epoch, "
        f"{noise.by_epoch[-1]:.3g} in the last)."
    )
    return said + (f" The knee of the saturating rule is at {knee:.3g}." if knee else "")
