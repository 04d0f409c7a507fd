"""data=arrays: an .npz file of the user's own with x and y, and with x_test and y_test if it likes."""

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lrlab.data.classes import check_classes, of_values
from lrlab.data.encoding import Whole
from lrlab.data.own_arrays import NUMBERS_AT_A_TIME, Samples, unmap_read
from lrlab.data.own_cache import SourceFile
from lrlab.data.own_data import OwnData, existing
from lrlab.errors import InputError

CHANNELS = (1, 3, 4)  # of images


@dataclass(frozen=True)
class Arrays(OwnData):
    """Samples x (N, D), standardized number by number; or images (N, H, W) or (N, H, W, channels), channel by channel.

    y (N,) are whole numbers or texts. With x_test and y_test in the file, `test` is not used.
    """

    expects: ClassVar[str] = "the path of an .npz file with x and y"

    def files(self) -> list[SourceFile]:
        return [SourceFile("data.path", existing("data.path", self.path, self.expects))]

    def read(self, scratch: Path) -> Samples:
        ((_, path),) = self.files()
        stored = extract(path, scratch)
        if not {"x", "y"} <= stored.keys() or ("x_test" in stored) != ("y_test" in stored):
            raise InputError(
                f"data.path must hold x and y, and x_test and y_test both or neither, {path.name} holds "
                f"{', '.join(stored) or 'nothing'}"
            )
        x = stored["x"]
        for name in stored.keys() & {"x", "x_test"}:
            check_numbers(stored[name], f"{name} of {path.name}")
        classes, y = of_values("data.path", stored["y"], f"y of {path.name}")
        check_lengths(x, y, "x", "y", path)
        check_classes("data.path", classes, y, f"y of {path.name}")
        y_test = None
        if "x_test" in stored:
            if stored["x_test"].shape[1:] != x.shape[1:] or stored["x_test"].dtype != x.dtype:
                kinds = (f"{each.dtype} {each.shape}" for each in (stored["x_test"], x))
                raise InputError("data.path must hold an x_test like x, {} has {} beside {}".format(path.name, *kinds))
            y_test = test_labels(stored["y_test"], classes, path)
            check_lengths(stored["x_test"], y_test, "x_test", "y_test", path)
        return Samples(
            x=x,
            y=y,
            parts=self.draw_parts(len(y), test=y_test is None),
            classes=classes,
            encoding=Whole(x.shape[-1] if x.ndim == 4 else 1 if x.ndim == 3 else x.shape[1]),
            x_test=stored.get("x_test"),
            y_test=y_test,
            image_shape=() if x.ndim == 2 else (*x.shape[1:3], *(x.shape[3:] or (1,))),
        )


def extract(path: Path, scratch: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file, mapped into memory from copies in a scratch folder.

    Raises:
        InputError: it is no such file, is damaged, or holds Python objects, which are pickled.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name not in ("x.npy", "y.npy", "x_test.npy", "y_test.npy"):
                    continue
                with archive.open(name) as stored, (scratch / name).open("xb") as copy:
                    shutil.copyfileobj(stored, copy, 1 << 20)
                arrays[name.removesuffix(".npy")] = np.lib.format.open_memmap(scratch / name, mode="r")
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise InputError(f"data.path must be an .npz file, {path} cannot be read: {error}") from error
    except ValueError as error:  # of open_memmap
        reason = "Python objects" if "object" in str(error).lower() else f"what is no array ({error})"
        raise InputError(f"data.path must hold plain arrays, {name} of {path.name} holds {reason}") from error
    return arrays


def check_numbers(x: NDArray[Any], place: str) -> None:
    """Refuse what is no array of finite real numbers, of samples in rows or of images."""
    images = x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in CHANNELS)
    if x.dtype.kind not in "iufb" or not (x.ndim == 2 or images) or not x.size:
        raise InputError(
            f"data.path must hold real numbers x of shape (N, D), (N, height, width) or (N, height, width, channels) "
            f"with 1, 3 or 4 channels, {place} is {x.dtype} {x.shape}"
        )
    if x.dtype.kind == "f":
        size = max(1, NUMBERS_AT_A_TIME // (x.size // len(x)))
        for start in range(0, len(x), size):
            wrong = ~(np.abs(x[start : start + size]) <= np.finfo(np.float32).max)  # NaN is wrong, too
            unmap_read(x)
            if wrong.any():
                row, *rest = (int(each) for each in np.unravel_index(int(wrong.argmax()), wrong.shape))
                index = ", ".join(map(str, (start + row, *rest)))
                value = x[(start + row, *rest)]
                raise InputError(
                    f"data.path must hold numbers that are finite in float32, {place} holds {value} at [{index}]"
                )


def check_lengths(x: NDArray[Any], y: NDArray[Any], of_x: str, of_y: str, path: Path) -> None:
    """Refuse samples and labels of different number."""
    if len(x) != len(y):
        raise InputError(
            f"data.path must hold as many {of_y} as {of_x}, {path.name} has {of_x} {x.shape} and {of_y} {y.shape}"
        )


def test_labels(labels: NDArray[Any], classes: Sequence[str], path: Path) -> NDArray[np.intp]:
    """Return the class of each label (N,).

    Raises:
        InputError: a label that is none of the classes.
    """
    names, codes = of_values("data.path", labels, f"y_test of {path.name}")
    for name in names:
        if name not in classes:
            raise InputError(
                f"data.path must hold a y_test of the classes of y, {path.name} has {name!r}, which y has not"
            )
    return np.array([classes.index(name) for name in names], np.intp)[codes]
