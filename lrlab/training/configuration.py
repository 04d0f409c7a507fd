"""An experiment from a composed configuration, and the record from which the same experiment is made again.

A record spells an experiment with the choice names of conf/ instead of class paths::

    optimizer: {choice: adamw, lr: 0.001, beta1: 0.9, ...}
    batch_size: 128

A class that conf/ does not offer is recorded by its path, and needs `allow` to be imported again.
"""

from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from functools import lru_cache
from typing import Any

from lrlab.config.choices import choice_of, targets
from lrlab.config.schema import HOMES, PARTS, SETTINGS, SHARED
from lrlab.config.validation import check_fields
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment

CHOICE = "choice"


def from_config(config: Mapping[str, Any], opt_in: str = "'allow=[{}]'") -> Experiment:
    """Return the validated experiment of a resolved configuration.

    Args:
        config: a value for every part and setting.
        opt_in: what a user types to trust a further prefix, for messages.

    Raises:
        InputError: a value is not allowed, or a ``_target_`` is outside lrlab and the prefixes of ``allow``.
    """
    from lrlab.config.instantiate import instantiate

    further = config.get("allow", ())
    parts = {
        name: instantiate(config[name], key=name, allowed=(*HOMES[name], *further), opt_in=opt_in) for name in PARTS
    }
    experiment = Experiment(**parts, **{name: config[name] for name in SETTINGS if name in config})
    check_fields(experiment)
    return experiment


def to_record(experiment: Experiment) -> dict[str, Any]:
    """Return what goes on record of an experiment: plain values from which `from_record` makes it again."""
    parts = {name: _spell(name, getattr(experiment, name)) for name in PARTS}
    return parts | {name: getattr(experiment, name) for name in SETTINGS}


def from_record(record: Mapping[str, Any], allow: Sequence[str] = ()) -> Experiment:
    """Return the experiment that `to_record` spelled.

    Args:
        record: as recorded.
        allow: prefixes of further code to trust. What a record says of that does not count.

    Raises:
        InputError: an earlier version of lrlab wrote the record, or as of `from_config`.
    """
    if any(CHOICE not in record.get(name, {}) for name in PARTS):
        raise InputError("this run was recorded by an earlier version of lrlab, whose configurations cannot be used")
    parts = {
        name: {("_target_" if key == CHOICE else key): value for key, value in record[name].items()} for name in PARTS
    }
    for name, part in parts.items():
        part["_target_"] = targets(name).get(part["_target_"], part["_target_"])
    return from_config(dict(record) | parts | {"allow": allow}, opt_in="--allow {}")


def spell_choices(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a resolved configuration that decides what is trained, with the choices by name."""
    spelled = {name: config[name] for name in (*PARTS, *SETTINGS) if name in config}
    for name in PARTS:
        values = dict(config[name])
        spelled[name] = {CHOICE: choice_of(name, values.pop("_target_")), **values}
    return spelled


def check_shared(sweep: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> None:
    """Refuse trials that differ from their sweep in what all of it shares.

    Args:
        sweep: its resolved configuration.
        trials: theirs.

    Raises:
        InputError: such a key is swept, or set for the trials alone.
    """
    expected, *found = (
        {key: str(value) for key, value in flat(_shared(config)).items()} for config in (sweep, *trials)
    )
    for key in dict.fromkeys(key for values in (expected, *found) for key in values):
        given = dict.fromkeys(values.get(key, "nothing") for values in found)
        if set(given) - {expected.get(key, "nothing")}:
            raise InputError(
                f"{key} must be one value for the whole sweep, neither swept nor set by hydra.sweeper.params, "
                f"got {', '.join(given)}"
            )


def _shared(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in SHARED if key in config}


def _spell(group: str, part: Any) -> dict[str, Any]:
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return {CHOICE: choice_of(group, f"{type(part).__module__}.{type(part).__qualname__}"), **values, **lists}


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with nested keys joined by dots: ``optimizer: adamw``, ``optimizer.lr: 0.001``."""
    return dict(_flat(record, ""))


def _flat(record: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield prefix if key == CHOICE else path, value


def from_flat(params: Mapping[str, str]) -> dict[str, Any]:
    """Return the record whose flat form has these texts; it is the same unless `says_all` denies it."""
    record: dict[str, Any] = {}
    for path, text in params.items():
        value = deepcopy(_literal(text))
        *outer, name = path.split(".")
        if not outer and name in PARTS:
            outer, name = [name], CHOICE
        place = record
        for key in outer:
            place = place.setdefault(key, {})
        place[name] = value
    return record


@lru_cache(maxsize=1024)
def _literal(text: str) -> Any:
    """Return what a text spells in Python, or the text. Most texts are those of all trials of a sweep."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def says_all(params: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Return whether a record can be told from its flat form as texts: a text that looks like a number cannot."""
    try:
        return repr(from_flat({key: str(value) for key, value in params.items()})) == repr(dict(record))
    except (AttributeError, TypeError):  # a key is both a value and has values below it
        return False


def to_yaml(record: Mapping[str, Any]) -> str:
    """Return a record as it is attached to a run."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(dict(record), Dumper=dumper, sort_keys=False)
    return text


def from_yaml(text: str) -> dict[str, Any]:
    """Return what `to_yaml` wrote."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
