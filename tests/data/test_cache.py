import json
from pathlib import Path

import pytest

from lrlab.data import cache
from lrlab.data.cifar10 import Cifar10
from lrlab.data.download import fetch_images
from lrlab.errors import InputError
from tests.data.small import Sample


@pytest.mark.parametrize(
    ("root", "environment", "expected"),
    [
        ("/given", {"LRLAB_DATA": "/variable", "XDG_CACHE_HOME": "/cache"}, "/given/cifar10"),
        ("~/given", {}, "/home/me/given/cifar10"),
        (None, {"LRLAB_DATA": "/variable", "XDG_CACHE_HOME": "/cache"}, "/variable/cifar10"),
        (None, {"LRLAB_DATA": "~/variable"}, "/home/me/variable/cifar10"),
        (None, {"LRLAB_DATA": "", "XDG_CACHE_HOME": "/cache"}, "/cache/lrlab/cifar10"),
        (None, {}, "/home/me/.cache/lrlab/cifar10"),
    ],
)
def test_where_data_lies(monkeypatch, root, environment, expected) -> None:
    for name in ("LRLAB_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert cache.folder_of("cifar10", root) == Path(expected)


@pytest.mark.parametrize(
    ("root", "environment", "key"),
    [(None, {}, "data.root or LRLAB_DATA"), ("~/data", {}, "data.root"), (None, {"LRLAB_DATA": "~/x"}, "LRLAB_DATA")],
)
def test_without_a_home_directory_the_keys_are_named(monkeypatch, root, environment, key) -> None:
    for name in ("LRLAB_DATA", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    with pytest.raises(InputError, match=f"^{key} must .*no home directory"):
        cache.folder_of("cifar10", root)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache.folder_of("cifar10", "/given") == Path("/given/cifar10")


def test_a_relative_root_is_made_absolute(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache.folder_of("cifar10", "here") == tmp_path / "here" / "cifar10"


def test_not_fetched_says_the_command(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path))
    for refused in (Cifar10().verify, Cifar10().load):
        with pytest.raises(InputError, match=r"data cifar10 is not fetched .*; run: lrlab data fetch cifar10$"):
            refused()
    with pytest.raises(InputError, match=r"run: lrlab data fetch cifar10 --root \S*/elsewhere$"):
        Cifar10(root=str(tmp_path / "elsewhere")).verify()
    assert not any(tmp_path.iterdir())


@pytest.fixture
def fetched(cifar: Sample, tmp_path: Path) -> tuple[Sample, Path, str]:
    """The sample, fetched: with its folder in the cache and the root of that."""
    root = tmp_path / "cache"
    fetch_images(cifar.images, str(root), cifar.folder)
    return cifar, root / "cifar10", str(root)


FILES = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", *cache.ARRAYS]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "truncated", "longer", "altered"])
def test_damage_is_refused_by_name_and_mended(fetched, name, damage) -> None:
    sample, folder, root = fetched
    path = folder / name
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(content[:-1])
        case "longer":
            path.write_bytes(content + b"!")
        case "altered":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError) as refusal:
        cache.verify(sample.images, root)
    assert str(path) in str(refusal.value)
    assert str(refusal.value).endswith(f"run: lrlab data fetch cifar10 --root {root}")
    if damage != "altered":  # seen by its size already
        with pytest.raises(InputError, match=name):
            cache.open_verified(sample.images, root)
    fetch_images(sample.images, root, sample.folder)
    cache.verify(sample.images, root)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"digest": "0", "files": 1}',
        b'{"digest": "0", "files": {"a": {}}}',
        b'{"digest": "0", "files": {"a": 1}}',
        b'{"digest": "0", "files": {}}',
    ],
)
def test_a_damaged_manifest_is_refused_and_mended(fetched, content) -> None:
    sample, folder, root = fetched
    good = (folder / cache.MANIFEST).read_bytes()
    (folder / cache.MANIFEST).write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.json .*run: lrlab data fetch cifar10"):
        cache.verify(sample.images, root)
    fetch_images(sample.images, root, None)  # the official files are there
    assert (folder / cache.MANIFEST).read_bytes() == good


def test_a_manifest_of_an_earlier_version_is_read(fetched) -> None:
    sample, folder, root = fetched
    path = folder / cache.MANIFEST
    now = cache.Manifest.read(folder)
    path.write_text(json.dumps({"digest": "0" * 64, **json.loads(path.read_text())}))
    cache.verify(sample.images, root)
    assert cache.open_verified(sample.images, root)[1] == now
