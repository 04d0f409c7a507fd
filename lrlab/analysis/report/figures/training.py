"""Trainings side by side: learning rates, warmup, regularization, updates to a target."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lrlab.analysis.answers.best_rate import at_best_rate, panels
from lrlab.analysis.answers.neighbours import KEY as K
from lrlab.analysis.answers.neighbours import wilson
from lrlab.analysis.answers.optimizers import KEY as OPTIMIZER
from lrlab.analysis.answers.warmup import KEY as WARMUP
from lrlab.analysis.report.figures.means import grouped, mean_row, range_row
from lrlab.analysis.report.figures.scaling import BATCH_SIZE
from lrlab.analysis.runs import LR, Run, Runs
from lrlab.analysis.steps_to_target import StepsToTarget
from lrlab.plotting import charts
from lrlab.plotting.charts import Series
from lrlab.plotting.figures import Figure

STRENGTH = "regularizer.strength"
MOST_POINTS = 200  # of a curve


def loss_curves(chosen: Mapping[str, Sequence[Run]], loss: str, unit: str) -> Figure:
    """Return the loss against its steps for a few groups of runs, such as learning rates; a group's runs are seeds."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"series": name, "run": f"{name}/{run.run_id or number}", "step": step, "loss": value}
        for name, runs in chosen.items()
        for number, run in enumerate(runs)
        for step, value in _thinned(run.metrics.get("val/loss", ()))
        if math.isfinite(value)
    ]
    series = Series(list(chosen), "learning rate")
    picked, opacity = series.picked()
    x = partial(charts.epoch_axis, alt.X, title=unit, last=max((row["step"] for row in rows), default=1))
    y = partial(charts.value_axis, alt.Y, title=loss, values=[row["loss"] for row in rows])
    encoded = {"x": x("step"), "y": y("loss"), "color": series.color, "opacity": opacity, "detail": "run:N"}
    told = charts.tooltip(series="learning rate*", step=unit, loss=loss)
    layers = [
        alt.Chart(charts.data()).mark_line().encode(strokeDash=series.dash, **encoded),
        alt.Chart(charts.data()).mark_point(size=28).encode(shape=series.shape, tooltip=told, **encoded),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(picked, charts.zoom()), legend=series.names, rows=rows)
    title = "What a learning rate that is too low, right or too high looks like in training"
    return Figure((spec,), "A line for every training.", "learning_rates", title)


def warmup(runs: Runs) -> tuple[Figure, ...]:
    """Return the loss at the best learning rate against the warmup, and the loss against the learning rate."""
    import altair as alt

    best: list[dict[str, Any]] = []
    panels_of_rates = []
    for label, lengths in panels(runs, WARMUP).items():
        for length, part in sorted(lengths.items(), key=lambda pair: float(pair[0])):
            if found := at_best_rate(part):
                row = {"series": label.removeprefix("batch size "), "warmup": float(length), "lr": found.lr}
                best.append(row | mean_row(list(found.losses.values())))
        panels_of_rates.append((label, lengths))
    if not best:
        return ()
    sizes = Series(list(dict.fromkeys(row["series"] for row in best)), "batch size")
    picked, opacity = sizes.picked()
    axis = alt.Axis(values=sorted({row["warmup"] for row in best}), format="~%", labelOverlap="greedy")
    x = alt.X("warmup:Q", title="warmup, share of the training", axis=axis, scale=dict(padding=14))
    y = partial(charts.linear_axis, alt.Y, title=runs.loss_label)
    encoded = {"x": x, "color": sizes.color, "opacity": opacity}
    chart = alt.Chart(charts.data())
    told = charts.tooltip(
        series="batch size*", warmup="warmup", lr="at learning rate", mean="mean loss", low="from", high="to", n="seeds"
    )
    layers = [
        chart.mark_line().encode(y=y("mean"), strokeDash=sizes.dash, **encoded),
        chart.mark_rule().encode(y=y("low"), y2="high", **encoded),
        chart.mark_point(size=80).encode(y=y("mean"), shape=sizes.shape, tooltip=told, **encoded),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(picked), legend=sizes.names, rows=best)
    caption = (
        "Each at the learning rate that is best for it; bars: 95 % intervals of the mean over the seeds. The seeds are "
        "the same for all, so that the answer above, which pairs them, can tell smaller differences than the bars."
    )
    title = "Does warmup lower the loss, each at its best learning rate?"
    rates = _loss_by_warmup(dict(panels_of_rates), runs.loss_label) if runs.values(LR) else ()
    return (Figure((spec,), caption, "warmup_best", title), *rates)


