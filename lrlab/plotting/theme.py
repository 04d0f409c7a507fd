"""How figures look: colours that follow the page's light or dark, and the marks and axes of Vega-Lite.

On a page a colour is a variable of its style sheet, so that one drawing serves light and dark. A file has the values
of light.
"""

import re
from typing import Any, Final

# After Okabe & Ito (2008): the colour-blind can tell them apart; each has at least 3:1 on the page behind it.
CATEGORIES: Final = {
    "light": ("#0b62a4", "#d1580b", "#0d8a63", "#a4418e", "#8a6d00", "#2b8fc9", "#6b6b6b", "#c2410c"),
    "dark": ("#5fb3ef", "#ff9a52", "#4fd0a0", "#e08fce", "#d9bf4a", "#a5d8ff", "#b5b5b5", "#ff7a6b"),
}
# From little to much, in steps of equal lightness: the order survives in grey.
ORDER: Final = {
    "light": ("#2c1a6b", "#54238c", "#7b2b97", "#a13592", "#c24484", "#dc5a6e", "#ea7050", "#ee8a35", "#e89c2a"),
    "dark": ("#8c7cf0", "#a681ea", "#c187df", "#d98fcf", "#ec9abb", "#f7aaa5", "#fcbc93", "#fdd089", "#fbe58a"),
}
# From the best to twice as bad: viridis, dark to light, whose steps look equal.
EXCESS: Final = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39")
BEYOND: Final = "#c9ccd1"
INK: Final = "currentColor"
GROUND: Final = "var(--ground)"  # behind a figure: what a hollow mark is filled with
LIGHT_INK: Final = "#1c1e21"
MARKED: Final = "var(--marked)"  # what a figure points out: an optimum, the best trial
GRID: Final = "var(--grid)"
GRID_IN: Final = {"light": "#e3e6ea", "dark": "#2c333a"}
FRAME: Final = "var(--frame)"  # axis lines and ticks
FRAME_IN: Final = {"light": "#8b919a", "dark": "#6f7984"}
MARKED_IN: Final = {"light": "#c8102e", "dark": "#ff6b6b"}

DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2], [1, 3], [12, 3, 3, 3])
SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "arrow")

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', 'DejaVu Sans', sans-serif"

CONFIG: Final[dict[str, Any]] = {
    "background": "transparent",
    "font": FONT,
    "padding": {"left": 2, "right": 14, "top": 4, "bottom": 4},
    "view": {"stroke": None},
    "mark": {"aria": False},  # the figure as a whole has a description
    "aria": False,
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": FRAME,
        "tickColor": FRAME,
        "gridColor": GRID,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 600,
        "titlePadding": 8,
        "labelPadding": 4,
        "labelLimit": 220,
        "titleLimit": 0,
    },
    # upright and above its axis: read without turning one's head, and none of a narrow screen's width is lost
    "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleY": -12, "titleX": 0},
    "legend": {
        "orient": "top",
        "direction": "horizontal",
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 600,
        "labelLimit": 300,
        "titleLimit": 0,
        "symbolSize": 90,
        "symbolStrokeWidth": 0,
        "columnPadding": 14,
        "rowPadding": 4,
        "offset": 30,
    },
    "title": {
        "anchor": "start",
        "frame": "group",
        "color": INK,
        "fontSize": 13,
        "fontWeight": 600,
        "offset": 14,
        "limit": 0,
    },
    "line": {"strokeWidth": 2, "strokeCap": "round"},
    "point": {"filled": True, "size": 55, "opacity": 1},
    "rule": {"strokeWidth": 1.6},
    "text": {"color": INK, "fontSize": 12},
}


def category(index: int) -> str:
    """Return the colour of the first, second, … of things without an order."""
    return f"var(--category-{index % len(CATEGORIES['light'])})"


def ordered(count: int) -> list[str]:
    """Return as many colours from little to much."""
    steps = len(ORDER["light"]) - 1
    return [f"var(--order-{round(index * steps / max(count - 1, 1))})" for index in range(count)]


def variables(theme: str) -> dict[str, str]:
    """Return the variables of the style sheet for "light" or "dark": name -> colour."""
    named = {f"--category-{index}": colour for index, colour in enumerate(CATEGORIES[theme])}
    named |= {f"--order-{index}": colour for index, colour in enumerate(ORDER[theme])}
    return named | {"--marked": MARKED_IN[theme], "--grid": GRID_IN[theme], "--frame": FRAME_IN[theme]}


def resolved(text: str) -> str:
    """Return a specification or a drawing, as text, with the colours of light in place of variables."""
    named = {**variables("light"), "--ground": "#ffffff"}
    text = re.sub(r"var\((--[a-z]+(?:-\d+)?)\)", lambda found: named.get(found[1], LIGHT_INK), text)
    return text.replace(INK, LIGHT_INK)
