"""`hydra.sweeper.conditions`: keys that are swept, or set, only where another swept key has certain values.

params:
  optimizer: choice(sgd, momentum, adam)
  optimizer.rho: interval(0.5, 0.99)
  layers: int(interval(1, 4))
  width.2: choice(32, 64)
conditions:
  optimizer.rho: optimizer=momentum          # or optimizer=momentum,adam
  width.2: layers=interval(2, 4)             # or a list of conditions, all of which must hold
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hydra.core.override_parser.types import Override, OverrideType
from optuna.distributions import FloatDistribution, IntDistribution

from lrlab.errors import InputError
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.space import SEED, Condition, Dimension, Fixed, Part, Space

KEY = "hydra.sweeper.conditions"
Parse = Callable[[Sequence[str]], list[Override]]


def conditional(space: Space, given: Mapping[str, Any], parse: Parse) -> Space:
    """Return a space whose keys apply only where their conditions hold.

    A condition on a key that an override fixes is decided here: its key is kept, or left out.

    Args:
        space: without conditions.
        given: for each conditional key `OTHER=VALUES` in Hydra's grammar, or a list of these.
        parse: reads overrides.

    Raises:
        InputError: a key is not swept, a value is none of its values, or the conditions can never hold.
    """
    if not given:
        return space
    asked = {key: _parsed(key, value, parse) for key, value in given.items()}
    known = {part.name: part for part in space.parts}
    for key, others in asked.items():
        if key == SEED:
            raise InputError(f"{KEY}.{SEED} must not be: the seeds repeat every setting")
        for name in (key, *(allowed.name for _, allowed in others)):
            if name not in known:
                there = ", ".join(known) or "none"
                raise InputError(f"{KEY}.{key} must name swept or overridden keys ({there}), got {name}")
    graph = _Graph(known, asked, parse)
    found = [(part, graph.conditions(part.name)) for part in space.parts]
    made = Space(tuple(replace(part, conditions=each) for part, each in found if each is not None))
    for part in made.parts:
        _check_possible(made, part)
    return made


@dataclass
class _Graph:
    """What depends on what.

    Attributes:
        known: the parts of the space, by name.
        asked: the conditions of some of them, as written and as what another part may be.
        parse: reads overrides.
        found: what has been found so far.
    """

    known: Mapping[str, Part]
    asked: Mapping[str, Sequence[tuple[str, Dimension]]]
    parse: Parse
    found: dict[str, tuple[Condition, ...] | None] = field(default_factory=dict)

    def conditions(self, name: str, path: tuple[str, ...] = ()) -> tuple[Condition, ...] | None:
        """Return the conditions of a key on swept keys; None if they never hold.

        Args:
            name: of the key.
            path: the keys that depend on it.
        """
        if name in path:
            raise InputError(f"{KEY} must not go in a circle, got {' <- '.join((*path, name))}")
        if name not in self.found:
            each = [self._conditions(name, text, allowed, path) for text, allowed in self.asked.get(name, ())]
            holding = [conditions for conditions in each if conditions is not None]
            self.found[name] = None if len(holding) < len(each) else tuple(itertools.chain(*holding))
        return self.found[name]

    def _conditions(
        self, name: str, text: str, allowed: Dimension, path: tuple[str, ...]
    ) -> tuple[Condition, ...] | None:
        """Return what one of the conditions of a key comes to; an override that is fixed decides it at once."""
        other, inherited = self.known[allowed.name], self.conditions(allowed.name, (*path, name))
        if inherited is None:
            return None
        if isinstance(other, Dimension):
            return (_condition(name, other, text, allowed),)
        return inherited if _gives(other, allowed, self.parse) else None


def _check_possible(space: Space, part: Part) -> None:
    try:
        space.needed(part)
    except ValueError as error:
        texts = " and ".join(condition.text for condition in part.conditions)
        raise InputError(f"{KEY}.{part.name} can never hold, because of {error}: got {texts}") from None


def _parsed(key: str, given: Any, parse: Parse) -> list[tuple[str, Dimension]]:
    """Return the conditions of a key: as written, and as another key with the values that it may have."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{KEY}.{key} must be OTHER=VALUES or a list of these, got {given!r}")
    return [(text, _allowed(key, text, parse)) for text in texts]


def _allowed(key: str, text: str, parse: Parse) -> Dimension:
    try:
        (override,) = parse([text])
        if override.type != OverrideType.CHANGE:
            raise InputError(f"must be OTHER=VALUES, got {text}")
        if not override.is_sweep_override():
            value = override.get_value_element_as_str()
            (override,) = parse([f"{override.get_key_element()}={value},{value}"])  # choice(null) is no grammar
        (allowed,) = parse_space([override]).dimensions
    except InputError as error:
        raise InputError(f"{KEY}.{key}: {error}") from error
    return allowed


def _condition(key: str, other: Dimension, text: str, allowed: Dimension) -> Condition:
    """Return what a text says about a swept key.

    Raises:
        InputError: the key never has such a value.
    """
    if other.name == SEED or other.is_bracketed:
        raise InputError(f"{KEY}.{key} must not depend on seeds, nor on a bracket, got {text}")
    refusal = f"{KEY}.{key} must name values of {other.name}={other.definition}, got {text}"
    try:
        if allowed.values:
            values = {other.stored(value): None for value in allowed.values}
        else:
            low, high = allowed.boundary_values()
            if not other.values:
                return _within(other, low, high)
            values = {value: None for value in other.values if low <= value <= high}
    except (TypeError, ValueError):  # texts have no order
        raise InputError(refusal) from None
    if not values or (isinstance(other.distribution, FloatDistribution) and not other.values):
        raise InputError(refusal)
    order = tuple(dict.fromkeys(value for value in other.values or sorted(values) if value in values))
    written = ",".join(other.override(value).partition("=")[2] for value in order)
    return Condition(other.name, f"{other.name}={written}", order)


def _within(other: Dimension, low: float, high: float) -> Condition:
    """Return that a number of an interval must lie in another one.

    Raises:
        ValueError: it never does.
    """
    first, last = other.boundary_values()
    if isinstance(other.distribution, IntDistribution):
        low, high = math.ceil(low), math.floor(high)
    low, high = max(low, first), min(high, last)
    if low > high:
        raise ValueError
    return Condition(other.name, f"{other.name}=interval({low}, {high})", bounds=(low, high))


def _gives(fixed: Fixed, allowed: Dimension, parse: Parse) -> bool:
    """Return whether an override gives its key one of the allowed values."""
    (override,) = parse([fixed.text])
    if override.is_delete():
        return False
    try:
        allowed.stored(override.value())
    except ValueError:
        return False
    return True
