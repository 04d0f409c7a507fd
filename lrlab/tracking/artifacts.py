"""The files of a run in a local directory."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lrlab.errors import InputError


def directory(uri: str) -> Path:
    """The directory that MLflow's artifact location names.

    Raises:
        InputError: the location is not on this machine.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    if len(parts.scheme) > 1:  # one letter is a Windows drive
        raise InputError(
            f"tracking.experiment must keep its artifacts in a local directory, got {uri}; "
            "give another experiment, or as tracking.uri the server that can reach them"
        )
    return Path(uri)


def write(place: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their path inside `place`; each appears whole or not at all.

    Raises:
        InputError: the place cannot be written.
    """
    try:
        for name, content in files.items():
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes(content)
            os.replace(part, target)
    except OSError as error:
        raise InputError(f"artifacts cannot be written to {place}: {error.strerror}") from error


def read(place: Path, name: str) -> bytes:
    """The content of one file, empty when there is none."""
    try:
        return (place / name).read_bytes()
    except FileNotFoundError:
        return b""