def optimizers(runs: Runs) -> Figure | None:
    """Return the loss of every optimizer at its best learning rate, against the batch size; None if none is known."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    for label, parts in panels(runs, OPTIMIZER).items():
        size = next(iter(parts.values()))[0].batch_size
        for name, part in parts.items():
            if found := at_best_rate(part):
                row = {"series": f"{name}{label.partition(', ')[1]}{label.partition(', ')[2]}", "size": size}
                rows.append(row | {"lr": found.lr} | mean_row(list(found.losses.values())))
    if not rows:
        return None
    series = Series(list(dict.fromkeys(row["series"] for row in rows)), "optimizer")
    picked, opacity = series.picked()
    sizes = sorted({row["size"] for row in rows})
    x = partial(charts.log_axis, alt.X, title=BATCH_SIZE, values=sizes, ticks=sizes)
    y = partial(charts.value_axis, alt.Y, title=runs.loss_label, values=[row["mean"] for row in rows])
    encoded = {"x": x("size"), "color": series.color, "opacity": opacity}
    chart = alt.Chart(charts.data())
    told = charts.tooltip(
        series="optimizer*",
        size="batch size",
        lr="at learning rate",
        mean="mean loss",
        low="from",
        high="to",
        n="seeds",
    )
    layers = [
        chart.mark_line(clip=True).encode(y=y("mean"), strokeDash=series.dash, **encoded),
        chart.mark_rule(clip=True).encode(y=y("low"), y2="high", **encoded),
        chart.mark_point(size=80).encode(y=y("mean"), shape=series.shape, tooltip=told, **encoded),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(picked), legend=series.names, rows=rows)
    caption = "Each at the learning rate that is best for it and the batch size; bars: 95 % intervals over the seeds."
    return Figure((spec,), caption, "optimizers", "Which optimizer ends lowest, at each batch size?")


def neighbours(runs: Runs) -> Figure | None:
    """Return the validation accuracy of nearest neighbours against k, a line for each other choice; None without it."""
    import altair as alt

    others = [key for key in runs.swept if key != K and len(runs.values(key)) > 1]
    rows: list[dict[str, Any]] = []
    for run in sorted(runs, key=lambda run: float(run.params.get(K, 0))):
        accuracy = run.last("val/accuracy")
        if K in run.params and math.isfinite(accuracy):
            low, high = wilson(accuracy, run.validation) if run.validation else (accuracy, accuracy)
            series = ", ".join(str(run.params.get(key)) for key in others)
            rows.append({"series": series, "k": run.params[K], "mean": accuracy, "low": low, "high": high})
    if len({row["k"] for row in rows}) < 2:
        return None
    names = Series(list(dict.fromkeys(row["series"] for row in rows)), ", ".join(others))
    picked, opacity = names.picked()
    tried = sorted({row["k"] for row in rows})
    x = partial(charts.log_axis, alt.X, title="neighbours k", values=tried, ticks=tried)
    y = partial(charts.linear_axis, alt.Y, title="validation accuracy")
    encoded = {"x": x("k"), "color": names.color, "opacity": opacity}
    chart = alt.Chart(charts.data())
    told = charts.tooltip(series="choice*", k="k", mean="accuracy", low="from", high="to")
    layers = [
        chart.mark_area(fillOpacity=0.12).encode(x=x("k"), y=y("low"), y2="high", color=names.color),
        chart.mark_line().encode(y=y("mean"), strokeDash=names.dash, **encoded),
        chart.mark_point(size=80).encode(y=y("mean"), shape=names.shape, tooltip=told, **encoded),
    ]
    spec = charts.spec(alt.layer(*layers).add_params(picked, charts.zoom()), legend=names.names, rows=rows)
    caption = "Bands: 95 % intervals of an accuracy on so many validation samples (Wilson)."
    return Figure((spec,), caption, "neighbours", "How many neighbours should vote?")


def _loss_by_warmup(found: Mapping[str, Mapping[Any, Sequence[Run]]], loss: str) -> tuple[Figure, ...]:
    import altair as alt

    lengths = sorted({float(length) for parts in found.values() for length in parts})
    series = Series([_percent(length) for length in lengths], "warmup", ordered=True)
    made = []
    for label, parts in found.items():
        rows: list[dict[str, Any]] = []
        for length in sorted(parts, key=float):
            for lr, same in sorted(grouped(parts[length], lambda run: run.lr).items()):
                row = range_row([run.loss for run in same])
                if row["mean"] is not None:
                    rows.append({"series": _percent(float(length)), "lr": lr, **row})
        if len({row["lr"] for row in rows}) < 2:
            continue
        picked, opacity = series.picked()
        least = min(row["mean"] for row in rows)
        ends = [row[end] for row in rows for end in ("low", "high") if row["mean"] <= 2 * least or least <= 0]
        seen = [row["lr"] for row in rows if row["mean"] <= max(ends)]
        x = partial(charts.log_axis, alt.X, title="learning rate", values=[min(seen) / 1.5, max(seen) * 1.5])
        y = partial(charts.linear_axis, alt.Y, title=loss, domain=[min(ends), max(ends)])
        chart = alt.Chart(charts.data())
        encoded = {"x": x("lr"), "color": series.color, "opacity": opacity}
        told = charts.tooltip(
            series="warmup*", lr="learning rate", mean="mean loss", low="lowest", high="highest", n="seeds"
        )
        layers = [
            chart.mark_line(clip=True).encode(y=y("mean"), strokeDash=series.dash, **encoded),
            chart.mark_rule(clip=True, strokeOpacity=0.6).encode(y=y("low"), y2="high", **encoded),
            chart.mark_point(clip=True).encode(y=y("mean"), shape=series.shape, tooltip=told, **encoded),
        ]
        layered = alt.layer(*layers).add_params(picked, charts.zoom())
        made.append(charts.spec(layered, label, legend=series.names, rows=rows))
    caption = (
        "Points: mean over the seeds; bars: from the lowest to the highest seed. Losses above twice the least lie out "
        "of sight: zoom out."
    )
    title = "Does warmup allow larger learning rates?"
    return (Figure(tuple(made), caption, "warmup", title),) if made else ()


def regularization(kinds: Mapping[str, Sequence[Run]], loss: str) -> tuple[Figure, ...]:
    """Return losses, accuracies and the weights' norm against lambda, every regularizer in the same axes."""
    losses = _against_lambda(
        kinds, {"validation": "val/loss", "training": "train/loss"}, loss.replace("validation ", "")
    )
    figures = [
        Figure(
            (losses,),
            "Mean over the seeds with 95 % intervals. What a regularizer buys: a higher training loss, and a lower "
            "validation loss. lambda = 0 has a place of its own at the left.",
            "regularization",
            "What does lambda buy, and do the regularizers differ?",
        )
    ]
    further = [
        ({"validation": "val/accuracy", "training": "train/accuracy"}, "accuracy"),
        ({"": "weight_norm"}, "norm of the weights"),
    ]
    made = [
        _against_lambda(kinds, metrics, title)
        for metrics, title in further
        if any(run.has(name) for name in metrics.values() for runs in kinds.values() for run in runs)
    ]
    if made:
        caption = "Mean over the seeds with 95 % intervals."
        figures.append(Figure(tuple(made), caption, "regularization_more", "What lambda does to accuracy and weights"))
    return tuple(figures)


