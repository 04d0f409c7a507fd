"""The table of results."""

from collections.abc import Iterable, Sequence
from statistics import median

from rich.table import Table

from benchmarks.measurement import Measurement
from benchmarks.result_files import Result


def table(results: Iterable[Result], title: str) -> Table:
    """Medians with their range, the ratio of the medians, and whether it reaches the target."""
    heads = "figure", "kernels", "what", "lrlab", "against", "", "result", "target"
    drawn = Table(*heads, title=title, title_justify="left")
    for each in results:
        for number, row in enumerate(each.measurements):
            drawn.add_row(
                *((row.figure, each.kernels) if number == 0 else ("", "")),
                row.what,
                samples(row.ours, row.unit),
                row.against,
                samples(row.theirs, row.unit),
                result(row),
                target(row),
                style={True: "green", False: "red", None: ""}[row.met],
            )
    return drawn


def samples(values: Sequence[float], unit: str) -> str:
    """21.3 s (20.9 to 22.0); one value stands alone."""
    if not values:
        return ""
    shown = f"{_number(median(values))} {unit}"
    return shown if len(values) == 1 else f"{shown} ({_number(min(values))} to {_number(max(values))})"


def result(row: Measurement) -> str:
    """A ratio of costs as 5.3 x, of rates as 87 %, a median with its unit."""
    return f"over {_amount(row, row.result)}" if row.is_lower_bound else _amount(row, row.result)


def target(row: Measurement) -> str:
    if row.at_least is not None:
        return f">= {_amount(row, row.at_least)}"
    return f"<= {_amount(row, row.at_most)}" if row.at_most is not None else ""


def _amount(row: Measurement, value: float) -> str:
    if not row.theirs:
        return f"{_number(value)} {row.unit}"
    return f"{100 * value:.0f} %" if row.is_rate else f"{value:.2f} x"


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
