"""Hydra's override grammar, read as a search space.

    key=choice(a, b)   key=a,b   key=glob(*)     one of them
    key=range(1, 9, 2)                           1, 3, 5, 7: the end is not reached, as everywhere in Hydra
    key=interval(0.1, 1)                         a float, both ends included
    key=int(interval(1, 8))                      an integer, both ends included
    key=tag(log, interval(1e-4, 1))              uniform in the logarithm; also of an int(interval(…))
    key=tag(prior:0.1, interval(0, 1))           the search begins near 0.1 (search/prior.py); also with log
    key=tag(bracket, choice(0.01, 0.02, 0.04))   these, and more beyond while the best is at an end (search/bracket.py)

Every other override holds for all trials.
"""

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

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
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from lrlab.errors import InputError
from lrlab.sweeper.search.overrides import effective
from lrlab.sweeper.search.space import MAX_SEED, SEED, Dimension, Fixed, Part, Space, storable
from lrlab.sweeper.search.stepped_sampler import on_grid

MAX_BRACKET_FACTOR = 1e6  # how far beyond its values a bracket may be moved, as a factor
MAX_BRACKET = 1e300  # above which a bracket could not be moved
MAX_INTEGER = 2**53  # up to which a study, which holds floats, tells integers apart
MAX_POINTS = 1_000_000  # of a range
PRIOR = re.compile(r"prior[:=](.*)")


