"""From a composed configuration to the objects it names, and to the forms in which it is recorded."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from lrlab.config.schema import HOMES, PARTS, SETTINGS
from lrlab.training.experiment import Experiment


def experiment(config: Mapping[str, Any]) -> Experiment:
    """The validated experiment of a resolved configuration.

    Raises:
        InputError: a value is not allowed, or a ``_target_`` is outside lrlab and the prefixes of ``allow``.
    """
    from lrlab.config.instantiate import instantiate

    further = config.get("allow", ())
    parts = {name: instantiate(config[name], key=name, allowed=(*HOMES[name], *further)) for name in PARTS}
    return Experiment(**parts, **{name: config[name] for name in SETTINGS if name in config})


def config_of(experiment: Experiment) -> dict[str, Any]:
    """The configuration of an experiment: ``experiment`` makes it again from this."""
    parts = {name: _spelled(getattr(experiment, name)) for name in PARTS}
    config = parts | {name: getattr(experiment, name) for name in SETTINGS}
    targets = [(name, part["_target_"]) for name, part in parts.items()]
    foreign = [f"{target.rpartition('.')[0]}." for name, target in targets if not target.startswith(HOMES[name])]
    return config | ({"allow": foreign} if foreign else {})


def _spelled(part: Any) -> dict[str, Any]:
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    lists = {name: list(value) for name, value in values.items() if isinstance(value, tuple)}
    return {"_target_": f"{type(part).__module__}.{type(part).__qualname__}", **values, **lists}


def recorded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that decides what is trained: what goes on record with a run."""
    return {name: config[name] for name in (*PARTS, *SETTINGS, "allow") if name in config}


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots; ``_target_`` becomes the name of its class: ``optimizer: AdamW``."""
    return dict(_flat(config, prefix))


def _flat(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if key == "_target_":
            yield prefix, str(value).rpartition(".")[2]
            continue
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, value


def to_yaml(config: Mapping[str, Any]) -> str:
    """The configuration as it is attached to a run."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(dict(config), Dumper=dumper, sort_keys=False)
    return text


def from_yaml(text: str) -> dict[str, Any]:
    """What ``to_yaml`` wrote."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
