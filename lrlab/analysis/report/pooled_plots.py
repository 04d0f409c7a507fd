"""Figures of several settings together. Each function returns a PNG file's bytes."""

import math

import numpy as np

from lrlab.plotting.figures import BLUE, GREEN, ORANGE, figure, finish
from lrlab.scaling_law.settings import PooledAnalysis


def exponents(pooled: PooledAnalysis) -> bytes:
    """Draw the exponent of every setting, and the one in common."""
    known = sorted(
        (law.exponent for each in pooled.settings.values() if (law := each.power_law)), key=lambda one: one.value
    )
    drawing, axes = figure(7.2, min(2.2 + 0.16 * len(known), 9.0))
    place, value = np.arange(len(known)), np.array([one.value for one in known])
    half = np.minimum([one.half_width() for one in known], 3.0)
    axes.errorbar(value, place, xerr=half, fmt="o", ms=3, color="0.45", elinewidth=0.8, label="a setting, 95 %")
    if pooled.exponent:
        mean, another = pooled.exponent.coefficients[0], pooled.exponent.for_another()
        axes.axvspan(*another.interval(), color=BLUE, alpha=0.08, lw=0, label="another setting, 95 %")
        axes.axvspan(*mean.interval(), color=BLUE, alpha=0.35, lw=0, label=f"in common: {mean.value:.2f}, 95 %")
        low, high = another.interval()
        axes.set_xlim(min(low, float(value.min())) - 0.3, max(high, float(value.max())) + 0.3)
    for p, colour, style, label in ((1.0, ORANGE, "--", "linear"), (0.5, GREEN, "-.", "square root")):
        axes.axvline(p, color=colour, ls=style, lw=1.2, label=label)
    axes.set(xlabel="exponent p", ylabel="setting", yticks=[])
    return finish(drawing, axes)


def best_lrs(pooled: PooledAnalysis) -> bytes:
    """Draw the best learning rate of every setting against the batch size, and that at their mean level."""
    drawing, axes = figure(7.2, 4.8)
    for index, analysis in enumerate(pooled.settings.values()):
        sound = [(one.batch_size, one.log_lr) for one in analysis.optima if one.is_bracketed and one.log_lr]
        if sound:
            sizes, rates = [size for size, _ in sound], [math.exp(one.value) for _, one in sound]
            axes.plot(sizes, rates, "-", color="0.75", lw=0.7, label="a setting" if index == 0 else None)
    best = pooled.best_lrs or {}
    value = np.array([one.value for one in best.values()])
    half = np.array([one.half_width() for one in best.values()])
    lr = np.exp(value)
    ends = np.stack([lr - np.exp(value - half), np.exp(value + half) - lr])
    axes.errorbar(list(best), lr, ends, fmt="o", color=BLUE, capsize=3, zorder=5, label="mean level, 95 %")
    middle, away = value.mean(), np.log(list(best)) - np.mean(np.log(list(best)))
    if pooled.exponent:
        p = pooled.exponent.coefficients[0].value
        axes.plot(list(best), np.exp(middle + p * away), "-", color=BLUE, lw=1.4, label=f"power law, p = {p:.2f}")
    for p, colour, style, label in ((1.0, ORANGE, "--", "linear"), (0.5, GREEN, "-.", "square root")):
        axes.plot(list(best), np.exp(middle + p * away), style, color=colour, lw=1.2, label=label)
    axes.set(xscale="log", yscale="log", xlabel="batch size (samples)", ylabel="best learning rate")
    axes.set_xticks(list(best), [f"{size:g}" for size in best])
    axes.minorticks_off()
    return finish(drawing, axes)
