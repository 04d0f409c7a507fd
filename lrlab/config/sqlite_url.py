"""The address of an SQLite database, read and written as SQLAlchemy 2.1 does: its path is percent-encoded."""

import os
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from lrlab.config import validation
from lrlab.errors import InputError

SCHEME = "sqlite:///"
OPTIONS = (
    "timeout",
    "mode",
    "cache",
    "vfs",
    "psow",
    "nolock",
    "immutable",
    "modeof",
)  # all but the first: SQLite's own


@dataclass(frozen=True)
class SqliteUrl:
    """A database file, absolute, and the options with which it is opened.

    Attributes:
        options: pairs of a name in `OPTIONS` and its value; `timeout` is in seconds.
    """

    file: Path
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, key: str, url: str, folder: Path, allowed: Collection[str] = OPTIONS) -> Self | None:
        """Return what `sqlite:///PATH?timeout=60` or `sqlite:///file:PATH?mode=rw&uri=true` names.

        Args:
            key: of the configuration, for the message.
            folder: from which a relative path starts.
            allowed: the options that may be given.

        Returns:
            None for another scheme.

        Raises:
            InputError: it names no file, or an option that is not allowed.
        """
        if not url.startswith(SCHEME):
            return None
        encoded, _, query = url.removeprefix(SCHEME).partition("?")
        path, given = _decoded(encoded), parse_qsl(query, keep_blank_values=True)
        options = tuple((name, value) for name, value in given if name != "uri")
        if len(given) != len(query.split("&")) * bool(query) or not {name for name, _ in options} <= set(allowed):
            known = ", ".join(f"{name}=" for name in allowed)
            raise InputError(f"{key} may end with ? and {known}; a ? in its path is written %3F; got {url!r}")
        if dict(given).get("uri", "").lower() in ("true", "1", "yes", "on"):
            path = _decoded(path.removeprefix("file:"))
            path = f"/{path[2:].partition('/')[2]}" if path.startswith("//") else path  # file://localhost/…
        if path.strip("/") in ("", ":memory:") or "\0" in path or dict(options).get("mode") == "memory":
            raise InputError(f"{key} must name a file, got {url!r}")
        if "timeout" in dict(options):
            validation.number(f"timeout in {key}", _number(dict(options)["timeout"]), at_least=0)
        return cls((folder / path).absolute(), options)

    @property
    def is_plain(self) -> bool:
        """Return whether the path is the same, percent-encoded."""
        return _encoded(self.file) == str(self.file)

    def __str__(self) -> str:
        if not self._sqlite_options():
            return f"{SCHEME}{_encoded(self.file)}" + (f"?{urlencode(self.options)}" if self.options else "")
        return f"{SCHEME}file:{quote(_encoded(self.file))}?{urlencode((*self.options, ('uri', 'true')))}"

    def connect(self, timeout: float, **arguments: Any) -> sqlite3.Connection:
        """Open it as `sqlite3.connect` does, with this timeout if the address has none."""
        timeout = float(dict(self.options).get("timeout", timeout))
        if not self._sqlite_options():
            return sqlite3.Connection(self.file, timeout=timeout, **arguments)
        address = f"file:{_encoded(self.file)}?{urlencode(self._sqlite_options())}"
        return sqlite3.Connection(address, timeout=timeout, uri=True, **arguments)

    def _sqlite_options(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.options if name != "timeout"]


def _encoded(path: Path) -> str:
    return quote(os.fsencode(path), safe="/ +")


def _decoded(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(os.fsencode(text)))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
