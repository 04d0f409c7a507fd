"""What moves the exponent: exponent and optimum as functions of the sizes of the settings (meta-regression).

A size is a number > 0 with three values or more, such as the width of a model or the length of training. All sizes are
fitted together: exponent = p + Σ slope · (ln size - mean), and ln lr at one batch size likewise.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lrlab.scaling_law import random_effects
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.setting_fit import SettingFit, exponent_errors, level_errors, mean_batch_size, scatter
from lrlab.scaling_law.table import FloatArray

MIN_VALUES: Final = 3
SPARE: Final = 3  # settings beyond the coefficients
TYPICAL_SPREAD: Final = 0.2  # of exponents
TYPICAL_LEVELS: Final = 0.5  # of ln lr


@dataclass(frozen=True)
class SizeEffect:
    """How one size moves exponent and optimum, the other sizes held.

    Attributes:
        key: the size.
        exponent: change of the exponent for each e-fold of the size.
        log_lr: change of ln lr for each e-fold of the size, at `batch_size`: lr moves as size^log_lr.
        batch_size: where `log_lr` is taken.
    """

    key: str
    exponent: Estimate
    log_lr: Estimate
    batch_size: float

    def describe(self) -> str:
        """Return it in words."""
        low, high = self.exponent.interval()
        ten = math.log(10)
        moved, low, high = (ten * value for value in (self.exponent.value, low, high))
        sure = "" if low > 0 or high < 0 else ", which may be none"
        power, (least, most) = self.log_lr.value, self.log_lr.interval()
        return (
            f"for {self.key} 10 times as large the exponent moves by {moved:+.2f} [{low:+.2f}, {high:+.2f}]{sure}; "
            f"the best learning rate at batch size {self.batch_size:.3g} moves as {self.key}^{power:.2f} "
            f"[{least:.2f}, {most:.2f}]"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "exponent_per_e_fold": self.exponent.value,
            "exponent_per_e_fold_ci": list(self.exponent.interval()),
            "best_lr_power": self.log_lr.value,
            "best_lr_power_ci": list(self.log_lr.interval()),
            "at_batch_size": self.batch_size,
        }


def size_effects(by: Sequence[str], settings: Mapping[tuple[Any, ...], SettingFit]) -> tuple[SizeEffect, ...]:
    """Return the effect of every size that the settings can tell.

    Args:
        by: what the settings differ in.
        settings: values of `by` -> what is known of the setting.
    """
    columns = {key: _log_size([values[place] for values in settings]) for place, key in enumerate(by)}
    sizes = {key: column for key, column in columns.items() if column is not None}
    x = np.stack([np.ones(len(settings)), *(column - column.mean() for column in sizes.values())], axis=1)
    if not sizes or len(settings) < x.shape[1] + SPARE or np.linalg.matrix_rank(x) < x.shape[1]:
        return ()
    fits = list(settings.values())
    batch_size = mean_batch_size(fits)
    exponents = np.array([each.law.exponent.value for each in fits])
    levels = np.array([each.law.at(batch_size).value for each in fits])
    factor = random_effects.log_factor_of(*scatter(fits))
    moved = random_effects.fit(exponents, exponent_errors(fits), x, typical=TYPICAL_SPREAD, log_factor=factor)
    shifted = random_effects.fit(levels, level_errors(fits, batch_size), x, typical=TYPICAL_LEVELS, log_factor=factor)
    return tuple(
        SizeEffect(key, exponent, log_lr, batch_size)
        for key, exponent, log_lr in zip(sizes, moved.coefficients[1:], shifted.coefficients[1:], strict=True)
    )


def _log_size(values: Sequence[Hashable]) -> FloatArray | None:
    """Return ln of the values, or None if they are no size."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values) or min(numbers) <= 0 or len(set(numbers)) < MIN_VALUES:
        return None
    column: FloatArray = np.log(np.array(numbers, dtype=float))
    return column
