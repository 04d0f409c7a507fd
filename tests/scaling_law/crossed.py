"""Simulated tables of several settings, all trained at one grid of learning rates, of which the truth is known."""

import math
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from lrlab.scaling_law.table import Table, read
from tests.scaling_law.synthetic import FAMILIES, LEAST_LOSS, RULES, Noise

Key = tuple[int, int]


@dataclass(frozen=True)
class Crossed:
    """Where simulated tables of settings come from: depth x width, each at every batch size and learning rate.

    Attributes:
        rule: one of `RULES`, at the setting in the middle.
        family: one of `FAMILIES`.
        noise: of the losses; a setting's own is up to `noise_factor` times as large or small.
        seeds: of each cell.
        depths, widths: of the settings.
        batch_sizes: in rising order.
        factor: between neighbouring learning rates.
        margin: learning rates beyond the lowest and the highest optimum.
        shift: d ln(best lr) / d ln(width).
        scatter: standard deviation of ln(best lr) between settings besides.
        slope: d exponent / d ln(width).
        spread: standard deviation of the settings' exponents.
        missing: probability that a trial is missing.
        accuracy: whether the metric is an accuracy, rounded to 1/2000.
    """

    rule: str = "square_root"
    family: str = "morse"
    noise: Noise = field(default_factory=lambda: Noise(0.002))
    noise_factor: float = 1.5
    seeds: int = 1
    depths: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = (16, 64, 256)
    batch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    factor: float = 2.0
    margin: int = 3
    shift: float = -0.3
    scatter: float = 0.3
    slope: float = 0.0
    spread: float = 0.0
    missing: float = 0.0
    accuracy: bool = False

    def tables(self, number: int) -> tuple[dict[Key, Table], float]:
        """Return tables number so-and-so by (depth, width), and the mean exponent of their settings."""
        rng = np.random.default_rng(number)
        sizes, step = np.array(self.batch_sizes, dtype=float), math.log(self.factor)
        x = np.log(sizes) - np.log(sizes).mean()
        away = np.log(self.widths) - np.log(self.widths).mean()
        best, slopes = {}, []
        for depth, (width, log_width) in product(self.depths, zip(self.widths, away, strict=True)):
            extra = self.slope * log_width + self.spread * rng.standard_normal()
            level = self.shift * log_width + self.scatter * rng.standard_normal()
            best[depth, width] = np.log(RULES[self.rule](sizes)) + level + extra * x
            slopes.append(float(np.polyfit(x, best[depth, width], 1)[0]))
        ends = np.concatenate(list(best.values()))
        low, high = ends.min() - self.margin * step, ends.max() + self.margin * step
        rates = np.exp(np.arange(low + rng.uniform(-0.5, 0.5) * step, high + step / 2, step))
        return {key: self._table(optima, rates, rng) for key, optima in best.items()}, float(np.mean(slopes))

    def _table(self, best: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> Table:
        size = math.exp(rng.uniform(-1, 1) * math.log(self.noise_factor))
        curvature = math.exp(0.3 * rng.standard_normal())
        rows = []
        for batch_size, log_best in zip(self.batch_sizes, best, strict=True):
            u = np.log(rates) - log_best
            errors = size * self.noise.draw(rng, np.clip(u, -2, 2), rng.standard_normal((2, self.seeds)))
            loss = LEAST_LOSS * (1 + np.minimum(FAMILIES[self.family](u, curvature), 2.0) + errors)
            if self.accuracy:
                loss = -np.round(2000 * np.exp(-loss)) / 2000
            for seed, rate in np.argwhere(rng.uniform(size=loss.shape) >= self.missing):
                rows.append({"batch_size": batch_size, "lr": rates[rate], "seed": seed, "loss": loss[seed, rate]})
        return read(rows)