def parse_space(
    overrides: Sequence[Override],
    params: Sequence[Override] = (),
    is_group: Callable[[str], bool] = lambda key: False,
) -> Space:
    """Read parsed overrides.

    Args:
        overrides: of the command line.
        params: come before these, which win over them.
        is_group: whether a key is that of a config group.

    Raises:
        InputError: a sweep that is empty, inverted, on a log scale from <= 0, of one key twice, or over `hydra.*`.
    """
    parts = [
        _dimension(name_of(override), override) if override.is_sweep_override() else _fixed(override)
        for override in effective(overrides, params, is_group)
    ]
    names = [part.name for part in parts if isinstance(part, Dimension)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InputError(f"{twice} must be swept once, got two sweeps of which neither replaces the other")
    if any(isinstance(part, Dimension) and part.is_bracketed for part in parts):
        parts = [_with_room(part) if part.name == SEED else part for part in parts]
    return Space(tuple(parts))


def name_of(override: Override) -> str:
    """Return the key of an override, with its package, without `+` and `~`."""
    return str(override.get_key_element().lstrip("+~"))


def _with_room(seed: Part) -> Part:
    """Return a sweep over seeds, to which a bracket may add others."""
    if isinstance(seed, Fixed) or not all(isinstance(value, int) and 0 <= value <= MAX_SEED for value in seed.values):
        return seed
    return replace(seed, distribution=IntDistribution(0, MAX_SEED), choice_overrides=())


def _fixed(override: Override) -> Fixed:
    key = override.get_key_element()
    if override.is_delete() and override.value_type is None:
        return Fixed(name_of(override), key)
    return Fixed(name_of(override), f"{key}={override.get_value_element_as_str()}")


def _dimension(name: str, override: Override) -> Dimension:
    if override.is_hydra_override():  # with the message of Hydra's own sweepers
        raise InputError(f"Sweeping over Hydra's configuration is not supported : '{override.input_line}'")
    if override.is_delete():
        raise InputError(f"{name}: what is deleted cannot be swept, got {override.input_line}")
    value = override.value()
    tags: set[str] = getattr(value, "tags", set())
    if tags == {"bracket"} and isinstance(value, ChoiceSweep):
        return _bracket(name, override)
    if isinstance(value, IntervalSweep):
        return _interval(name, override, value)
    if tags:
        raise InputError(f"{name}: the tags are log and prior:NUMBER, of an interval, got {override.input_line}")
    if isinstance(value, RangeSweep):
        _check_range(name, value)
    elements = list(override.sweep_iterator())
    if not elements:
        raise InputError(f"{name} must have at least one value, got {override.get_value_string()}")
    if isinstance(value, RangeSweep):
        return _range(name, override.get_key_element(), elements, value)
    return _choice(name, override.get_key_element(), elements, value)


def _interval(name: str, override: Override, interval: IntervalSweep) -> Dimension:
    low, high, log = interval.start, interval.end, "log" in interval.tags
    assert low is not None
    assert high is not None
    text = f"interval({low}, {high})"
    is_whole = isinstance(low, int) and isinstance(high, int)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InputError(f"{name}: the ends of an interval must be finite and in order, got {text}")
    if is_whole and max(abs(low), abs(high)) > MAX_INTEGER:
        raise InputError(f"{name}: the ends of an interval of integers must lie within ±2^53, got {text}")
    if not math.isfinite(float(high) - float(low)):
        raise InputError(f"{name}: the ends of an interval must differ by less than 1.8e308, got {text}")
    if log and low <= 0:
        raise InputError(f"{name}: a log scale needs an interval above 0, got {text}")
    prior = _prior(name, override, low, high, interval.tags - {"log"})
    distribution: BaseDistribution
    if is_whole:
        distribution, definition = IntDistribution(int(low), int(high), log=log), f"int({text})"
    else:
        distribution, definition = FloatDistribution(low, high, log=log), text
    tags = ["log"] * log + ([] if prior is None else [f"prior:{prior}"])
    if tags:
        definition = f"tag({', '.join(tags)}, {definition})"
    return Dimension(name, override.get_key_element(), distribution, (), definition, prior=prior)


def _prior(name: str, override: Override, low: float, high: float, tags: set[str]) -> float | None:
    """Return the number of a tag `prior:NUMBER`; None without a tag."""
    texts = [PRIOR.fullmatch(tag) for tag in tags]
    if len(texts) > 1 or not all(texts):
        raise InputError(f"{name}: the tags are log and prior:NUMBER, of an interval, got {override.input_line}")
    if not texts or texts[0] is None:
        return None
    number, is_whole = texts[0][1], isinstance(low, int) and isinstance(high, int)
    try:
        prior = int(number) if is_whole else float(number)
    except ValueError:
        prior = math.nan
    if not low <= prior <= high:
        kind = "an integer" if is_whole else "a number"
        raise InputError(f"{name}: the prior must be {kind} from {low} to {high}, got {number.strip() or 'nothing'}")
    return prior


def _bracket(name: str, override: Override) -> Dimension:
    elements = list(override.sweep_iterator())
    numbers = [value for value in elements if isinstance(value, int | float) and not isinstance(value, bool)]
    values = tuple(sorted({float(value) for value in numbers if 0 < value < MAX_BRACKET}))
    if len(values) < max(2, len(elements)):
        definition = override.get_value_string()
        raise InputError(f"{name}: a bracket needs at least two numbers, all different and > 0, got {definition}")
    distribution = FloatDistribution(values[0] / MAX_BRACKET_FACTOR, values[-1] * MAX_BRACKET_FACTOR, log=True)
    definition = f"tag(bracket, choice({', '.join(map(str, values))}))"
    return Dimension(name, override.get_key_element(), distribution, values, definition, is_bracketed=True)


def _check_range(name: str, sweep: RangeSweep) -> None:
    start, stop, step = sweep.start, sweep.stop, sweep.step
    assert start is not None
    assert stop is not None
    text = f"range({start}, {stop}, {step})"
    if not all(isinstance(each, int) or math.isfinite(each) for each in (start, stop, step)) or not step:
        raise InputError(f"{name}: a range needs finite ends and a step other than 0, got {text}")
    if max(abs(each) for each in (start, stop, step)) > MAX_INTEGER:
        raise InputError(f"{name}: the ends and the step of a range must lie within ±2^53, got {text}")
    if (stop - start) / step > MAX_POINTS:
        raise InputError(f"{name}: a range may have {MAX_POINTS} values, got {text}: an interval has no such bound")


def _range(name: str, key: str, elements: Sequence[Any], sweep: RangeSweep) -> Dimension:
    distribution: BaseDistribution
    step = abs(sweep.step)
    if all(isinstance(element, int) for element in elements):
        distribution = IntDistribution(int(min(elements)), int(max(elements)), step=int(step))
    else:
        assert sweep.start is not None
        assert sweep.stop is not None
        elements = [on_grid(element, float(sweep.start), step) for element in elements]
        sign = math.copysign(1, sweep.step)  # Hydra adds floats, whose error lets range(0.1,0.4,0.1) reach 0.4
        elements = [element for element in elements if sign * element < sign * sweep.stop]
        distribution = FloatDistribution(min(elements), max(elements), step=float(step))
    definition = f"range({min(elements)}, {max(elements) + step:.12g}, {step})"
    return Dimension(name, key, distribution, tuple(elements), definition)


def _choice(name: str, key: str, elements: Sequence[Any], declared: Any) -> Dimension:
    """Return a dimension whose choices keep their type where the study can hold it; lists and dicts become their text.

    A shuffled choice is enumerated in its random order, but is the same space as the one declared.
    """
    values = {Transformer.str(element): storable(element) for element in elements}
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
