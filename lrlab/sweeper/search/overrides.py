"""Overrides of one key: which of them count.

Hydra applies all overrides of a job one after the other: a dict is merged into what is there, any other value replaces
it, `~` deletes it, and the last choice of a config group counts. So they are all kept, in their order, but for a sweep
that a later override replaces wholly: its values would make no difference.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, OverrideType, RangeSweep


@dataclass(frozen=True)
class _Given:
    override: Override
    is_default: bool  # of hydra.sweeper.params
    has_choices: Callable[[str], bool]  # whether a key is that of a config group

    @property
    def key(self) -> str:
        return str(self.override.get_key_element().lstrip("+~"))

    @property
    def sign(self) -> OverrideType:
        return self.override.type

    @property
    def is_choice(self) -> bool:
        """Return whether it chooses from a config group; a dict is always a value."""
        return not isinstance(self.override.value(), dict) and self.has_choices(self.key)

    def elements(self) -> Sequence[Any]:
        """Return the values that the key gets; some number for those of a range or an interval."""
        value = self.override.value()
        if isinstance(value, IntervalSweep | RangeSweep):
            return (0,)
        return list(self.override.sweep_iterator()) if self.override.is_sweep_override() else (value,)

    def meets(self, other: "_Given") -> bool:
        """Return whether both set something in common; the choices of groups come before all values."""
        overlap = _contains(self.key, other.key) or _contains(other.key, self.key)
        return overlap and self.is_choice == other.is_choice

    def replaces(self, earlier: "_Given") -> bool:
        """Return whether all that an earlier override sets is set or deleted again by this one."""
        if not self.meets(earlier):
            return False
        if self.is_choice:
            return self.key == earlier.key
        then = {path for element in earlier.elements() for path in _paths(earlier.key, element)}
        return all(
            any(_contains(path, old) for path in ([self.key] if self.override.is_delete() else _paths(self.key, now)))
            for now in self.elements()
            for old in then
        )

    def needs_no(self, earlier: "_Given") -> bool:
        """Return whether this one, which replaces an earlier override, can be applied without it."""
        if self.override.is_delete() and not earlier.override.is_sweep_override():
            return False  # `~a=1` compares the value
        if earlier.sign == OverrideType.ADD:  # twice on the command line is an error of Hydra's
            return earlier.is_default and self.sign in (OverrideType.ADD, OverrideType.FORCE_ADD)
        if earlier.sign == OverrideType.FORCE_ADD:
            return self.sign == OverrideType.FORCE_ADD
        return earlier.sign == OverrideType.CHANGE


def effective(
    overrides: Sequence[Override], params: Sequence[Override], is_group: Callable[[str], bool]
) -> Iterator[Override]:
    """Yield the overrides that count, in the order in which they are to be applied.

    Args:
        overrides: of the command line.
        params: come before these, which win over them.
        is_group: whether a key is that of a config group.
    """
    kept: list[_Given] = []
    for i, override in enumerate((*params, *overrides)):
        later = _Given(override, i < len(params), is_group)
        place = len(kept)
        for earlier in [earlier for earlier in kept if later.replaces(earlier)]:
            at = kept.index(earlier)
            if later.needs_no(earlier):
                del kept[at]
                place = min(place, at) if earlier.key == later.key else min(place, len(kept))
            elif earlier.override.is_sweep_override():
                kept[at] = _Given(_with_one_value(earlier.override), earlier.is_default, is_group)
        if any(map(later.meets, kept[place:])):
            place = len(kept)  # what is between must be applied before
        kept.insert(place, later)
    yield from (given.override for given in kept)


def _with_one_value(override: Override) -> Override:
    """Return the override that gives the key the first value of a sweep."""
    sweep = override.value()
    if isinstance(sweep, IntervalSweep | RangeSweep):
        value: Any = sweep.start
    else:
        value = next(override.sweep_string_iterator())
    return OverridesParser.create().parse_override(f"{override.get_key_element()}={value}")


def _paths(key: str, value: Any) -> Iterator[str]:
    """Yield the keys of the values that an override sets; a dict sets those in it."""
    if not isinstance(value, dict):
        yield key
        return
    for name, inner in value.items():
        yield from _paths(f"{key}.{name}", inner)


def _contains(outer: str, inner: str) -> bool:
    """Return whether one key is the other, or inside it."""
    return f"{inner}.".startswith(f"{outer}.")
