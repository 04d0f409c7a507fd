"""Safe instantiation of the `_target_` nodes of a configuration."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from lrlab.config.validation import check_fields
from lrlab.errors import InputError


def instantiate(
    config: Any, *, key: str = "", allowed: Sequence[str] = ("lrlab.",), opt_in: str = "'allow=[{}]'"
) -> Any:
    """Build what a config describes; check every `_target_` before the first of them is imported.

    A target is the full name of a class that is defined in one of the allowed packages. Functions, and names a
    module merely imported, are refused: `lrlab.cli.main.sys.exit` is not lrlab's. Of the underscored keys only
    `_target_` is known. Interpolations are resolved once, before the check. The fields of every dataclass that is built
    are checked against their annotations, see `validation.check_fields`.

    Args:
        config: nested dicts and lists, or their OmegaConf forms.
        key: of this config in the whole, for messages.
        allowed: prefixes of trusted targets, each ending in a dot.
        opt_in: what a user types to trust a further prefix, which stands for {}, for messages.

    Raises:
        InputError: a target that is not allowed, arguments its class does not take, or values out of bounds.
    """
    plain = _plain(config)
    for where, target in _targets(plain, key):
        if not isinstance(target, str) or not target.startswith(tuple(map(_prefix, allowed))):
            root = str(target).partition(".")[0]
            raise InputError(
                f"{where} must start with {' or '.join(map(_prefix, allowed))}, got {target!r} "
                f"(to trust it: {opt_in.format(root + '.')})"
            )
    return _build(plain, key, allowed)


def locate(target: str, *, key: str, allowed: Sequence[str]) -> Any:
    """Return the object that an allowed dotted path names, if an allowed package defines it.

    Raises:
        InputError: the prefix is not allowed, nothing is there, or it was defined somewhere else.
    """
    prefixes = tuple(map(_prefix, allowed))
    if not target.startswith(prefixes):
        raise InputError(f"{key} must start with {' or '.join(prefixes) or '(nothing)'}, got {target!r}")
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{key} names nothing that can be imported, got {target!r}: {error}") from error
    if not f"{getattr(found, '__module__', '')}.".startswith(prefixes):
        raise InputError(f"{key} must be defined under {' or '.join(prefixes)}, got {target!r}")
    return found


def _prefix(name: str) -> str:
    return name if name.endswith(".") else f"{name}."


def _plain(config: Any) -> Any:
    if isinstance(config, dict | list):
        return config
    from omegaconf import OmegaConf

    return OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config


def _targets(node: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield every `_target_` with its key path, depth first."""
    if isinstance(node, dict):
        for name, value in node.items():
            where = f"{key}.{name}" if key else str(name)
            if name == "_target_":
                yield where, value
            elif str(name).startswith("_") and str(name).endswith("_"):
                raise InputError(f"{where} is not supported: of the underscored keys only _target_ is")
            else:
                yield from _targets(value, where)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _targets(value, f"{key}[{index}]")


def _build(node: Any, key: str, allowed: Sequence[str]) -> Any:
    if isinstance(node, list):
        return [_build(value, f"{key}[{index}]", allowed) for index, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    fields = {
        name: _build(value, f"{key}.{name}" if key else name, allowed)
        for name, value in node.items()
        if name != "_target_"
    }
    if "_target_" not in node:
        return fields
    made = locate(node["_target_"], key=f"{key}._target_" if key else "_target_", allowed=allowed)
    if not inspect.isclass(made):
        raise InputError(f"{key}._target_ must name a class, got {node['_target_']!r}")
    try:
        _signature(made).bind(**fields)  # type: ignore[arg-type]
        built = made(**fields)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{key or '_target_'}: {made.__name__}: {error}") from error
    check_fields(built, key)
    return built


@cache
def _signature(kind: type) -> inspect.Signature:
    return inspect.signature(kind)
