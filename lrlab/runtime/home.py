"""The home directory, which a process in a container may not have."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOWHERE = "/nonexistent"  # as Debian gives it to users who have none


def home() -> Path | None:
    """Return the user's home directory; None if neither HOME nor the machine's list of users names one."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def cache() -> Path | None:
    """Return lrlab's folder in the user's cache; None if the user has no cache."""
    chosen, user = os.environ.get("XDG_CACHE_HOME"), home()
    if chosen:
        return Path(chosen) / "lrlab"
    return user / ".cache" / "lrlab" if user else None


def home_variable() -> dict[str, str]:
    """Return HOME as other libraries need it: they fail if there is none, and do without one that does not exist."""
    return {} if home() else {"HOME": NOWHERE}


@contextmanager
def named_home() -> Iterator[None]:
    """Let a library be imported where there is no home directory."""
    missing = home_variable()
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
