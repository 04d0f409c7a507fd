"""`hydra.sweeper.enqueue`: points that are tried first; the sampler chooses what they leave open."""

from collections.abc import Mapping
from typing import Any

from lrlab.errors import InputError
from lrlab.sweeper.search.space import Dimension, Fixed, Space

KEY = "hydra.sweeper.enqueue"


def checked_points(space: Space, given: Any) -> tuple[dict[str, Any], ...]:
    """Return the points as the study will hold them.

    Args:
        space: with its conditions.
        given: a list of mappings from swept keys to values.

    Raises:
        InputError: a key is not swept, never has the value, or does not apply beside the other values.
    """
    if not isinstance(given, list) or not all(isinstance(point, Mapping) and point for point in given):
        raise InputError(f"{KEY} must be a list of points, each {{KEY: VALUE, …}}, got {given!r}")
    return tuple(_point(space, f"{KEY}[{index}]", point) for index, point in enumerate(given))


def _point(space: Space, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = {dimension.name: dimension for dimension in space.dimensions}
    point: dict[str, Any] = {}
    for name, value in given.items():
        if name not in dimensions:
            texts = [part.text for part in space.parts if isinstance(part, Fixed) and part.name == name]
            fixed = f", which {texts[-1]} fixes" if texts else ""
            there = ", ".join(dimensions) or "there are none"
            raise InputError(f"{key} must have swept keys ({there}), got {name}{fixed}")
        try:
            point[name] = dimensions[name].stored(value)
        except ValueError:
            definition = dimensions[name].definition
            raise InputError(f"{key}.{name} must be a value of {definition}, got {value!r}") from None
    for name in point:
        _check_applies(f"{key}.{name}", dimensions[name], point)
    return point


def _check_applies(key: str, dimension: Dimension, point: Mapping[str, Any]) -> None:
    for condition in dimension.conditions:
        if not condition.holds(point):
            there = point.get(condition.key, f"no {condition.key}")
            raise InputError(f"{key} applies only where {condition.text}, got {there} in the same point")
