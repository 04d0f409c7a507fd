"""How loss, learning rate and batch size move together in one setting."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np

from lrlab.analysis.answers.scaling import RULES
from lrlab.analysis.report.figures.means import range_row
from lrlab.plotting import charts, theme
from lrlab.plotting.charts import Series
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.compressed_means import with_fewer_rates
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.table import Table

BATCH_SIZE: Final = "batch size (samples)"
BEST_LR: Final = "best learning rate"
MAX_CELL = 3.0  # factor of learning rates for which one trial may speak in the loss surface
EXCESS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of a loss over the best: the ends of the classes of the surface
BEYOND = "more, or diverged"
HEADROOM = 0.5  # of the losses above the highest optimum, relative to the least: further up a curve leaves the figure
POINTS = 49  # of a curve

Analyses = Mapping[str, ScalingAnalysis]  # by the label of the setting
Tables = Mapping[str, Table]


def can_be_drawn(table: Table) -> bool:
    """Return whether some learning rate ended with a finite loss for every seed."""
    return any(row["mean"] is not None for row in loss_rows(table))


def loss_rows(table: Table) -> list[dict[str, Any]]:
    """Return a row for every batch size and learning rate: mean loss over the seeds, the lowest and the highest.

    Thousands of learning rates are those of the fit.
    """
    rows = []
    for size in np.unique(table.batch_size):
        part = with_fewer_rates(table.at(size))
        rows += [
            {"size": int(size), "lr": float(lr), **range_row(part.loss[part.lr == lr].tolist())}
            for lr in np.unique(part.lr)
        ]
    return rows


def best_lr(analysis: ScalingAnalysis, name: str = "best_lr") -> Figure | None:
    """Return the best learning rate against the batch size, with the fitted rules; None if none is known."""
    import altair as alt

    optima = optimum_rows("", analysis.optima)
    if not optima:
        return None
    law, rules = law_rows("", analysis), list(_rule_rows(analysis))
    for row in law:
        row["series"] = _named(analysis)
    x, y = best_lr_axes([*optima])
    lines = Series(list(dict.fromkeys(row["series"] for row in [*law, *rules])), lines=True)
    chosen, opacity = lines.picked()
    told = charts.tooltip(size="batch size", lr=BEST_LR, ends="95 % interval*")
    fill = alt.condition("datum.known", alt.value(theme.INK), alt.value(theme.GROUND))
    ink = alt.value(theme.INK)
    layers = [
        _of("law")
        .mark_area(fillOpacity=0.15, clip=True)
        .encode(x=x("size"), y=y("low"), y2="high", fill=alt.value(theme.category(0))),
        _of("rules")
        .mark_line(clip=True)
        .encode(x=x("size"), y=y("lr"), color=lines.color, strokeDash=lines.dash, opacity=opacity),
        *_noise_scale(analysis, x),
        _of("optima").mark_rule().encode(x=x("size"), y=y("low"), y2="high", color=ink),
        _of("optima")
        .mark_point(size=80, strokeWidth=2, opacity=1)
        .encode(x=x("size"), y=y("lr"), stroke=ink, fill=fill, tooltip=told),
    ]
    spec = charts.spec(
        alt.layer(*layers).add_params(chosen),
        legend=lines.names,
        law=law,
        rules=[*law, *rules],
        optima=optima,
        noise=[{"size": analysis.noise_scale}],
    )
    caption = (
        "Points: the best learning rate of each batch size with its 95 % interval; hollow where the best may lie "
        "beyond what was tried. The band is the power law's 95 % interval."
    )
    return Figure((spec,), caption, name, _title(analysis))


def loss_against_lr(tables: Tables, analyses: Analyses, loss: str, name: str = "loss_against_lr") -> Figure:
    """Return the mean loss, called `loss`, against the learning rate: a line a batch size, a panel a setting."""
    import altair as alt

    panels = []
    for label, table in tables.items():
        rows = [row | {"series": f"{row['size']}"} for row in loss_rows(table) if row["mean"] is not None]
        if not rows:
            continue
        fits = list(_fit_rows(analyses[label].optima))
        best = [row | {"mean": row["loss"]} for row in optimum_rows("", analyses[label].optima)]
        low, high = _sight(rows, best)
        x = partial(charts.log_axis, alt.X, title="learning rate", values=_seen(rows, high))
        y = partial(charts.linear_axis, alt.Y, title=loss, domain=[low, high], nice=False)
        sizes = Series([f"{size:g}" for size in np.unique(table.batch_size)], "batch size", ordered=True)
        chosen, opacity = sizes.picked()
        told = charts.tooltip(
            series="batch size*", lr="learning rate", mean="mean loss", low="lowest", high="highest", n="seeds"
        )
        layers = [
            _of("rows")
            .mark_line(strokeWidth=1, clip=True, strokeDash=[2, 3])
            .encode(x=x("lr"), y=y("mean"), color=sizes.color, opacity=opacity),
            _of("rows")
            .mark_rule(strokeWidth=1, strokeOpacity=0.6, clip=True)
            .encode(x=x("lr"), y=y("low"), y2="high", color=sizes.color, opacity=opacity),
            _of("fits")
            .mark_line(clip=True, strokeWidth=2.5)
            .encode(x=x("lr"), y=y("mean"), color=sizes.color, opacity=opacity),
            _of("rows")
            .mark_point(clip=True, size=40)
            .encode(x=x("lr"), y=y("mean"), color=sizes.color, shape=sizes.shape, opacity=opacity, tooltip=told),
            _of("best")
            .mark_point(size=170, filled=False, strokeWidth=2.2)
            .encode(x=x("lr"), y=y("mean"), stroke=alt.value(theme.MARKED), opacity=opacity),
        ]
        chart = alt.layer(*layers).add_params(chosen, charts.zoom())
        panels.append(charts.spec(chart, label, legend=sizes.names, rows=rows, fits=fits, best=best))
    caption = (
        "Points: mean over the seeds; bars: from the lowest to the highest seed; thick lines: the local fit; rings: "
        "its least loss. Losses far above the optima lie out of sight: drag, or zoom out."
    )
    return Figure(
        tuple(panels), caption, name, "The loss at the end, by learning rate: each batch size has its own best"
    )


def loss_surface(tables: Tables, analyses: Analyses, name: str = "loss_surface") -> Figure:
    """Return how far the mean loss is above the best of its batch size, over batch size and learning rate."""
    import altair as alt

    panels = []
    for label, table in tables.items():
        cells = list(_cells(table))
        near = [row for row in cells if row["class"] != BEYOND]
        if not near:
            continue
        sizes = sorted({row["size"] for row in cells})
        x = partial(
            charts.log_axis, alt.X, title=BATCH_SIZE, values=sizes, ticks=sizes,
            domain=[sizes[0] / 2**0.5, sizes[-1] * 2**0.5],
        )  # fmt: skip
        ends = [row[end] for row in near for end in ("bottom", "top")]
        y = partial(
            charts.log_axis, alt.Y, title="learning rate", values=[min(ends) / MAX_CELL**0.5, max(ends) * MAX_CELL**0.5]
        )
        classes = [*map(_class, EXCESS), BEYOND]
        colour = alt.Color(
            "class:N",
            scale=dict(domain=classes, range=[*theme.EXCESS[: len(EXCESS)], theme.BEYOND]),
            legend=alt.Legend(
                title="mean loss above the best of its batch size", symbolType="square", symbolStrokeWidth=0
            ),
            sort=None,
        )
        told = charts.tooltip(size="batch size", lr="learning rate", mean="mean loss", excess="over the best, %")
        best = optimum_rows("", analyses[label].optima)
        layers = [
            _of("cells")
            .mark_rect(clip=True, stroke=theme.GROUND, strokeWidth=1)
            .encode(x=x("left"), x2="right", y=y("bottom"), y2="top", color=colour, tooltip=told),
            _of("best").mark_line(stroke="#ffffff", strokeWidth=4, clip=True).encode(x=x("size"), y=y("lr")),
            _of("best").mark_line(stroke="#111111", strokeWidth=1.6, clip=True).encode(x=x("size"), y=y("lr")),
            _of("best")
            .mark_point(size=75, fill="#ffffff", stroke="#111111", strokeWidth=1.6, clip=True)
            .encode(
                x=x("size"), y=y("lr"), tooltip=charts.tooltip(size="batch size", lr=BEST_LR, ends="95 % interval*")
            ),
        ]
        panels.append(charts.spec(alt.layer(*layers), label, legend=classes, cells=cells, best=best))
    caption = "Dark: next to the best of its batch size. Circles: the best learning rates of the fits."
    return Figure(tuple(panels), caption, name, "How much a learning rate off the best one costs")


def noise_scale(by_epoch: Mapping[str, tuple[Sequence[int], Sequence[float]]], fitted: float | None = None) -> Figure:
    """Return the gradient noise scale against the epoch.

    Args:
        by_epoch: label of the setting -> epochs, and the noise scale in samples.
        fitted: the knee of the saturating rule.
    """
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"series": label or "measured", "epoch": epoch, "scale": value}
        for label, (epochs, values) in by_epoch.items()
        for epoch, value in zip(epochs, values, strict=True)
        if math.isfinite(value) and value > 0
    ]
    names = Series(list(dict.fromkeys(row["series"] for row in rows)))
    chosen, opacity = names.picked()
    every = [row["scale"] for row in rows] + ([fitted] if fitted else [])
    x = partial(charts.epoch_axis, alt.X, title="epoch", last=max((row["epoch"] for row in rows), default=1))
    y = partial(charts.value_axis, alt.Y, title="gradient noise scale (samples)", values=every)
    told = charts.tooltip(series="setting*", epoch="epoch", scale="noise scale")
    encoded = {"x": x("epoch"), "y": y("scale"), "color": names.color, "opacity": opacity}
    layers = [
        _of("rows").mark_line().encode(strokeDash=names.dash, **encoded),
        _of("rows").mark_point().encode(shape=names.shape, tooltip=told, **encoded),
    ]
    if fitted:
        rule = _of("fitted").encode(y=y("scale"))
        layers.append(rule.mark_rule(strokeDash=[6, 4], color=theme.INK))
        layers.append(
            rule.mark_text(align="left", dy=-7, text=f"knee of the fitted rule: {fitted:.3g}").encode(x=alt.value(4))
        )
    spec = charts.spec(
        alt.layer(*layers).add_params(chosen), height=260, legend=names.names, rows=rows, fitted=[{"scale": fitted}]
    )
    caption = "tr(Σ) / |G|² of the trainings near the best learning rates. Batches below it are mostly noise."
    return Figure((spec,), caption, "noise_scale", "Does the gradient noise scale grow during training?")


def best_lr_axes(optima: Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
    """Return makers of the axes of batch size and best learning rate, whose ends leave room for every interval."""
    import altair as alt

    sizes = sorted({row["size"] for row in optima})
    ends = [row[end] for row in optima for end in ("low", "high", "lr")]
    x = partial(charts.log_axis, alt.X, title=BATCH_SIZE, values=sizes, ticks=sizes)
    return x, partial(charts.log_axis, alt.Y, title=BEST_LR, values=ends)


def optimum_rows(label: str, optima: Sequence[Optimum]) -> list[dict[str, Any]]:
    """Return a row for every best learning rate: with its 95 % interval where a conclusion may rest on it."""
    rows = []
    for each in optima:
        if each.curve is None:
            continue
        lr = math.exp(each.curve.centre)
        low, high = map(math.exp, each.log_lr.interval()) if each.log_lr and each.is_bracketed else (lr, lr)
        ends = f"{low:.3g} to {high:.3g}" if each.is_bracketed else "open: it may lie beyond what was tried"
        row = {"series": label, "size": each.batch_size, "lr": lr, "low": low, "high": high, "ends": ends}
        rows.append(row | {"known": each.is_bracketed, "loss": each.curve.level})
    return rows


def law_rows(label: str, analysis: ScalingAnalysis) -> list[dict[str, Any]]:
    """Return points of the fitted power law with its 95 % band."""
    law = analysis.power_law
    if not law:
        return []
    rows = []
    for size in np.geomspace(math.exp(law.log_batch.min()), math.exp(law.log_batch.max()), POINTS):
        at = law.at(size)
        low, high = map(math.exp, at.interval())
        rows.append({"series": label, "size": size, "lr": math.exp(at.value), "low": low, "high": high})
    return rows


def _rule_rows(analysis: ScalingAnalysis) -> Iterator[dict[str, Any]]:
    law, rules = analysis.power_law, analysis.rules
    if not law or not rules:
        return
    middle = law.log_batch.mean()
    level = law.at(math.exp(middle)).value
    knee = rules.best_knee
    named = f"{knee.name.replace('_', ' ')}, knee at {math.exp(knee.parameter):.3g}"
    for log_size in np.linspace(law.log_batch.min(), law.log_batch.max(), POINTS):
        size = math.exp(log_size)
        yield {"series": "linear, p = 1", "size": size, "lr": math.exp(level + log_size - middle)}
        yield {"series": "square root, p = 1/2", "size": size, "lr": math.exp(level + (log_size - middle) / 2)}
        yield {"series": named, "size": size, "lr": float(np.exp(knee.log_lr(np.array([log_size])))[0])}


def _noise_scale(analysis: ScalingAnalysis, x: Any) -> list[Any]:
    import altair as alt

    scale = analysis.noise_scale
    sizes = [each.batch_size for each in analysis.optima]
    if not scale or not math.isfinite(scale) or not min(sizes) <= scale <= max(sizes):
        return []
    rule = _of("noise").encode(x=x("size"))
    said = rule.mark_text(align="left", dx=5, baseline="bottom", text=f"noise scale measured: {scale:.3g}")
    return [
        rule.mark_rule(strokeDash=[2, 4], color=theme.INK, strokeWidth=1.2, opacity=0.7),
        said.encode(y=alt.value(charts.HEIGHT - 6)),
    ]


def _fit_rows(optima: Sequence[Optimum]) -> Iterator[dict[str, Any]]:
    for each in optima:
        if each.curve:
            curve, reach = each.curve, math.log(4)
            low, high = max(curve.rates[0], curve.centre - reach), min(curve.rates[-1], curve.centre + reach)
            for at in np.linspace(low, high, POINTS):
                loss = float(curve.loss(np.array([at]))[0])
                yield {"series": f"{each.batch_size:g}", "lr": math.exp(at), "mean": loss}


def _seen(rows: Sequence[Mapping[str, Any]], top: float) -> list[float]:
    """Return the learning rates whose losses are in sight, and a little beyond."""
    rates = [row["lr"] for row in rows if row["mean"] <= top]
    return [min(rates) / 1.5, max(rates) * 1.5]


def _sight(rows: Sequence[Mapping[str, Any]], best: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the losses between which the optima can be told apart; of a batch size without one, its least mean."""
    leasts: dict[float, float] = {}
    for row in rows:
        leasts[row["size"]] = min(leasts.get(row["size"], math.inf), row["mean"])
    least = min(leasts.values())
    highest = max([*leasts.values(), *(row["loss"] for row in best)])
    reach = (highest - least) + HEADROOM * max(abs(least), highest - least)
    top = min(least + reach, max(row["high"] for row in rows)) if reach else least + 1.0
    return least - 0.06 * (top - least), top + 0.02 * (top - least)


