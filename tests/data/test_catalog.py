from lrlab.data.catalog import available
from lrlab.data.download import fetch_images
from tests.data.small import Sample


def test_every_data_set_has_a_row(tmp_path) -> None:
    rows = {row.name: row for row in available(str(tmp_path))}
    assert {name: (row.images, row.classes) for name, row in rows.items()} == {
        "digits": (1797, 10),
        "cifar10": (60_000, 10),
        "mnist": (70_000, 10),
    }
    assert {name: row.fetched for name, row in rows.items()} == {
        "digits": True,
        "cifar10": False,
        "mnist": False,
    }
    assert rows["digits"].bytes > 0
    assert (rows["cifar10"].bytes, rows["cifar10"].path) == (0, str(tmp_path / "cifar10"))
    assert not any(tmp_path.iterdir())


def test_fetched_until_a_file_is_truncated(cifar: Sample, tmp_path) -> None:
    def row():
        return next(row for row in available(str(tmp_path / "cache")) if row.name == "cifar10")

    fetch_images(cifar.images, str(tmp_path / "cache"), cifar.folder)
    folder = tmp_path / "cache" / "cifar10"
    assert row().fetched
    assert row().bytes == sum(path.stat().st_size for path in folder.iterdir())
    (folder / "x_train.npy").write_bytes(b"")
    assert not row().fetched
