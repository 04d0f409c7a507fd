"""The search itself: its history, what mattered, and how the objective moves with each swept key."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lrlab.analysis.report.figures.means import grouped, mean_row
from lrlab.plotting import charts, theme
from lrlab.plotting.charts import Series
from lrlab.plotting.figures import Figure
from lrlab.sweeper.study.queue import has_ended
from lrlab.sweeper.study.state import seed_key

if TYPE_CHECKING:
    import optuna

MAX_LINES = 8  # of a comparison: more are not told apart
MIN_VALUES = 3  # of the key along its axis
MAX_TICKS = 12  # values of a key that are ticks themselves
FAR = 8.0  # ratio of the highest to the lowest choice from which on an axis is logarithmic
PANEL_HEIGHT = 220
MAX_POINTS = 800  # trials in a panel

T = TypeVar("T")


def can_be_drawn(study: "optuna.Study") -> bool:
    """Return whether more than three trials are complete, and some hyperparameter took two values or more."""
    complete = complete_trials(study) if len(study.directions) == 1 else []
    return len(complete) > 3 and any(
        len({trial.params.get(name) for trial in complete}) > 1 for name in complete[0].params
    )


def history(study: "optuna.Study", objective: str) -> Figure:
    """Return the objective of every complete trial in the order of their start, and the best so far."""
    import altair as alt

    trials = complete_trials(study)
    values = np.array([trial.value for trial in trials], dtype=float)
    best = (np.maximum if is_maximized(study) else np.minimum).accumulate(values)
    rows: list[dict[str, Any]] = [
        {"series": "trial", "trial": trial.number, "value": value, "best": least}
        for trial, value, least in thinned(list(zip(trials, values, best, strict=True)))
    ]
    x = partial(charts.epoch_axis, alt.X, title="trial", last=max((row["trial"] for row in rows), default=1))
    y = partial(charts.value_axis, alt.Y, title=objective, values=values.tolist())
    chart = alt.Chart(charts.data())
    layers = [
        chart.mark_line(interpolate="step-after", color=theme.MARKED, strokeWidth=2.2).encode(
            x=x("trial"), y=y("best")
        ),
        chart.mark_point(color=theme.category(0), fillOpacity=0.6, size=36).encode(
            x=x("trial"), y=y("value"), tooltip=charts.tooltip(trial="trial", value=objective, best="best so far")
        ),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(charts.zoom()), height=260, rows=rows)
    caption = f"Points: {_counted(trials).lower()} in the order of their start. Line: the best so far."
    return Figure((spec,), caption, "history", f"{_plain(objective)} over {len(trials)} trials")


def importance(shares: Mapping[str, float], objective: str) -> Figure | None:
    """Return each key's share in what tells the best trials from the rest; None if it is not known."""
    import altair as alt

    if not shares:
        return None
    rows = [{"key": name, "share": share} for name, share in shares.items()]
    y = alt.Y("key:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=200))
    scale, axis = dict(domain=[0, 1.15 * max(shares.values())]), alt.Axis(format="~%", tickCount=4)
    x = alt.X("share:Q", title="share", scale=scale, axis=axis)
    chart = alt.Chart(charts.data())
    layers = [
        chart.mark_bar(color=theme.category(0), cornerRadiusEnd=2, height=18).encode(x=x, y=y),
        chart.mark_text(align="left", dx=5).encode(x=x, y=y, text=alt.Text("share:Q", format=".0%")),
    ]
    spec = charts.spec(alt.layer(*layers), height=34 * len(rows), rows=rows)
    (first, share), *_ = shares.items()
    caption = (
        f"Share in what tells the best quarter of the trials from the rest in {objective} (PED-ANOVA): where the "
        "search made a difference, not which value is better."
    )
    return Figure((spec,), caption, "importance", f"{first} mattered most ({share:.0%})")


def objective_by_key(study: "optuna.Study", objective: str) -> Figure | None:
    """Return the objective against every swept key, a panel each, the best trial marked; None without a key."""
    trials = complete_trials(study)
    best = (max if is_maximized(study) else min)(trials, key=lambda trial: trial.value or 0.0)
    names = sorted({name for trial in trials for name in trial.params} - {seed_key(study)})
    panels = []
    for name in names:
        having = [trial for trial in trials if name in trial.params]
        if len({str(trial.params[name]) for trial in having}) > 1:
            shown = thinned(having)
            panels.append(_panel(name, shown if best in shown else [*shown, best], best, objective))
    if not panels:
        return None
    caption = f"{_counted(trials)} in each panel; the ring marks the best."
    return Figure(tuple(panels), caption, "search_space", f"{_plain(objective)} against each swept key")


def comparison(study: "optuna.Study", objective: str) -> Figure | None:
    """Return the mean objective of a grid against its longest key of numbers, a line for each of the other choices.

    None where the search is no small grid: an interval is swept, or there would be too many lines.
    """
    import altair as alt

    trials, seed = complete_trials(study), seed_key(study)
    names = sorted({name for trial in trials for name in trial.params} - {seed})
    if not names or any(name not in trial.params for trial in trials for name in names):
        return None
    if any(_is_continuous(trials[0].distributions[name]) for name in names):
        return None
    values = {name: {trial.params[name] for trial in trials} for name in names}
    numeric = [name for name in names if all(map(_is_number, values[name])) and len(values[name]) >= MIN_VALUES]
    if not numeric:
        return None
    along = max(numeric, key=lambda name: len(values[name]))
    others = [name for name in names if name != along and len(values[name]) > 1]
    groups = grouped(trials, lambda trial: (tuple(trial.params[name] for name in others), trial.params[along]))
    rows: list[dict[str, Any]] = [
        {"series": ", ".join(map(str, chosen)), "x": at, **mean_row([float(trial.value or 0.0) for trial in same])}
        for (chosen, at), same in groups.items()
    ]
    labels = list(dict.fromkeys(row["series"] for row in rows))
    if len(labels) > MAX_LINES:
        return None
    series = Series(labels, ", ".join(others))
    picked, opacity = series.picked()
    x = partial(_number_axis, alt.X, title=along, values=sorted(values[along]))
    y = partial(charts.value_axis, alt.Y, title=objective, values=[row["mean"] for row in rows])
    chart, encoded = alt.Chart(charts.data()), {"x": x("x"), "color": series.color, "opacity": opacity}
    told = charts.tooltip(series="choice*", x=along, mean="mean", low="from", high="to", n="trials")
    layers = [
        chart.mark_line().encode(y=y("mean"), strokeDash=series.dash, **encoded),
        chart.mark_rule().encode(y=y("low"), y2="high", **encoded),
        chart.mark_point(size=70).encode(y=y("mean"), shape=series.shape, tooltip=told, **encoded),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(picked, charts.zoom()), legend=labels, rows=rows)
    repeated = any(row["n"] > 1 for row in rows)
    caption = "Mean over the seeds with its 95 % interval." if repeated else "One trial at each point."
    by = f", by {', '.join(others)}" if others else ""
    return Figure((spec,), caption, "comparison", f"{_plain(objective)} against {along}{by}")


def complete_trials(study: "optuna.Study") -> list[FrozenTrial]:
    """Return the trials that were run and have a finite objective."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial for trial in trials if has_ended(trial) and trial.value is not None and math.isfinite(trial.value)]


def thinned(things: Sequence[T]) -> Sequence[T]:
    """Return as many as a page can hold, evenly chosen."""
    return things[:: math.ceil(len(things) / MAX_POINTS)]


def _counted(trials: Sequence[FrozenTrial]) -> str:
    every = math.ceil(len(trials) / MAX_POINTS)
    return "Every trial" if every == 1 else f"One in {every} trials"


def is_maximized(study: "optuna.Study") -> bool:
    """Return whether a larger objective is better."""
    return study.direction == StudyDirection.MAXIMIZE


def _panel(name: str, trials: Sequence[FrozenTrial], best: FrozenTrial, objective: str) -> dict[str, Any]:
    import altair as alt

    numbers = all(_is_number(trial.params[name]) for trial in trials)
    rows: list[Mapping[str, Any]] = [
        {
            "x": trial.params[name] if numbers else str(trial.params[name]),
            "value": trial.value,
            "trial": trial.number,
            "best": trial.number == best.number,
        }
        for trial in trials
    ]
    y = partial(charts.value_axis, alt.Y, title=objective, values=[row["value"] for row in rows])
    if numbers:
        distribution = best.distributions.get(name)
        log = None if isinstance(distribution, CategoricalDistribution) else bool(getattr(distribution, "log", False))
        x = _number_axis(alt.X, "x", name, [row["x"] for row in rows], log=log)
        selection = charts.zoom()
    else:
        x = alt.X("x:N", title=name, sort=None, axis=alt.Axis(labelAngle=0, labelOverlap=False, labelLimit=90))
        selection = charts.zoom("y")
    told = charts.tooltip(x=name if numbers else f"{name}*", value=objective, trial="trial")
    chart = alt.Chart(charts.data())
    layers = [
        chart.mark_point(color=theme.category(0), fillOpacity=0.5, size=36).encode(x=x, y=y("value"), tooltip=told),
        chart.transform_filter("datum.best").mark_point(
            filled=False, stroke=theme.MARKED, strokeWidth=2.5, size=190
        ).encode(x=x, y=y("value"), tooltip=told),
    ]  # fmt: skip
    return charts.spec(alt.layer(*layers).add_params(selection), height=PANEL_HEIGHT, rows=rows)


def _plain(objective: str) -> str:
    """Return an objective as the begin of a title."""
    name = objective.removesuffix(" (nats)")
    return name[:1].upper() + name[1:] if " " in name else name


def _number_axis(channel: Any, field: str, title: str, values: Sequence[float], *, log: bool | None = None) -> Any:
    """Return an axis of the values of a key: those themselves if they are few.

    Args:
        log: whether it is logarithmic; None: where the values reach far.
    """
    different = sorted(set(values))
    few = different if len(different) <= MAX_TICKS else []
    if log is None:
        log = different[0] > 0 and different[-1] / different[0] >= FAR
    if log:
        return charts.log_axis(channel, field, title, different, few)
    return charts.linear_axis(channel, field, title, ticks=few, padding=10)


def _is_continuous(distribution: BaseDistribution) -> bool:
    return not isinstance(distribution, CategoricalDistribution) and getattr(distribution, "step", None) is None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
