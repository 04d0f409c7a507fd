"""Several settings, such as optimizers or depths, in one figure."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lrlab.analysis.report.figures.scaling import Analyses, best_lr_axes, law_rows, optimum_rows
from lrlab.plotting import charts, theme
from lrlab.plotting.charts import Series
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.settings import PooledAnalysis

MAX_HALF_WIDTH = 3.0  # of an exponent's interval: beyond it nothing is known of it
ROW_HEIGHT = 15  # pixels of a setting
REFERENCES = ({"p": 1.0, "said": "linear"}, {"p": 0.5, "said": "square root"}, {"p": 0.0, "said": "constant"})


def best_lrs(analyses: Analyses, title: str, name: str = "best_lr") -> Figure | None:
    """Return the best learning rates of a few settings against the batch size; None if none is known.

    Args:
        analyses: by short label.
        title: of the legend: what the settings differ in.
        name: of the file.
    """
    import altair as alt

    optima = [row for label, each in analyses.items() for row in optimum_rows(label, each.optima)]
    if not optima:
        return None
    x, y = best_lr_axes(optima)
    labels = [label for label in analyses if any(row["series"] == label for row in optima)]
    series = Series(labels, title)
    chosen, opacity = series.picked()
    fill = {"condition": {"test": "!datum.known", "value": theme.GROUND}, **series.color.to_dict()}
    told = charts.tooltip(series="setting*", size="batch size", lr="best learning rate", ends="95 % interval*")
    laws, points = alt.Chart(charts.data("laws")), alt.Chart(charts.data("optima"))
    layers = [
        laws.mark_area(fillOpacity=0.13, clip=True).encode(x=x("size"), y=y("low"), y2="high", color=series.color),
        laws.mark_line(clip=True).encode(
            x=x("size"), y=y("lr"), color=series.color, strokeDash=series.dash, opacity=opacity
        ),
        points.mark_rule().encode(x=x("size"), y=y("low"), y2="high", color=series.color, opacity=opacity),
        points.mark_point(size=85, strokeWidth=2, filled=False).encode(
            x=x("size"), y=y("lr"), stroke=series.color, fill=alt.Fill.from_dict(fill), shape=series.shape,
            opacity=opacity, tooltip=told,
        ),
    ]  # fmt: skip
    lines = [row for label, each in analyses.items() for row in law_rows(label, each)]
    spec = charts.spec(alt.layer(*layers).add_params(chosen), legend=labels, laws=lines, optima=optima, height=360)
    caption = (
        "Best learning rate of each setting with its 95 % interval, hollow where it may lie beyond what was tried; "
        "lines and bands: the power laws. A slope of 1 is in proportion to the batch size, 1/2 its square root."
    )
    return Figure((spec,), caption, name, "How the best learning rate moves with the batch size, setting by setting")


def exponents(analyses: Mapping[str, Estimate], pooled: PooledAnalysis | None = None) -> Figure:
    """Return the exponent of every setting with its 95 % interval, and what they have in common.

    Args:
        analyses: exponent by label.
        pooled: of settings that are taken together; None for settings that are compared.
    """
    import altair as alt

    ranked = sorted(analyses.items(), key=lambda pair: pair[1].value) if pooled else list(analyses.items())
    rows: list[dict[str, Any]] = []
    for label, one in ranked:
        half = min(one.half_width(), MAX_HALF_WIDTH)
        rows.append({"series": label, "p": one.value, "low": one.value - half, "high": one.value + half})
    ends: list[float] = [row[end] for row in rows for end in ("low", "high")] + [0.0, 1.0]
    common: list[dict[str, Any]] = []
    if pooled and pooled.exponent:
        mean, another = pooled.exponent.coefficients[0], pooled.exponent.for_another()
        (low, high), (lowest, highest) = mean.interval(), another.interval()
        said = f"in common: p = {mean.value:.2f} [{low:.2f}, {high:.2f}]"
        common = [{"p": mean.value, "low": low, "high": high, "lowest": lowest, "highest": highest, "said": said}]
        ends += [lowest, highest]
    domain = [max(min(ends), -MAX_HALF_WIDTH) - 0.08, min(max(ends), MAX_HALF_WIDTH) + 0.08]
    x = partial(charts.linear_axis, alt.X, title="exponent p", domain=domain)
    many = len(rows) > 24
    axis = alt.Axis(labels=False, ticks=False, domain=False) if many else alt.Axis(ticks=False, labelLimit=260)
    y = alt.Y("series:N", sort=[row["series"] for row in rows], title=None, axis=axis)
    told = charts.tooltip(series="setting*", p="exponent", low="from", high="to")
    references, settings = alt.Chart(charts.data("references")), alt.Chart(charts.data("rows"))
    band = alt.Chart(charts.data("common"))
    layers = [
        references.mark_rule(strokeDash=[4, 4], color=theme.INK, opacity=0.55).encode(x=x("p")),
        references.mark_text(dy=-8, baseline="bottom", fontSize=11).encode(x=x("p"), y=alt.value(0), text="said:N"),
        band.mark_rect(opacity=0.10, color=theme.category(0)).encode(x=x("lowest"), x2="highest"),
        band.mark_rect(opacity=0.30, color=theme.category(0)).encode(x=x("low"), x2="high"),
        settings.mark_rule(clip=True).encode(x=x("low"), x2="high", y=y),
        settings.mark_point(size=40 if many else 80).encode(x=x("p"), y=y, tooltip=told),
    ]
    for layer in layers[-2:]:
        layer.encoding.color = alt.value(theme.category(0 if not pooled else 6))
    step = 6 if len(rows) > 60 else ROW_HEIGHT if many else 34
    spec = charts.spec(
        alt.layer(*layers), height=max(step * len(rows), 90), rows=rows, references=REFERENCES, common=common
    )
    caption = "Exponent p of best learning rate ~ batch size ^ p, of each setting with its 95 % interval."
    if common:
        title = f"The exponents of {len(rows)} settings, {common[0]['said']}"
        caption += " Dark band: what they have in common; light band: where another setting's would lie, both 95 %."
    else:
        title = "The exponents side by side"
    return Figure((spec,), caption, "exponents", title)


def pooled_best_lrs(pooled: PooledAnalysis) -> Figure:
    """Return the best learning rates of many settings, faint, and those at their mean level."""
    import altair as alt

    settings = [
        {"setting": ", ".join(map(str, values)), "size": each.batch_size, "lr": math.exp(each.log_lr.value)}
        for values, analysis in pooled.settings.items()
        for each in analysis.optima
        if each.is_bracketed and each.log_lr
    ]
    best: list[dict[str, Any]] = []
    for size, one in (pooled.best_lrs or {}).items():
        low, high = map(math.exp, one.interval())
        best.append({"size": size, "lr": math.exp(one.value), "low": low, "high": high})
    lines = _lines(pooled, best)
    series = Series(list(dict.fromkeys(row["series"] for row in lines)), lines=True)
    chosen, opacity = series.picked()
    x, y = best_lr_axes([*best, *({**row, "low": row["lr"], "high": row["lr"]} for row in settings)])
    points = alt.Chart(charts.data("best"))
    layers = [
        alt.Chart(charts.data("settings")).mark_line(color=theme.INK, strokeOpacity=0.22, strokeWidth=1).encode(
            x=x("size"), y=y("lr"), detail="setting:N",
            tooltip=charts.tooltip(setting="setting*", size="batch size", lr="best learning rate"),
        ),
        alt.Chart(charts.data("lines")).mark_line(clip=True, strokeWidth=2.2).encode(
            x=x("size"), y=y("lr"), color=series.color, strokeDash=series.dash, opacity=opacity
        ),
        points.mark_rule(color=theme.INK, strokeWidth=2).encode(x=x("size"), y=y("low"), y2="high"),
        points.mark_point(size=90, color=theme.INK).encode(
            x=x("size"), y=y("lr"),
            tooltip=charts.tooltip(size="batch size", lr="best learning rate", low="from", high="to"),
        ),
    ]  # fmt: skip
    spec = charts.spec(
        alt.layer(*layers).add_params(chosen), legend=series.names, settings=settings, lines=lines, best=best
    )
    caption = "Thin: each setting. Points: all of them at their mean level, with 95 % intervals."
    return Figure((spec,), caption, "best_lr", "How the best learning rate moves with the batch size in all settings")


def _lines(pooled: PooledAnalysis, best: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the power law in common and the two rules through the middle of the best learning rates."""
    logs = [math.log(row["size"]) for row in best]
    middle, level = sum(logs) / len(logs), sum(math.log(row["lr"]) for row in best) / len(best)
    slopes = {"linear, p = 1": 1.0, "square root, p = 1/2": 0.5}
    if pooled.exponent:
        p = pooled.exponent.coefficients[0].value
        slopes = {f"power law, p = {p:.2f}": p, **slopes}
    return [
        {"series": said, "size": math.exp(log), "lr": math.exp(level + p * (log - middle))}
        for said, p in slopes.items()
        for log in (logs[0], logs[-1])
    ]