def _against_lambda(kinds: Mapping[str, Sequence[Run]], metrics: Mapping[str, str], title: str) -> dict[str, Any]:
    import altair as alt

    rows: list[dict[str, Any]] = []
    for kind, runs in kinds.items():
        for split, metric in metrics.items():
            for strength, same in sorted(grouped(runs, strength_of).items()):
                row = mean_row([run.last(metric) for run in same])
                if row["mean"] is not None:
                    rows.append({"series": kind, "split": split, "strength": strength, **row})
    strengths = sorted({row["strength"] for row in rows})
    positive = [strength for strength in strengths if strength > 0]
    scale = (
        dict(type="symlog", constant=min(positive) / 2, nice=False, padding=12)
        if 0 in strengths and positive
        else dict(type="log" if positive == strengths else "linear", nice=False, padding=12)
    )
    ticks = [strength for strength in strengths if strength == 0 or _is_decade(strength)]
    axis = alt.Axis(values=ticks if len(ticks) > 2 else strengths, format="~g", labelOverlap="greedy")
    x = alt.X("strength:Q", title="lambda", scale=scale, axis=axis)
    y = partial(charts.value_axis, alt.Y, title=title, values=[row["mean"] for row in rows])
    series, splits = (
        Series(list(kinds), "regularizer"),
        Series([each for each in metrics if each], "", "split", lines=True),
    )
    picked, opacity = series.picked()
    chart, encoded = alt.Chart(charts.data()), {"x": x, "color": series.color, "opacity": opacity}
    told = charts.tooltip(
        series="regularizer*", split="part*", strength="lambda", mean="mean", low="from", high="to", n="seeds"
    )
    dash = {"strokeDash": splits.dash} if splits.names else {"strokeDash": series.dash}
    layers = [
        chart.mark_area(fillOpacity=0.12, clip=True).encode(
            y=y("low"), y2="high", x=x, color=series.color, detail="split:N"
        ),
        chart.mark_line(clip=True).encode(y=y("mean"), **dash, **encoded),
        chart.mark_point(clip=True).encode(y=y("mean"), shape=series.shape, detail="split:N", tooltip=told, **encoded),
    ]
    return charts.spec(
        alt.layer(*layers).add_params(picked, charts.zoom()), legend=[*series.names, *splits.names], rows=rows
    )


