"""A search space: the swept keys, and the overrides that hold beside them. `grammar.py` reads it from overrides."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString, Transformer
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

if TYPE_CHECKING:
    import optuna

SEED = "seed"  # the key of the repetitions
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Condition:
    """What another swept key must be for an override to apply.

    Attributes:
        key: the name of the other one.
        text: the condition in Hydra's grammar, normalized.
        values: it must have one of these, ...
        bounds: ... or, where there are none, lie between these, both included.
    """

    key: str
    text: str
    values: tuple[Any, ...] = ()
    bounds: tuple[float, float] = (math.nan, math.nan)

    @property
    def examples(self) -> tuple[Any, ...]:
        """Return some values that the other key may have."""
        return self.values or self.bounds

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Return whether the values of a trial meet it; where the other key does not apply, they do not."""
        if self.key not in params:
            return False
        return self.allows(params[self.key])

    def allows(self, value: Any) -> bool:
        """Return whether the other key may have this value."""
        return value in self.values if self.values else bool(self.bounds[0] <= value <= self.bounds[1])


@dataclass(frozen=True)
class Fixed:
    """An override that holds for every trial to which it applies, such as `data=cifar10`, `+a=1` or `~b`."""

    name: str
    text: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Dimension:
    """A swept key.

    Attributes:
        name: of the Optuna parameter: the key without its `+`.
        key: as written in an override.
        distribution: what the sampler draws from.
        values: all of them in Hydra's order, or none for an interval.
        definition: the key's values in Hydra's grammar, normalized: equal spaces read the same.
        choice_overrides: how each choice is written in an override; empty for numbers.
        is_bracketed: whether further values are tried while the best is at an end.
        prior: near which the search begins, if any (search/prior.py).
        conditions: all of them must hold for the key to be swept.
    """

    name: str
    key: str
    distribution: BaseDistribution
    values: tuple[Any, ...]
    definition: str
    choice_overrides: tuple[str, ...] = ()
    is_bracketed: bool = False
    prior: float | None = None
    conditions: tuple[Condition, ...] = ()

    def override(self, value: Any) -> str:
        """Return the override that gives the key this value."""
        if isinstance(self.distribution, CategoricalDistribution):
            return f"{self.key}={self.choice_overrides[int(self.distribution.to_internal_repr(value))]}"
        return f"{self.key}={value}"

    def boundary_values(self) -> Sequence[Any]:
        """Return every choice, or both ends of a range."""
        if isinstance(self.distribution, CategoricalDistribution):
            return self.distribution.choices
        assert isinstance(self.distribution, FloatDistribution | IntDistribution)
        return self.distribution.low, self.distribution.high

    def stored(self, value: Any) -> Any:
        """Return a value that somebody has written as the study holds it.

        Raises:
            ValueError: the key never has it.
        """
        if isinstance(self.distribution, CategoricalDistribution):
            return self._choice(value)
        if _is_number(value) and self.values:
            nearest = min(self.values, key=lambda each: abs(each - value))
            if math.isclose(nearest, value, rel_tol=1e-12, abs_tol=1e-300):
                return nearest
        elif _is_number(value):
            low, high = self.boundary_values()
            kind = int if isinstance(self.distribution, IntDistribution) else float
            if low <= value <= high and kind(value) == value:
                return kind(value)
        raise ValueError(f"{value!r} is no value of {self.definition}")

    def _choice(self, value: Any) -> Any:
        """Return the choice that is this value: of its type, or as equal a number, or a text that is written so."""
        assert isinstance(self.distribution, CategoricalDistribution)
        plain, found = storable(value), []
        for choice, text in zip(self.distribution.choices, self.choice_overrides, strict=True):
            is_equal = choice == plain and (type(choice) is type(plain) or (_is_number(choice) and _is_number(plain)))
            if is_equal:
                return choice
            if isinstance(choice, str) and not isinstance(value, str) and _read(text) == (type(value), value):
                found.append(choice)
        if not found:
            raise ValueError(f"{value!r} is no value of {self.definition}")
        return found[0]


Part = Fixed | Dimension


def applies(part: Part, params: Mapping[str, Any]) -> bool:
    """Return whether an override is part of the trial with these values."""
    return all(condition.holds(params) for condition in part.conditions)


