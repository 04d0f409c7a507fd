"""Numbers as the lecture's claims say them."""

import math


def agreement(difference: float) -> str:
    """Return how far two results agree that differ by at most so much."""
    if difference == 0:
        return "identical to the last bit"
    if not difference < 0.1:
        return f"{number(difference)} apart"
    return f"identical to {math.floor(-math.log10(difference))} decimals"


def number(value: float) -> str:
    """Return a number with three digits or all before the point: 4,048, 33.9, 0.0067, 6.7 × 10⁻⁷."""
    if not math.isfinite(value):
        return "not finite"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if value and abs(value) < 1e-4:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{digits.removesuffix('.0')} × 10{str(int(power)).translate(SUPERSCRIPTS)}"
    return f"{value:.3g}"


def steps(count: float, most: float) -> str:
    """Return a number of steps, of which no more than `most` were made."""
    return f"{count:,.0f} steps" if math.isfinite(count) else f"more than {most:,} steps"


def percent(share: float, digits: int = 1) -> str:
    """Return a share in percent."""
    return f"{100 * share:.{digits}f} %"


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
