import re

import pytest

from lrlab.plotting import theme

GROUND = {"light": "#ffffff", "dark": "#14171a"}  # as page.css has it


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_colours_stand_out_from_the_page(name: str) -> None:
    assert min(contrast(colour, GROUND[name]) for colour in theme.CATEGORIES[name]) >= 3
    assert min(contrast(colour, GROUND[name]) for colour in theme.ORDER[name]) >= 2
    assert contrast(theme.MARKED_IN[name], GROUND[name]) >= 3


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_ramp_keeps_its_order_in_grey(name: str) -> None:
    greys = [luminance(colour) for colour in theme.ORDER[name][:-1]]
    assert greys == sorted(greys)


def test_a_file_has_colours_in_place_of_variables() -> None:
    text = (
        f"{theme.category(1)} {theme.ordered(3)[1]} {theme.GROUND} {theme.GRID} {theme.FRAME} {theme.INK} var(--other)"
    )
    resolved = theme.resolved(text)
    assert "var(" not in resolved
    assert "currentColor" not in resolved
    assert len(re.findall(r"#[0-9a-f]{6}", resolved)) == 7


def test_both_looks_define_the_same_variables() -> None:
    assert theme.variables("light").keys() == theme.variables("dark").keys()
    style = __import__("pathlib").Path(theme.__file__).with_name("page.css").read_text()
    assert style.count("--ground: #ffffff") == style.count("--ground: #14171a") == 1