@dataclass(frozen=True)
class Space:
    """The overrides of a sweep, in the order in which they are applied."""

    parts: tuple[Part, ...]

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Return the swept keys in their order, but none before those on which it depends."""
        left = [part for part in self.parts if isinstance(part, Dimension)]
        ordered: list[Dimension] = []
        while left:
            waiting = {dimension.name for dimension in left}
            ready = next(each for each in left if not waiting & {condition.key for condition in each.conditions})
            left.remove(ready)
            ordered.append(ready)
        return tuple(ordered)

    @property
    def fixed(self) -> tuple[str, ...]:
        return tuple(part.text for part in self.parts if isinstance(part, Fixed))

    @property
    def definitions(self) -> dict[str, str]:
        return {dimension.name: dimension.definition for dimension in self.dimensions}

    @property
    def conditions(self) -> dict[str, str]:
        """Return where the keys apply that do not apply everywhere."""
        conditional = {part.name: part.conditions for part in self.parts if part.conditions}
        return {name: " ".join(each.text for each in conditions) for name, conditions in conditional.items()}

    @property
    def finite(self) -> bool:
        return all(dimension.values for dimension in self.dimensions)

    @property
    def size(self) -> int:
        """Return the number of combinations of a finite space."""
        controls = {condition.key for dimension in self.dimensions for condition in dimension.conditions}
        others = [dimension for dimension in self.dimensions if dimension.name not in controls]
        deciding = Space(tuple(dimension for dimension in self.dimensions if dimension.name in controls))
        return sum(
            math.prod(len(dimension.values) for dimension in others if applies(dimension, params))
            for params in deciding.combinations()
        )

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of a finite space once, the last key fastest, in the order of Hydra's own sweeper."""
        yield from _combinations(self.dimensions, {})

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Let the study's sampler choose a value for every swept key that applies."""
        params: dict[str, Any] = {}
        for dimension in self.dimensions:
            if applies(dimension, params):
                params[dimension.name] = _suggest(trial, dimension.name, dimension.distribution)
        return params

    def overrides(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the overrides of the trial with these values."""
        return tuple(
            part.text if isinstance(part, Fixed) else part.override(params[part.name])
            for part in self.parts
            if applies(part, params)
        )

    def boundary_overrides(self) -> tuple[tuple[str, ...], ...]:
        """Return few lists of overrides that together contain every choice and both ends of every range."""
        return tuple(map(self.overrides, self._boundary_rows()))

    def _boundary_rows(self) -> Iterator[dict[str, Any]]:
        counts = dict.fromkeys((dimension.name for dimension in self.dimensions), 0)
        rows: list[dict[str, Any]] = []
        for target in reversed(self.dimensions):
            while counts[target.name] < len(target.boundary_values()):
                rows.append(self._row_with(target, counts))
                yield rows[-1]
        for part in self.parts:
            if not any(applies(part, row) for row in rows):
                rows.append(self._row_with(part, counts))
                yield rows[-1]
        if not rows:
            yield {}

    def _row_with(self, part: Part, counts: dict[str, int]) -> dict[str, Any]:
        """Return boundary values, with which a part applies, of keys that have had so many of theirs; count them."""
        needed, row = self.needed(part), dict[str, Any]()
        for dimension in self.dimensions:
            if applies(dimension, row):
                values = dimension.boundary_values()
                row[dimension.name] = needed.get(dimension.name, values[counts[dimension.name] % len(values)])
                counts[dimension.name] += dimension.name not in needed
        return row

    def needed(self, part: Part) -> dict[str, Any]:
        """Return values of other keys with which a part applies.

        Raises:
            ValueError: there are none; the key that would need two values at once.
        """
        conditions: dict[str, list[Condition]] = {}
        left = list(part.conditions)
        named = {dimension.name: dimension for dimension in self.dimensions}
        while left:
            condition = left.pop()
            conditions.setdefault(condition.key, []).append(condition)
            left += named[condition.key].conditions
        values: dict[str, Any] = {}
        for key, asked in conditions.items():
            candidates = [*named[key].boundary_values(), *(value for each in asked for value in each.examples)]
            allowed = [value for value in candidates if all(each.allows(value) for each in asked)]
            if not allowed:
                raise ValueError(key)
            values[key] = allowed[0]
        return values


def _combinations(dimensions: Sequence[Dimension], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    plain = list(itertools.takewhile(lambda dimension: not dimension.conditions, dimensions))
    rest = dimensions[len(plain) :]
    names = [dimension.name for dimension in plain]
    for values in itertools.product(*(dimension.values for dimension in plain)):
        chosen = params | dict(zip(names, values, strict=True))
        if not rest:
            yield chosen
            continue
        first, later = rest[0], rest[1:]
        for value in first.values if applies(first, chosen) else (None,):
            yield from _combinations(later, chosen | ({first.name: value} if applies(first, chosen) else {}))


def storable(element: Any) -> Any:
    """Return a value of Hydra's grammar as a study can hold it: lists and dicts become their text."""
    if isinstance(element, QuotedString):
        return element.text
    primitive = element is None or isinstance(element, str | bool | int | float)
    return element if primitive else Transformer.str(element)


def _read(text: str) -> tuple[type, Any]:
    """Return the type and the value of a text in Hydra's grammar."""
    value = OverridesParser.create().parse_override(f"key={text}").value()
    return type(value), value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _suggest(trial: "optuna.Trial", name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
