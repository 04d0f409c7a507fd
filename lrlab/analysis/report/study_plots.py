"""Optuna's own figures of a study: optimization history, importance, parallel coordinates."""

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

if TYPE_CHECKING:
    import optuna


def history(study: "optuna.Study", objective: str) -> bytes:
    """Objective of every trial, and the best so far."""
    from optuna.visualization.matplotlib import plot_optimization_history

    return _drawn(lambda: plot_optimization_history(study, target_name=objective), (7.2, 4.0), ymax=_typical(study))


def importance(study: "optuna.Study", objective: str) -> bytes:
    """How much of the spread of the good trials each hyperparameter explains (PED-ANOVA)."""
    from optuna.visualization.matplotlib import plot_param_importances

    return _drawn(lambda: plot_param_importances(study, target_name=objective), (7.2, 3.2))


def parallel_coordinates(study: "optuna.Study", objective: str) -> bytes:
    """Every trial as a line through its hyperparameters."""
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    return _drawn(lambda: plot_parallel_coordinate(study, target_name=objective), (9.6, 4.4))


def can_be_drawn(study: "optuna.Study") -> bool:
    """Whether enough trials are complete, and anything was searched."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return len(complete) > 3 and any(
        len({trial.params.get(name) for trial in complete}) > 1 for name in complete[0].params
    )


def _typical(study: "optuna.Study") -> float | None:
    """An upper end of the axis that a few lost trials do not decide."""
    values = sorted(trial.value for trial in study.get_trials(deepcopy=False) if trial.value is not None)
    return values[int(0.75 * (len(values) - 1))] * 1.2 if values and values[0] > 0 else None


def _drawn(plot: Callable[[], Any], size: tuple[float, float], ymax: float | None = None) -> bytes:
    """Let Optuna draw, without a display, and leave matplotlib's style as it was."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.simplefilter("ignore", UserWarning)
        axes = plot()
        drawing = axes.get_figure()
        drawing.set_size_inches(*size)
        axes.set_title("")
        for each in drawing.axes:
            each.set_facecolor("white")  # as paper is
        if ymax is not None:
            axes.set_ylim(top=ymax)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
        pyplot.close(drawing)
    return buffer.getvalue()