def _cells(table: Table) -> Iterator[dict[str, Any]]:
    """Yield a rectangle for every batch size and learning rate, with the class of its loss."""
    for size in np.unique(table.batch_size):
        rows = [row for row in loss_rows(table) if row["size"] == size]
        known = [row["mean"] for row in rows if row["mean"] is not None]
        if not known:
            continue
        least = min(known)
        for row, bottom, top in zip(rows, *cell_ends(np.array([row["lr"] for row in rows])), strict=True):
            excess = math.inf if row["mean"] is None else (row["mean"] - least) / (abs(least) or 1.0)
            named = next((_class(end) for end in EXCESS if excess <= end), BEYOND)
            place = {"left": size / 2**0.5, "right": size * 2**0.5, "bottom": bottom, "top": top}
            yield {**place, "size": size, "lr": row["lr"], "mean": row["mean"], "excess": 100 * excess, "class": named}


def _class(end: float) -> str:
    return f"up to {100 * end:g} %"


def cell_ends(rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the cells of n learning rates: half way to the next, but no wider than `MAX_CELL`."""
    x = np.log(rates)
    gaps = np.minimum(np.diff(x), math.log(MAX_CELL))
    gaps = np.concatenate([gaps[:1], gaps, gaps[-1:]]) if len(gaps) else np.full(2, math.log(2))
    return np.exp(x - gaps[:-1] / 2), np.exp(x + gaps[1:] / 2)


def _named(analysis: ScalingAnalysis) -> str:
    assert analysis.power_law
    exponent = analysis.power_law.exponent
    return "power law, p = {:.2f} [{:.2f}, {:.2f}]".format(exponent.value, *exponent.interval())


def _title(analysis: ScalingAnalysis) -> str:
    if analysis.verdict == "cannot_tell":
        return "How the best learning rate moves with the batch size cannot be told yet"
    return f"The best learning rate {RULES[analysis.verdict]}"


def _of(name: str) -> Any:
    import altair as alt

    return alt.Chart(charts.data(name))
