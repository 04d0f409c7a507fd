"""What the data sources for files of the user's own have in common: paths, splits, and the prepared arrays."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt, doc

from lrlab.config.validation import integer
from lrlab.core.random_streams import stream
from lrlab.data import own_cache
from lrlab.data.dataset import Dataset, Rows
from lrlab.data.own_arrays import TEST, TRAIN, VALIDATION, Parts, Samples
from lrlab.data.own_cache import Prepared, SourceFile
from lrlab.data.split import SplitSeed
from lrlab.data.standardize import Moments
from lrlab.errors import InputError

Fraction = Annotated[float, Gt(0), Lt(1)]
FilePath = Annotated[str, doc("null or a path")] | None
ELSEWHERE = ("path", "test_path", "train_size")  # fields on which the prepared arrays do not depend


@dataclass(frozen=True)
class OwnData(ABC):
    """Samples from the user's files, prepared once and then mapped into memory by every process.

    Args:
        path: of the samples. A relative one is of the working directory, and absolute from then on.
        test, validation: fractions of the samples, where nothing else says which they are.
        split_seed: which samples those are.
        train_size: samples to learn from; None: all others.
    """

    expects: ClassVar[str]  # what `path` must be, for messages

    path: FilePath = None
    test: Fraction = 0.2
    validation: Fraction = 0.2
    split_seed: SplitSeed = 0
    train_size: Annotated[int, Ge(1)] | None = None

    def __post_init__(self) -> None:
        for name in ("path", "test_path"):
            if isinstance(given := getattr(self, name, None), str):
                object.__setattr__(self, name, str(Path(given).expanduser().absolute()))

    def verify(self) -> None:
        """Read all of the files, and of what was prepared from them; prepare it anew if it was altered.

        Raises:
            InputError: as of `load`.
        """
        own_cache.forget()
        self._prepared(verify=True)

    def load(self) -> Dataset:
        """Return the data set.

        Raises:
            InputError: a file is missing, cannot be read or holds what cannot be learned from; or it is too small.
        """
        prepared = self._prepared()
        description = prepared.description
        train, validation = self._rows(prepared.parts)
        return Dataset(
            name=Path(str(self.path)).stem,
            x=prepared.x,
            y=prepared.y,
            train=train,
            validation=validation,
            x_test=prepared.x_test,
            y_test=prepared.y_test,
            classes=description.classes,
            image_shape=description.image_shape,
            moments=lambda: Moments(np.array(description.mean), np.array(description.std)),
            files_digest=prepared.digest,
            source=str(self.path),
            example=prepared.example,
            columns=description.columns,
        )

    @abstractmethod
    def files(self) -> Sequence[SourceFile]:
        """Return the files that are read, in the order of their samples.

        Raises:
            InputError: there are none.
        """

    @abstractmethod
    def read(self, scratch: Path) -> Samples:
        """Read everything into arrays, of which large ones are files in a scratch folder.

        Raises:
            InputError: the files hold what cannot be used.
        """

    def draw_parts(self, count: int, *, test: bool) -> Parts:
        """Return the part of each sample (N,), drawn by the seed.

        Args:
            test: whether the test is among them; otherwise it has a file of its own.

        Raises:
            InputError: there are too few.
        """
        parts = np.full(count, TRAIN)
        held_out = np.zeros(0, np.intp)
        if test:
            order = stream(self.split_seed, "test").permutation(count)
            held_out, order = np.split(order, [round(self.test * count)])
            parts[held_out] = TEST
        learn = np.flatnonzero(parts == TRAIN)
        order = stream(self.split_seed, "validation").permutation(len(learn))
        chosen = learn[order[: round(self.validation * count)]]
        parts[chosen] = VALIDATION
        sizes = {"data.validation": (self.validation, len(chosen))}
        sizes |= {"data.test": (self.test, len(held_out))} if test else {}
        for key, (fraction, size) in sizes.items():
            if not size or not (parts == TRAIN).any():
                raise InputError(f"{key} must leave samples in every part, got {fraction:g} of {count} samples")
        return parts

    def _prepared(self, *, verify: bool = False) -> Prepared:
        if self.path is None:
            raise InputError(f"data.path must be {self.expects}, got None")
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ELSEWHERE}
        return own_cache.prepare(type(self).__name__, settings, self.files(), self.read, verify=verify)

    def _rows(self, parts: Parts) -> tuple[Rows, Rows]:
        """Return training and validation rows, ascending; a smaller training set is part of a larger one."""
        order = stream(self.split_seed, "validation").permutation(len(parts))
        train = order[parts[order] == TRAIN]
        if self.train_size is not None:
            integer("data.train_size", self.train_size, at_least=1, at_most=len(train))
        return np.sort(train[: self.train_size]), np.flatnonzero(parts == VALIDATION)


def as_tuple(made: Any, *names: str) -> None:
    """Turn lists, as YAML has them, into tuples, which are hashable."""
    for name in names:
        if isinstance(getattr(made, name), list):
            object.__setattr__(made, name, tuple(getattr(made, name)))


def existing(key: str, path: str | None, expects: str, *, folder: bool = False) -> Path:
    """Return the path of a file, or of a folder.

    Raises:
        InputError: there is none.
    """
    found = Path(path or "")
    if path is None or not found.exists():
        raise InputError(f"{key} must be {expects}, got {path}: there is no such {'folder' if folder else 'file'}")
    if found.is_dir() != folder:
        raise InputError(f"{key} must be {expects}, got {path}: that is a {'file' if folder else 'folder'}")
    return found
