"""Figures of the search: objective by trial, importance of hyperparameters, trials as parallel coordinates."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import get_param_importances
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lrlab.plotting.figures import BLUE, RED, figure, png
from lrlab.runtime.home import named_home
from lrlab.sweeper.study.queue import has_ended
from lrlab.sweeper.study.state import seed_key

if TYPE_CHECKING:
    import optuna
    from matplotlib.axes import Axes


def can_be_drawn(study: "optuna.Study") -> bool:
    """Return whether more than three trials are complete, and some hyperparameter took two values or more."""
    complete = _complete(study)
    return len(complete) > 3 and any(
        len({trial.params.get(name) for trial in complete}) > 1 for name in complete[0].params
    )


def history(study: "optuna.Study", objective: str) -> bytes:
    """Draw the objective of every complete trial, and the best so far."""
    trials = _complete(study)
    numbers = [trial.number for trial in trials]
    values = np.array([trial.value for trial in trials], dtype=float)
    best = (np.maximum if _maximized(study) else np.minimum).accumulate(values)
    drawing, axes = figure(7.2, 4.0)
    axes.plot(numbers, values, "o", ms=4, color=BLUE, label="trial")
    axes.plot(numbers, best, color=RED, label="best so far")
    axes.set(xlabel="trial", ylabel=objective)
    if values.min() > 0 and not _maximized(study):
        axes.set_ylim(top=1.2 * np.quantile(values, 0.75))  # a few lost trials do not decide the axis
    axes.grid(alpha=0.3)
    axes.legend()
    return png(drawing)


def importance(study: "optuna.Study", objective: str) -> bytes:
    """Draw each hyperparameter's share in what tells the best trials from the rest (PED-ANOVA).

    The seed is none: what it explains is noise.
    """
    names = {name for trial in _complete(study) for name in trial.params} - {seed_key(study)}
    shares = get_param_importances(study, params=sorted(names))
    drawing, axes = figure(7.2, 3.2)
    bars = axes.barh(list(shares)[::-1], list(shares.values())[::-1], color=BLUE)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(xlabel=f"importance for {objective}", xlim=(0, 1.1 * max(shares.values())))
    return png(drawing)


def parallel_coordinates(study: "optuna.Study", objective: str) -> bytes:
    """Draw every complete trial as a line through its objective and its hyperparameters, dark where it is best."""
    with named_home():
        from matplotlib.collections import LineCollection

    trials = sorted(_complete(study), key=lambda trial: trial.value or 0.0, reverse=not _maximized(study))
    values = np.array([trial.value for trial in trials], dtype=float)
    names = [name for name in trials[0].params if all(name in trial.params for trial in trials)]
    drawing, axes = figure(9.6, 4.4)
    places = [_coordinate(axes, 0, list(values), FloatDistribution(-math.inf, math.inf))]
    for index, name in enumerate(names, start=1):
        parameters = [trial.params[name] for trial in trials]
        places.append(_coordinate(axes, index, parameters, trials[0].distributions[name]))
    paths = [list(enumerate(path)) for path in np.transpose(places)]
    lines = LineCollection(paths, cmap="Blues" if _maximized(study) else "Blues_r", linewidths=1.2)
    lines.set_array(values)
    lines.set_clim(*np.quantile(values, (0.25, 1.0) if _maximized(study) else (0.0, 0.75)))  # not by a few lost trials
    axes.add_collection(lines)
    axes.set(xlim=(-0.1, len(names) + 0.4), ylim=(-0.05, 1.05), yticks=[])
    axes.set_xticks(range(len(names) + 1), [objective, *names], rotation=15, ha="right")
    drawing.colorbar(lines, ax=axes, label=objective, extend="min" if _maximized(study) else "max")
    return png(drawing)


def _coordinate(axes: "Axes", x: int, values: Sequence[Any], distribution: BaseDistribution) -> np.ndarray:
    """Draw the axis of one quantity with its ends or choices; return how high (N,) on it, 0 to 1, each value is."""
    if isinstance(distribution, CategoricalDistribution):
        choices = [choice for choice in distribution.choices if choice in values]
        numbers = np.array([choices.index(value) for value in values], dtype=float)
        labels = {float(index): str(choice) for index, choice in enumerate(choices)}
    else:
        log = getattr(distribution, "log", False)
        numbers = np.log(values) if log else np.array(values, dtype=float)
        labels = {float(number): f"{value:.3g}" for number, value in zip(numbers, values, strict=True)}
        labels = {end: labels[end] for end in (numbers.min(), numbers.max())}
    low, width = numbers.min(), max(np.ptp(numbers), 1e-300)
    axes.axvline(x, color="0.6", lw=0.8)
    for number, label in labels.items():
        axes.text(x + 0.02, (number - low) / width, label, fontsize=8, va="center")
    heights: np.ndarray = (numbers - low) / width
    return heights


def _complete(study: "optuna.Study") -> list[FrozenTrial]:
    """Return the trials that were run and have a finite objective."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial for trial in trials if has_ended(trial) and trial.value is not None and math.isfinite(trial.value)]


def _maximized(study: "optuna.Study") -> bool:
    return study.direction == StudyDirection.MAXIMIZE
