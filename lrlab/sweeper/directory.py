"""The folder of a sweep: its own, even if another one has asked for the same name."""

import itertools
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MULTIRUN = "multirun.yaml"  # every multirun of Hydra's leaves one in its folder


def claim(wanted: Path) -> Path:
    """Create the folder of a sweep and return it: the one wanted or, where a sweep has that, NAME_2, NAME_3, ...

    An empty `multirun.yaml`, which only one process can create, claims it.

    Raises:
        OSError: it cannot be created.
    """
    for folder in _candidates(wanted):
        with suppress(FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / MULTIRUN).touch(exist_ok=False)
            return folder
    raise AssertionError


def _candidates(wanted: Path) -> Iterator[Path]:
    yield wanted
    for number in itertools.count(2):
        yield wanted.with_name(f"{wanted.name}_{number}")
