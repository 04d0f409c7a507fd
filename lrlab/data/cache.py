"""The folders of fetched data sets, and the checks that they hold what was fetched.

A data set's folder holds its official files, the arrays prepared from them, and `manifest.json`, which is
written last and holds size and sha256 of both. Opening looks at the sizes, `verify` at the content of what has been
touched since it was last looked at, `verify_all` at everything.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lrlab.config.command_line import command
from lrlab.data.file_digest import FileDigest, current_digests, read_digests
from lrlab.data.spec import DatasetSpec
from lrlab.data.verified_files import atomic_write
from lrlab.errors import InputError
from lrlab.runtime.home import cache

ARRAYS = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The files that a folder must hold."""

    files: dict[str, FileDigest]

    @classmethod
    def of(cls, images: DatasetSpec, folder: Path) -> "Manifest":
        names = (*(spec.name for spec in images.files), *ARRAYS)
        return cls({name: FileDigest.of(folder / name) for name in names})

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        content = json.loads((folder / MANIFEST).read_bytes())
        return cls({name: FileDigest(**file) for name, file in content["files"].items()})

    @property
    def arrays_digest(self) -> str:
        """Return the SHA-256 (hex) over those of the prepared arrays' files, which begin with dtype and shape."""
        return hashlib.sha256("".join(self.files[name].sha256 for name in ARRAYS).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        with atomic_write(folder / MANIFEST) as stream:
            stream.write(json.dumps(asdict(self), indent=2).encode())


def folder_of(name: str, root: str | None = None) -> Path:
    """Return the folder of a data set below `root`; by default $LRLAB_DATA, else the user's cache.

    Raises:
        InputError: the user has no home directory, or none that a ~ could stand for.
    """
    chosen = root or os.environ.get("LRLAB_DATA")
    if chosen:
        try:
            return Path(chosen).expanduser().absolute() / name
        except RuntimeError:
            key = "data.root" if root else "LRLAB_DATA"
            raise InputError(f"{key} must have no ~, as there is no home directory, got {chosen!r}") from None
    folder = cache()
    if folder is None:
        raise InputError("data.root or LRLAB_DATA must name the folder of the data sets: there is no home directory")
    return folder / name


def open_verified(images: DatasetSpec, root: str | None = None) -> tuple[Path, Manifest]:
    """Return the folder of a fetched data set and its manifest, once every file is there with its size.

    Raises:
        InputError: not fetched, or a file is missing or truncated; names it and the command that mends it.
    """
    folder, mend = folder_of(images.name, root), f"run: {fetch_command(images.name, root)}"
    try:
        manifest = Manifest.read(folder)
    except FileNotFoundError:
        raise InputError(f"data {images.name} is not fetched (nothing in {folder}); {mend}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"data file {folder / MANIFEST} cannot be read ({error}); {mend}") from error
    for name in (*(spec.name for spec in images.files), *ARRAYS):
        path, expected = folder / name, manifest.files.get(name)
        if expected is None:
            raise InputError(f"data file {folder / MANIFEST} lacks {name}; {mend}")
        if not path.is_file():
            raise InputError(f"data file {path} is missing; {mend}")
        if (size := path.stat().st_size) != expected.size:
            raise InputError(f"data file {path} has {size} bytes, expected {expected.size}; {mend}")
    return folder, manifest


def verify(images: DatasetSpec, root: str | None = None) -> None:
    """Compare every file of a fetched data set with the manifest; read are those touched since the last time.

    Raises:
        InputError: as `open_verified`, or a file has another content than the one that was fetched or prepared.
    """
    _compare(images, root, current_digests)


def verify_all(images: DatasetSpec, root: str | None = None) -> None:
    """Do as `verify`, but read every file: a disk may fail without a trace."""
    _compare(images, root, read_digests)


def _compare(
    images: DatasetSpec, root: str | None, digests_of: Callable[[Path, Sequence[str]], Mapping[str, FileDigest]]
) -> None:
    folder, manifest = open_verified(images, root)
    digests = digests_of(folder, list(manifest.files))
    for name, expected in manifest.files.items():
        if digests[name] != expected:
            mend = fetch_command(images.name, root)
            raise InputError(f"data file {folder / name} is altered (its sha256 differs); run: {mend}")


def fetch_command(name: str, root: str | None = None, *options: str) -> str:
    """Return the command a user types to fetch or mend a data set."""
    return command("data", "fetch", name, *options, *(["--root", root] if root else []))
