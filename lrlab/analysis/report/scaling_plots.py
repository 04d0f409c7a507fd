"""Figures of how loss, learning rate and batch size move together. Each function returns a PNG file's bytes."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.plotting.figures import BLUE, GREEN, ORANGE, PURPLE, RED, figure, finish, plain_text, png
from lrlab.runtime.home import named_home
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "osD^vP*X<>"
HEADROOM = 0.12  # of the axes above the highest optimum, relative to the losses
MAX_CELL = 3.0  # factor of learning rates for which one trial may speak in the loss surface
MAX_LR_FACTOR = 32.0  # of the learning rates shown, off the optima


def colours(count: int) -> list[Any]:
    """Return colours from dark to light in rising order, of equal steps to any eye and in print."""
    with named_home():
        from matplotlib import colormaps

    return [colormaps["cividis"](x) for x in np.linspace(0.0, 0.88, count)]


def can_be_drawn(table: Table) -> bool:
    """Return whether some learning rate ended with a finite loss for every seed."""
    return any(np.isfinite(mean).any() for _, _, mean, _ in _means(table))


def loss_against_lr(table: Table, optima: Sequence[Optimum], loss: str) -> bytes:
    """Draw the mean loss, called `loss`, against the learning rate for every batch size, with fits and optima."""
    drawing, axes = figure(7.2, 4.8)
    least = min(float(mean.min()) for _, _, mean, _ in _means(table))
    for optimum, (batch_size, lr, mean, spread), colour, marker in zip(
        optima, _means(table), colours(len(optima)), itertools.cycle(MARKERS), strict=False
    ):
        axes.errorbar(
            lr, mean, spread, fmt=f"{marker}:", color=colour, ms=4, lw=0.8, elinewidth=0.8, label=f"{batch_size:g}"
        )
        if optimum.curve:
            near = np.linspace(optimum.curve.centre - math.log(4), optimum.curve.centre + math.log(4), 65)
            near = near[(near >= optimum.curve.rates[0]) & (near <= optimum.curve.rates[-1])]
            axes.plot(np.exp(near), optimum.curve.loss(near), "-", color=colour, lw=1.6)
            axes.plot(
                math.exp(optimum.curve.centre),
                optimum.curve.level,
                marker,
                ms=10,
                mfc="none",
                mec=RED,
                mew=1.6,
                zorder=5,
            )
    axes.plot([], [], "o", ms=9, mfc="none", mec=RED, mew=1.6, label="best lr (fit)")
    axes.set(xscale="log", xlabel="learning rate", ylabel=plain_text(f"{loss} at the end"))
    levels = [optimum.curve.level for optimum in optima if optimum.curve] or [least]
    reach = max(levels) - least + HEADROOM * max(map(abs, levels))
    reach = reach or 1.0
    axes.set_ylim(least - 0.06 * reach, least + reach)
    centres = list(_best_lrs(optima).values()) or [float(table.lr.min()), float(table.lr.max())]
    low, high = min(centres) / MAX_LR_FACTOR, max(centres) * MAX_LR_FACTOR
    axes.set_xlim(max(table.lr.min(), low) / 1.2, min(table.lr.max(), high) * 1.2)
    return finish(drawing, axes, title="batch size (samples)", ncols=2, title_fontsize=8)


def best_lr_against_batch(scaling: ScalingAnalysis) -> bytes:
    """Draw the best learning rate against batch size, with the fitted rules, the 95 % band and the noise scale."""
    drawing, axes = figure(7.2, 4.8)
    best = _best_lrs(scaling.optima)
    _optima(axes, scaling.optima)
    law, rules = scaling.power_law, scaling.rules
    sizes = np.geomspace(min(best), max(best), 129)
    if law and rules:
        bands = np.array([law.at(size).interval() for size in sizes])
        low, high = law.exponent.interval()
        named = f"power law, p = {law.exponent.value:.2f} [{low:.2f}, {high:.2f}]"
        axes.fill_between(sizes, *np.exp(bands.T), color=BLUE, alpha=0.15, lw=0, label="power law, 95 % band")
        axes.plot(sizes, [math.exp(law.at(size).value) for size in sizes], "-", color=BLUE, lw=1.6, label=named)
        middle = law.at(math.exp(law.log_batch.mean()))
        for p, colour, style, label in (
            (1.0, ORANGE, "--", "linear, p = 1"),
            (0.5, GREEN, "-.", "square root, p = 1/2"),
        ):
            away = np.log(sizes) - law.log_batch.mean()
            axes.plot(sizes, np.exp(middle.value + p * away), style, color=colour, lw=1.6, label=label)
        knee = rules.best_knee
        label = f"{knee.name.replace('_', ' ')}, knee at {math.exp(knee.parameter):.3g}"
        axes.plot(sizes, np.exp(knee.log_lr(np.log(sizes))), ":", color=PURPLE, lw=2.2, label=label)
    if scaling.noise_scale and math.isfinite(scaling.noise_scale):
        label = f"noise scale measured, {scaling.noise_scale:.3g}"
        axes.axvline(scaling.noise_scale, color="0.45", lw=1.2, ls=(0, (6, 3)), label=label)
    axes.set_ylim(min(best.values()) / 2.5, max(best.values()) * 2.5)
    _batch_axis(axes, [optimum.batch_size for optimum in scaling.optima])
    axes.set(yscale="log", ylabel="best learning rate")
    return finish(drawing, axes)


def loss_surface(table: Table, optima: Sequence[Optimum]) -> bytes:
    """Draw the mean loss over batch size and learning rate, as its excess over the least at that batch size."""
    with named_home():
        from matplotlib.colors import LogNorm

    drawing, axes = figure(7.2, 4.6)
    cells = [
        (size, lr, (loss - mean.min()) / (abs(mean.min()) or 1.0))
        for size, rates, mean, _ in _means(table)
        if np.isfinite(mean.min())
        for lr, loss in zip(rates, mean, strict=True)
    ]
    sizes, rates, losses = (np.array(column) for column in zip(*cells, strict=True))
    excess = np.clip(losses, 1e-3, 1.0)
    shown = axes.scatter(sizes, rates, c=excess, s=0, cmap="cividis_r", norm=LogNorm(1e-3, 1.0))
    colour = shown.cmap
    for size in np.unique(sizes):
        for low, high, over in zip(*_cells(rates[sizes == size]), excess[sizes == size], strict=True):
            known = bool(np.isfinite(over)) and over < 1
            x = size * np.array([2**-0.5, 2**0.5])
            axes.fill_between(x, low, high, color=colour(shown.norm(over)) if known else "0.85", lw=0)
    best = _best_lrs(optima)
    axes.plot(list(best), list(best.values()), "o-", color=RED, mfc="white", label="best lr (fit)")
    _batch_axis(axes, list(np.unique(sizes)))
    axes.set(yscale="log", ylabel="learning rate")
    low, high = _cells(np.unique(rates))
    axes.set_ylim(low[0], high[-1])
    drawing.colorbar(shown, ax=axes, label="loss over the least of the batch size, relative")
    axes.plot([], [], "s", color="0.85", label="twice that or more, or diverged")
    axes.legend(fontsize=8)
    return png(drawing)


def steps_against_batch(
    sizes: Sequence[int], updates: Sequence[float], spread: Sequence[float], target: float
) -> bytes:
    """Draw the updates to a target loss against batch size, with what perfect scaling would be."""
    drawing, axes = figure(7.2, 4.2)
    axes.errorbar(sizes, updates, spread, fmt="o-", color=BLUE, capsize=3, label="measured, at the best lr")
    perfect = updates[0] * sizes[0] / np.array(sizes, dtype=float)
    axes.plot(sizes, perfect, "--", color=ORANGE, label="perfect scaling: twice the batch, half the updates")
    _batch_axis(axes, sizes)
    axes.set(yscale="log", ylabel=f"updates to a validation loss of {target:.4g} nats")
    return finish(drawing, axes)


def noise_against_epoch(epochs: Sequence[int], noise_scale: Sequence[float], fitted: float | None) -> bytes:
    """Draw the gradient noise scale measured during training, by epoch."""
    drawing, axes = figure(7.2, 3.8)
    axes.plot(epochs, noise_scale, "o-", color=BLUE, label="measured: tr(Σ) / |G|²")
    if fitted:
        axes.axhline(fitted, color=PURPLE, ls=":", lw=2, label=f"fitted B_noise, {fitted:.3g}")
    axes.set(xlabel="epoch", ylabel="gradient noise scale (samples)", yscale="log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    return finish(drawing, axes, grid="both")


def _best_lrs(optima: Sequence[Optimum]) -> dict[float, float]:
    """Return batch size -> best learning rate of the optima whose curve is known."""
    return {optimum.batch_size: math.exp(optimum.curve.centre) for optimum in optima if optimum.curve}


def _optima(axes: "Axes", optima: Sequence[Optimum]) -> None:
    """Draw the optima with their 95 % intervals; hollow and without where they carry no conclusion."""
    for sound, filled, label in (
        (True, BLUE, "best lr, 95 % interval"),
        (False, "white", "not known: the best may lie outside of the fit"),
    ):
        chosen = [optimum for optimum in optima if optimum.curve and optimum.is_bracketed == sound]
        if not chosen:
            continue
        centre = np.array([optimum.curve.centre for optimum in chosen if optimum.curve])
        reach = np.array([optimum.log_lr.half_width() if optimum.log_lr else 0.0 for optimum in chosen])
        lr = np.exp(centre)
        ends = np.stack([lr - np.exp(centre - reach), np.exp(centre + reach) - lr]) if sound else None
        x = [optimum.batch_size for optimum in chosen]
        axes.errorbar(x, lr, ends, fmt="o", color=BLUE, mfc=filled, capsize=3, ms=6, zorder=5, label=label)


def _batch_axis(axes: "Axes", sizes: Sequence[float]) -> None:
    axes.set(xscale="log", xlabel="batch size (samples)")
    axes.set_xticks(list(sizes), [f"{size:g}" for size in sizes])
    axes.minorticks_off()


def _means(table: Table) -> Iterator[tuple[float, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield batch size, learning rates, mean and standard deviation of the loss over seeds, inf if any diverged."""
    for batch_size in np.unique(table.batch_size):
        part = table.at(batch_size)
        rates = np.unique(part.lr)
        groups = [part.loss[part.lr == lr] for lr in rates]
        mean = np.array([group.mean() for group in groups])
        spread = [group.std(ddof=1) if len(group) > 1 and np.isfinite(group).all() else 0.0 for group in groups]
        yield float(batch_size), rates, mean, np.array(spread)


def _cells(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the cells of n learning rates: half way to the next, but no wider than `MAX_CELL`."""
    x = np.log(rates)
    gaps = np.minimum(np.diff(x), math.log(MAX_CELL))
    gaps = np.concatenate([gaps[:1], gaps, gaps[-1:]]) if len(gaps) else np.full(2, math.log(2))
    return np.exp(x - gaps[:-1] / 2), np.exp(x + gaps[1:] / 2)
