"""Checks of configuration values: every refusal names the key, what is allowed and what was given."""

import errno
import math
import operator
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from lrlab.errors import InputError


@dataclass(frozen=True)
class AtMost:
    """Declare an upper bound that depends on the object's other fields.

    Args:
        bound: maps the object to the bound. It may read the fields declared before this one: they are checked first.
    """

    bound: Callable[[Any], int]


def check_fields(made: Any, key: str = "") -> None:
    """Refuse a dataclass instance with a field that is not what its annotation declares.

    Known are ``int``, ``float`` (an int is one, a bool is not), ``bool``, ``str``, ``Literal`` and ``Sequence`` (which
    must not be empty), each also ``| None``; numbers with the bounds of annotated-types and ``AtMost``. Any other
    annotation, and an object that is no dataclass, declares nothing.

    Args:
        made: the object to check.
        key: its place in the configuration, for the message; its fields are ``key.name``.

    Raises:
        InputError: for example ``optimizer.lr must be a number > 0, got -1``.
    """
    for name, hint in _declarations(made.__class__).items():
        _check(f"{key}.{name}" if key else name, getattr(made, name), hint, made)


@cache
def _declarations(kind: type) -> Mapping[str, Any]:
    """Return the annotations of a dataclass's fields, in their order."""
    if not is_dataclass(kind):
        return {}
    try:
        hints = get_type_hints(kind, include_extras=True)
    except NameError:  # a user's class, with names that are imported for type checkers only
        return {}
    return {field.name: hints[field.name] for field in fields(kind)}


def _check(key: str, value: Any, hint: Any, owner: object) -> None:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None and NoneType in options:
        return
    kind, *others = (option for option in options if option is not NoneType)
    if others:
        return
    kind, *declared = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    if get_origin(kind) is Literal:
        choice(key, value, get_args(kind))
    elif kind is bool:
        flag(key, value)
    elif kind is int:
        integer(key, value, rule=_documented(declared, ""), **dict(_bounds(declared, owner)))
    elif kind is float:
        number(key, value, rule=_documented(declared, ""), **dict(_bounds(declared, owner)))
    elif kind is str and not isinstance(value, str):
        raise InputError(f"{key} must be {_documented(declared, 'a text')}, got {value!r}")
    elif get_origin(kind) is Sequence:
        _check_elements(key, value, get_args(kind)[0], _documented(declared, "a list"), owner)


def _check_elements(key: str, values: Any, hint: Any, rule: str, owner: object) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        given = list(values) if isinstance(values, tuple) else values  # as YAML has it
        raise InputError(f"{key} must be {rule}, got {given!r}")
    for value in values:
        _check(key, value, hint, owner)


def _bounds(declared: Iterable[object], owner: object) -> Iterator[tuple[str, Any]]:
    """Yield bounds as ``number`` and ``integer`` take them."""
    for constraint in declared:
        match constraint:
            case Gt(gt):
                yield "above", gt
            case Ge(ge):
                yield "at_least", ge
            case Lt(lt):
                yield "below", lt
            case Le(le):
                yield "at_most", le
            case AtMost(bound):
                yield "at_most", bound(owner)
            case GroupedMetadata():  # last: to tell one takes longer than all the others
                yield from _bounds(constraint, owner)


def _documented(declared: Iterable[object], otherwise: str) -> str:
    """Return what a value must be, in the words of ``annotated_types.doc`` if it has some."""
    return next((text for text in (getattr(each, "documentation", None) for each in declared) if text), otherwise)


def number(
    key: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    rule: str = "",
) -> None:
    """Refuse a value that is not a finite number within the bounds (bool is not a number).

    Args:
        key: its place in the configuration, for the message.
        value: to be checked.
        above, at_least, below, at_most: the bounds.
        rule: what the message says the value must be; "" for the bounds.

    Raises:
        InputError: for example ``optimizer.lr must be a number > 0, got -1``.
    """
    _check_bounds(key, value, rule or "a number", _finite(value), (above, at_least, below, at_most), told=bool(rule))


def integer(key: str, value: Any, *, at_least: int | None = None, at_most: int | None = None, rule: str = "") -> None:
    """Refuse a value that is not a whole number within the bounds."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    _check_bounds(key, value, rule or "an integer", whole, (None, at_least, None, at_most), told=bool(rule))


def _check_bounds(
    key: str, value: Any, kind: str, of_kind: bool, bounds: tuple[float | None, ...], *, told: bool
) -> None:
    signs = (">", operator.gt), (">=", operator.ge), ("<", operator.lt), ("<=", operator.le)
    asked = [(sign, holds, bound) for (sign, holds), bound in zip(signs, bounds, strict=True) if bound is not None]
    if not (of_kind and all(holds(value, bound) for _, holds, bound in asked)):
        limits = () if told else asked
        rule = " and ".join(
            f"{sign} {bound:g}" if isinstance(bound, float) else f"{sign} {bound}" for sign, _, bound in limits
        )
        raise InputError(f"{key} must be {f'{kind} {rule}'.rstrip()}, got {value!r}")


def _finite(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def choice(key: str, value: Any, allowed: Collection[Any]) -> None:
    """Refuse a value that is not one of the allowed ones."""
    if value not in allowed:
        raise InputError(f"{key} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def flag(key: str, value: Any) -> None:
    """Refuse a value that is not true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{key} must be true or false, got {value!r}")


def writable_directory(key: str, path: Path) -> None:
    """Refuse a directory in which nothing can be created, or that cannot be created; leave no trace.

    Raises:
        InputError: for example ``outputs cannot be written, got '/proc/x': Permission denied``.
    """
    no_dangling_link(key, path)
    nearest = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    try:
        tempfile.TemporaryDirectory(dir=nearest).cleanup()
    except OSError as error:
        raise InputError(f"{key} cannot be written, got {str(path)!r}: {error.strerror}") from error


def no_dangling_link(key: str, path: Path) -> None:
    """Refuse a path that goes through a symbolic link to something that does not exist.

    What is written there would appear at an unexpected place, or nowhere.
    """
    for part in (path.absolute(), *path.absolute().parents):
        if part.is_symlink() and not part.exists():
            raise InputError(
                f"{key} must not be a dangling link, got {str(path)!r}: {part} links to {os.readlink(part)}"
            )


def writable_file(key: str, path: Path) -> None:
    """Refuse a file that cannot be written or created; leave no trace, nor open it.

    To close an SQLite database takes from this process the locks that it holds on it.
    """
    if not path.exists():
        writable_directory(key, path)
    elif path.is_dir() or not os.access(path, os.W_OK):
        reason = os.strerror(errno.EISDIR if path.is_dir() else errno.EACCES)
        raise InputError(f"{key} cannot be written, got {str(path)!r}: {reason}")
