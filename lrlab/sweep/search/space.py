"""Hydra's override grammar, read as a search space.

    key=choice(a, b)   key=a,b   key=glob(*)     one of them
    key=range(1, 9, 2)                           1, 3, 5, 7: the end is not reached, as everywhere in Hydra
    key=interval(0.1, 1)                         a float, both ends included
    key=int(interval(1, 8))                      an integer, both ends included
    key=tag(log, interval(1e-4, 1))              uniform in the logarithm; also of an int(interval(…))
    key=tag(bracket, choice(0.01, 0.02, 0.04))   these, and more beyond while the best is at an end (search/bracket.py)

Every other override holds for all trials.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from lrlab.errors import InputError
from lrlab.sweep.search.stepped_sampler import on_grid

if TYPE_CHECKING:
    import optuna

SEED = "seed"  # the key of the repetitions
MAX_SEED = 2**31 - 1
MAX_BRACKET_FACTOR = 1e6  # how far beyond its values a bracket may be moved, as a factor


@dataclass(frozen=True)
class Fixed:
    """An override that holds for every trial, such as `data=cifar10`, `+a=1` or `~b`."""

    name: str
    text: str


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
    """

    name: str
    key: str
    distribution: BaseDistribution
    values: tuple[Any, ...]
    definition: str
    choice_overrides: tuple[str, ...] = ()
    is_bracketed: bool = False

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