def steps_to_target(found: Mapping[str, StepsToTarget], differ: str = "") -> Figure | None:
    """Return the updates to a target loss against the batch size; None if fewer than two batch sizes reach it.

    Args:
        found: by label of the setting.
        differ: what the settings differ in.
    """
    import altair as alt

    rows: list[dict[str, Any]] = []
    perfect: list[dict[str, Any]] = []
    for label, steps in found.items():
        reached = steps.reached
        if len(reached) < 2:
            continue
        for each in reached:
            told = "yes" if each.is_bracketed else "no: the last one tried"
            row = mean_row(each.updates)
            row["low"] = max(row["low"], row["mean"] / 10)  # an interval of few seeds may reach below 0
            rows.append({"series": label, "size": each.batch_size, "lr": each.lr, "bracketed": told, **row})
        first, last = reached[0], reached[-1]
        for each in (first, last):
            updates = first.mean * first.batch_size / each.batch_size
            perfect.append({"series": label, "size": each.batch_size, "mean": updates})
    if not rows:
        return None
    sizes = sorted({row["size"] for row in rows})
    ends = [row[end] for row in rows for end in ("low", "high")] + [row["mean"] for row in perfect]
    x = partial(charts.log_axis, alt.X, title=BATCH_SIZE, values=sizes, ticks=sizes)
    y = partial(charts.log_axis, alt.Y, title="updates to the target loss", values=ends)
    series = Series(list(dict.fromkeys(row["series"] for row in rows)), differ)
    picked, opacity = series.picked()
    encoded = {"x": x("size"), "color": series.color, "opacity": opacity}
    ideal, measured = alt.Chart(charts.data("perfect")), alt.Chart(charts.data("rows"))
    shown = charts.tooltip(
        series="setting*", size="batch size", mean="updates", low="from", high="to", n="seeds", lr="learning rate",
        bracketed="learning rate bracketed*",
    )  # fmt: skip
    layers = [
        ideal.mark_line(strokeDash=[3, 4], strokeWidth=1.5, strokeOpacity=0.7).encode(y=y("mean"), **encoded),
        ideal.transform_filter(f"datum.size == {sizes[-1]}").mark_text(
            align="right", dx=-8, dy=12, text="perfect scaling", fontSize=11
        ).encode(x=x("size"), y=y("mean")),
        measured.mark_line().encode(y=y("mean"), **encoded),
        measured.mark_rule().encode(y=y("low"), y2="high", **encoded),
        measured.mark_point(size=80).encode(y=y("mean"), shape=series.shape, tooltip=shown, **encoded),
    ]  # fmt: skip
    chart = alt.layer(*layers).add_params(picked)
    spec = charts.spec(chart, legend=series.names, rows=rows, perfect=perfect)
    caption = (
        "Updates until the loss first is at the target, at the fastest learning rate: mean over the seeds with its "
        "95 % interval. Dotted: twice the batch, half the updates."
    )
    return Figure((spec,), caption, "steps_to_target", "How many updates does a larger batch save?")


def strength_of(run: Run) -> float:
    """Return lambda."""
    return float(run.params.get(STRENGTH, 0.0))


def _percent(share: float) -> str:
    return f"{share:.0%}" if share else "none"


def _is_decade(value: float) -> bool:
    return math.isclose(value, 10 ** round(math.log10(value)), rel_tol=1e-6)


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Return a curve of few enough points for a page, with its last."""
    every = max(1, math.ceil(len(points) / MOST_POINTS))
    return [*points[:-1:every], *points[-1:]]
