"""A nested configuration as one level of keys."""

from collections.abc import Mapping
from typing import Any


def flatten(config: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Return a configuration with nested keys joined by dots: `{"optim": {"lr": 0.1}}` is `{"optim.lr": 0.1}`."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{key}.")
        else:
            flat[key] = value
    return flat
