"""data=images: a folder of the user's own that has a folder of images for each class."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge, doc
from numpy.typing import NDArray

from lrlab.data.classes import check_classes
from lrlab.data.encoding import Whole
from lrlab.data.own_arrays import Samples
from lrlab.data.own_cache import SourceFile
from lrlab.data.own_data import FilePath, OwnData, as_tuple, existing
from lrlab.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Images(OwnData):
    """Images of 8 bits in any format that Pillow reads, turned upright, standardized channel by channel.

    Args:
        test_path: a folder with the same classes for the test; None: a part of `path`.
        size: [height, width] to resize to; None: all have the same.
        color: three channels, or one of grey.
    """

    expects: ClassVar[str] = "a folder that has a folder of images for each class"

    test_path: FilePath = None
    size: Annotated[Sequence[Annotated[int, Ge(1)]], doc("null or [height, width]")] | None = None
    color: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        as_tuple(self, "size")

    def files(self) -> list[SourceFile]:
        found = (
            (f"{key} {name}", files) for key, root in self._roots() for name, files in classes_below(key, root).items()
        )
        return [SourceFile(part, file) for part, files in found for file in files]

    def read(self, scratch: Path) -> Samples:
        if self.size is not None and len(self.size) != 2:
            raise InputError(f"data.size must be [height, width], got {list(self.size)}")
        (key, root), *further = self._roots()
        found = classes_below(key, root)
        classes, y = tuple(found), np.repeat(np.arange(len(found)), [len(files) for files in found.values()])
        check_classes(key, classes, y, str(root))
        x = self._pixels(key, [file for files in found.values() for file in files], scratch / "x")
        x_test, y_test = None, None
        for other, folder in further:
            tests = classes_below(other, folder)
            if unknown := sorted(tests.keys() - found.keys()):
                raise InputError(f"{other} must have the classes of data.path, {folder} has {unknown[0]!r} besides")
            files = [file for each in tests.values() for file in each]
            x_test = self._pixels(other, files, scratch / "x_test", x.shape[1:])
            y_test = np.repeat([classes.index(name) for name in tests], [len(each) for each in tests.values()])
        return Samples(
            x=x,
            y=y.astype(np.intp),
            parts=self.draw_parts(len(y), test=not further),
            classes=classes,
            encoding=Whole(x.shape[-1]),
            x_test=x_test,
            y_test=None if y_test is None else y_test.astype(np.intp),
            image_shape=x.shape[1:],
        )

    def _roots(self) -> Iterator[tuple[str, Path]]:
        for key, path in ("data.path", self.path), ("data.test_path", self.test_path):
            if path is not None:
                yield key, existing(key, path, self.expects, folder=True)

    def _pixels(self, key: str, files: Sequence[Path], path: Path, shape: tuple[int, ...] = ()) -> NDArray[np.uint8]:
        """Write images (N, *shape) to a file, one after the other, and map it into memory.

        Args:
            shape: (H, W, channels); () for that of the first.
        """
        with path.open("xb") as stream:
            for file in files:
                pixels = read_image(key, file, self.size, color=self.color)
                shape = shape or pixels.shape
                if pixels.shape != shape:
                    given, others = (f"{height} x {width}" for height, width, _ in (pixels.shape, shape))
                    raise InputError(
                        f"{key} must have images of one size, {file} is {given}, those before are {others}: "
                        f"data.size=[{shape[0]},{shape[1]}] resizes them"
                    )
                stream.write(pixels.data)
        return np.memmap(path, np.uint8, "r", shape=(len(files), *shape))


def classes_below(key: str, root: Path) -> dict[str, list[Path]]:
    """Return the files of each class, both in order of their names; hidden files do not count.

    Raises:
        InputError: there is no class, or one has no images, or images or folders are where they belong to no class.
    """
    found: dict[str, list[Path]] = {}
    for entry in _visible(root):
        if entry.is_dir():
            found[entry.name] = _visible(entry)
            inner = next((path for path in found[entry.name] if path.is_dir()), None)
            if inner:
                raise InputError(f"{key} must have a folder of images for each class, {inner} is a folder in a class")
            if not found[entry.name]:
                raise InputError(f"{key} must have images of each class, there are none in {entry}")
        elif _is_named_as_image(entry):
            raise InputError(f"{key} must have a folder of images for each class, {entry} is in none")
    if not found:
        raise InputError(f"{key} must have a folder of images for each class, there is none in {root}")
    return found


def read_image(key: str, path: Path, size: Sequence[int] | None, *, color: bool) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) or (H, W, 1) of an image, as a viewer shows it.

    Raises:
        InputError: it cannot be read, or has more than 8 bits, several frames, or transparent pixels.
    """
    from PIL import Image, ImageOps

    try:
        Image.init()
        with Image.open(
            path, formats=[name for name in Image.OPEN if name != "EPS"]
        ) as stored:  # that runs Ghostscript
            reason = _unusable(stored)
            if reason is None:
                upright = ImageOps.exif_transpose(stored).convert("RGB" if color else "L")
                if size:
                    upright = upright.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                return np.asarray(upright, np.uint8).reshape(upright.height, upright.width, -1)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = "cannot be read: " + " ".join(str(error).replace(os.fspath(path), "it").split())
    raise InputError(f"{key} must have images of 8 bits that Pillow reads, {path} {reason}")


def _unusable(image: "Image.Image") -> str | None:
    """Return why an image cannot be used, None if it can."""
    if getattr(image, "n_frames", 1) > 1:
        return f"has {image.n_frames} frames"  # type: ignore[attr-defined]
    if image.mode.startswith(("I", "F")):
        return f"has more than 8 bits (mode {image.mode})"
    if "A" in image.getbands() or "transparency" in image.info:
        lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if lowest != 255:  # what is behind is not known
            return "is transparent"
    return None


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_named_as_image(path: Path) -> bool:
    from PIL import Image

    return path.suffix.lower() in Image.registered_extensions()