@dataclass(frozen=True)
class Space:
    """The overrides of a sweep, in the order in which they are applied."""

    parts: tuple[Fixed | Dimension, ...]

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        return tuple(part for part in self.parts if isinstance(part, Dimension))

    @property
    def fixed(self) -> tuple[str, ...]:
        return tuple(part.text for part in self.parts if isinstance(part, Fixed))

    @property
    def definitions(self) -> dict[str, str]:
        return {dimension.name: dimension.definition for dimension in self.dimensions}

    @property
    def finite(self) -> bool:
        return all(dimension.values for dimension in self.dimensions)

    @property
    def size(self) -> int:
        """Return the number of combinations of a finite space."""
        return math.prod(len(dimension.values) for dimension in self.dimensions)

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of a finite space once, the last key fastest, in the order of Hydra's own sweeper."""
        names = [dimension.name for dimension in self.dimensions]
        for values in itertools.product(*(dimension.values for dimension in self.dimensions)):
            yield dict(zip(names, values, strict=True))

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """Let the study's sampler choose a value for every swept key."""
        return {part.name: _suggest(trial, part.name, part.distribution) for part in self.dimensions}

    def overrides(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the overrides of the trial with these values."""
        return tuple(part.text if isinstance(part, Fixed) else part.override(params[part.name]) for part in self.parts)

    def boundary_overrides(self) -> tuple[tuple[str, ...], ...]:
        """Return few lists of overrides that together contain every choice and both ends of every range."""
        columns = [(dimension.name, dimension.boundary_values()) for dimension in self.dimensions]
        rows = max((len(values) for _, values in columns), default=1)
        return tuple(
            self.overrides({name: values[row % len(values)] for name, values in columns}) for row in range(rows)
        )


def parse_space(overrides: Sequence[Override]) -> Space:
    """Read parsed overrides; of several for one key the last counts, at the position of the first.

    Raises:
        InputError: a sweep that is empty, inverted, on a log scale from <= 0, or over `hydra.*`.
    """
    parts: dict[str, Fixed | Dimension] = {}
    for override in overrides:
        name = override.get_key_element().lstrip("+~")
        parts[name] = _dimension(name, override) if override.is_sweep_override() else _fixed(name, override)
    if any(isinstance(part, Dimension) and part.is_bracketed for part in parts.values()):
        parts = {name: _with_room(part) if name == SEED else part for name, part in parts.items()}
    return Space(tuple(parts.values()))


def _with_room(seed: Fixed | Dimension) -> Fixed | Dimension:
    """Return a sweep over seeds, to which a bracket may add others."""
    if isinstance(seed, Fixed) or not all(isinstance(value, int) and 0 <= value <= MAX_SEED for value in seed.values):
        return seed
    return replace(seed, distribution=IntDistribution(0, MAX_SEED), choice_overrides=())


def _fixed(name: str, override: Override) -> Fixed:
    key = override.get_key_element()
    if override.is_delete() and override.value_type is None:
        return Fixed(name, key)
    return Fixed(name, f"{key}={override.get_value_element_as_str()}")


def _dimension(name: str, override: Override) -> Dimension:
    if override.is_hydra_override():  # with the message of Hydra's own sweepers
        raise InputError(f"Sweeping over Hydra's configuration is not supported : '{override.input_line}'")
    value = override.value()
    tags: set[str] = getattr(value, "tags", set())
    if tags == {"bracket"} and isinstance(value, ChoiceSweep):
        return _bracket(name, override)
    if tags - {"log"} or (tags and not isinstance(value, IntervalSweep)):
        raise InputError(f"{name}: the one tag is log, of an interval, got {override.get_value_string()}")
    if isinstance(value, IntervalSweep):
        return _interval(name, override.get_key_element(), value)
    if isinstance(value, RangeSweep):
        _check_range(name, value)
    elements = list(override.sweep_iterator())
    if not elements:
        raise InputError(f"{name} must have at least one value, got {override.get_value_string()}")
    if isinstance(value, RangeSweep):
        return _range(name, override.get_key_element(), elements, value)
    return _choice(name, override.get_key_element(), elements, value)


def _interval(name: str, key: str, interval: IntervalSweep) -> Dimension:
    low, high, log = interval.start, interval.end, "log" in interval.tags
    assert low is not None
    assert high is not None
    text = f"interval({low}, {high})"
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InputError(f"{name}: the ends of an interval must be finite and in order, got {text}")
    if not math.isfinite(float(high) - float(low)):
        raise InputError(f"{name}: the ends of an interval must differ by less than 1.8e308, got {text}")
    if log and low <= 0:
        raise InputError(f"{name}: a log scale needs an interval above 0, got {text}")
    distribution: BaseDistribution
    if isinstance(low, int) and isinstance(high, int):
        distribution, definition = IntDistribution(low, high, log=log), f"int({text})"
    else:
        distribution, definition = FloatDistribution(low, high, log=log), text
    return Dimension(name, key, distribution, (), f"tag(log, {definition})" if log else definition)


def _bracket(name: str, override: Override) -> Dimension:
    elements = list(override.sweep_iterator())
    numbers = [value for value in elements if isinstance(value, int | float) and not isinstance(value, bool)]
    values = tuple(sorted({float(value) for value in numbers if 0 < value < math.inf}))
    if len(values) < max(2, len(elements)):
        definition = override.get_value_string()
        raise InputError(f"{name}: a bracket needs at least two numbers, all different and > 0, got {definition}")
    distribution = FloatDistribution(values[0] / MAX_BRACKET_FACTOR, values[-1] * MAX_BRACKET_FACTOR, log=True)
    definition = f"tag(bracket, choice({', '.join(map(str, values))}))"
    return Dimension(name, override.get_key_element(), distribution, values, definition, is_bracketed=True)


def _check_range(name: str, sweep: RangeSweep) -> None:
    assert sweep.start is not None
    assert sweep.stop is not None
    if not (math.isfinite(float(sweep.stop) - float(sweep.start)) and math.isfinite(sweep.step) and sweep.step):
        text = f"range({sweep.start}, {sweep.stop}, {sweep.step})"
        raise InputError(f"{name}: a range needs finite ends and a step other than 0, got {text}")


def _range(name: str, key: str, elements: Sequence[Any], sweep: RangeSweep) -> Dimension:
    distribution: BaseDistribution
    step = abs(sweep.step)
    if all(isinstance(element, int) for element in elements):
        distribution = IntDistribution(int(min(elements)), int(max(elements)), step=int(step))
    else:
        assert sweep.start is not None
        elements = [on_grid(element, float(sweep.start), step) for element in elements]
        distribution = FloatDistribution(min(elements), max(elements), step=float(step))
    definition = f"range({min(elements)}, {max(elements) + step:.12g}, {step})"
    return Dimension(name, key, distribution, tuple(elements), definition)


def _choice(name: str, key: str, elements: Sequence[Any], declared: Any) -> Dimension:
    """Return a dimension whose choices keep their type where the study can hold it; lists and dicts become their text.

    A shuffled choice is enumerated in its random order, but is the same space as the one declared.
    """
    values = {Transformer.str(element): _storable(element) for element in elements}
    if len(set(values.values())) < len(values):  # Python takes 1, 1.0 and true for equal
        values = {text: text for text in values}
    order = tuple(values[Transformer.str(element)] for element in elements)
    if isinstance(declared, ChoiceSweep):
        values = {text: values[text] for text in map(Transformer.str, declared.list)}
    distribution = CategoricalDistribution(tuple(values.values()))
    return Dimension(name, key, distribution, order, f"choice({', '.join(values)})", tuple(values))


def value_text(value: Any) -> str:
    """Return how a value is written in an override; a text that would be read as something else gets quotes."""
    text: str = Transformer.str(value)
    if not isinstance(value, str):
        return text
    with suppress(HydraException):
        if OverridesParser.create().parse_override(f"key={text}").value() == value:
            return text
    return QuotedString(value, Quote.single).with_quotes()


def _storable(element: Any) -> Any:
    if isinstance(element, QuotedString):
        return element.text
    primitive = element is None or isinstance(element, str | bool | int | float)
    return element if primitive else Transformer.str(element)


def _suggest(trial: "optuna.Trial", name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            name, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
