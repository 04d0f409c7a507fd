"""The files of a run in a local directory."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes, urlsplit

from lrlab.errors import InputError, cannot_write


def directory(uri: str) -> Path:
    """Return the directory that MLflow's artifact location names: a path or a file: address, percent-encoded.

    Raises:
        InputError: the location is not on this machine.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(os.fsdecode(unquote_to_bytes(parts.path)))
    if len(parts.scheme) > 1:  # one letter is a Windows drive
        raise InputError(
            f"tracking.experiment must keep its artifacts in a local directory, got {uri}; "
            "give another experiment, or as tracking.uri the server that can reach them"
        )
    return Path(os.fsdecode(unquote_to_bytes(os.fsencode(uri))))


def location(folder: Path) -> str:
    """Return the artifact location that names a directory: its path, as a file: address if it must be encoded."""
    encoded = quote(os.fsencode(folder))
    return encoded if encoded == str(folder) else f"file://{encoded}"


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their path inside `folder`; each appears whole or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes(content)
            os.replace(part, target)
    except OSError as error:
        raise cannot_write(f"the artifacts in {folder}", error) from error


def read(folder: Path, name: str) -> bytes:
    """Return the content of one file, empty when there is none."""
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return b""
