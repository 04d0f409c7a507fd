from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.data.arrays import Arrays
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError

pytestmark = pytest.mark.usefixtures("own_folder")
Y = np.arange(30) % 3


def drawn(*shape: int, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (30, *shape)).astype(dtype)


def load(**arrays: Any) -> Dataset:
    np.savez("a.npz", **arrays)
    return Arrays(path="a.npz").load()


@pytest.mark.parametrize(
    ("shape", "image_shape", "channels"),
    [((7,), (), 7), ((2, 3), (2, 3, 1), 1), ((2, 3, 1), (2, 3, 1), 1), ((2, 3, 3), (2, 3, 3), 3)],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.int64])
def test_samples_are_standardized_number_by_number_and_images_channel_by_channel(
    shape: tuple[int, ...], image_shape: tuple[int, ...], channels: int, dtype: type
) -> None:
    x = drawn(*shape, dtype=dtype)
    data = load(x=x, y=Y)
    assert (data.image_shape, data.classes, data.name) == (image_shape, ("0", "1", "2"), "a")
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [18, 6, 6]
    learned = data.x[data.train].reshape(-1, channels).astype(np.float64)
    np.testing.assert_allclose(learned.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(learned.std(0), 1, atol=1e-6)
    np.testing.assert_array_equal(data.example, x[:1])
    assert data.example.dtype == dtype
    mean, std = data.standardization()
    np.testing.assert_array_equal(
        ((x.reshape(30, -1) - mean) / std).astype(np.float32)[np.isin(np.arange(30), _learn(data, x))], data.x
    )


def _learn(data: Dataset, x: np.ndarray) -> np.ndarray:
    """Return the rows of x that are not of the test."""
    mean, std = data.standardization()
    rows = ((x.reshape(len(x), -1) - mean) / std).astype(np.float32)
    return np.array([i for i, row in enumerate(rows) if (data.x == row).all(1).any()])


def test_a_file_may_bring_its_test() -> None:
    data = load(x=drawn(4), y=np.array(list("abc"))[Y], x_test=drawn(4)[:5], y_test=np.array(list("cabca")))
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [24, 6, 5]
    np.testing.assert_array_equal(data.y_test, [2, 0, 1, 2, 0])


def test_the_layout_of_the_file_does_not_matter() -> None:
    plain = load(x=drawn(4), y=Y).digest
    assert load(x=np.asfortranarray(drawn(4)), y=Y).digest == plain
    np.savez_compressed("a.npz", x=drawn(4), y=Y, other=np.zeros(1))
    assert Arrays(path="a.npz").load().digest == plain


def test_what_does_not_vary_is_zero() -> None:
    x = drawn(3)
    x[:, 1] = 1e9
    assert (load(x=x, y=Y).x[:, 1] == 0).all()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"x": drawn(3)}, "hold x and y, and x_test and y_test both or neither, a.npz holds x"),
    ({"x": drawn(3), "y": Y, "x_test": drawn(3)}, "both or neither"),
    ({"x": drawn(3), "y": Y[:-1]}, r"as many y as x, a\.npz has x \(30, 3\) and y \(29,\)"),
    ({"x": drawn(3), "y": Y, "x_test": drawn(3), "y_test": Y[:2]}, "as many y_test as x_test"),
    ({"x": drawn(3), "y": Y, "x_test": drawn(4), "y_test": Y}, "an x_test like x"),
    ({"x": drawn(3), "y": Y, "x_test": drawn(3, dtype=np.float32), "y_test": Y}, "an x_test like x"),
    ({"x": drawn(3), "y": Y, "x_test": drawn(3), "y_test": Y + 1}, "has '3', which y has not"),
    ({"x": drawn(), "y": Y}, r"x of a\.npz is float64 \(30,\)"),
    ({"x": drawn(3, 8, 8), "y": Y}, r"x of a\.npz is float64 \(30, 3, 8, 8\)"),
    ({"x": drawn(2, 2, 2, 2), "y": Y}, r"\(30, 2, 2, 2, 2\)"),
    ({"x": drawn(0), "y": Y}, r"\(30, 0\)"),
    ({"x": drawn(3) * 1j, "y": Y}, "complex128"),
    ({"x": drawn(3).astype(str), "y": Y}, "<U"),
    ({"x": np.where(drawn(3) == drawn(3)[4, 1], np.nan, drawn(3)), "y": Y}, r"x of a\.npz holds nan at \["),
    (
        {"x": drawn(3), "y": Y, "x_test": np.full((2, 3), np.inf), "y_test": Y[:2]},
        r"x_test of a\.npz holds inf at \[0, 0\]",
    ),
    ({"x": drawn(3), "y": Y * 1.0}, r"whole numbers or texts \(N,\), y of a\.npz is float64 \(30,\)"),
    ({"x": drawn(3), "y": np.eye(3)[Y].astype(int)}, r"y of a\.npz is int64 \(30, 3\)"),
    ({"x": drawn(3), "y": 0 * Y}, "two classes or more"),
    ({"x": drawn(3), "y": np.array([9, *Y[1:]])}, "two samples of each class or more, y of a.npz has one of '9'"),
    ({"x": drawn(3), "y": np.array([object()] * 30)}, r"plain arrays, y\.npy of a\.npz holds Python objects"),
    ({"x": drawn(3).astype(object), "y": Y}, r"plain arrays, x\.npy of a\.npz holds Python objects"),
    ({"x": drawn(3) * 1e160, "y": Y}, "finite in float32"),
]


@pytest.mark.parametrize(("arrays", "said"), WRONG, ids=[row[1][:50] for row in WRONG])
def test_what_cannot_be_used_is_refused_in_one_line(arrays: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^data\.path must .*{said}") as refusal:
        load(**arrays)
    assert "\n" not in str(refusal.value)
    assert not [*tmp_path.glob("cache/own/*"), *tmp_path.glob("cache/own/.*")]


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 255 for byte in content[middle : middle + 8]) + content[middle + 8 :]


@pytest.mark.parametrize("damage", [lambda content: b"", lambda content: content[: len(content) // 2], damaged])
def test_a_damaged_file_is_refused(damage: Any) -> None:
    np.savez_compressed("a.npz", x=drawn(40), y=Y)
    Path("a.npz").write_bytes(damage(Path("a.npz").read_bytes()))
    with pytest.raises(InputError, match=r"^data\.path must be an \.npz file, [^\n]* cannot be read"):
        Arrays(path="a.npz").load()


@pytest.mark.parametrize("pickled", [True, False])
def test_an_npy_file_is_refused(pickled: bool) -> None:
    np.save("a.npz.npy", np.array([{}]) if pickled else drawn(3), allow_pickle=pickled)
    with pytest.raises(InputError, match=r"^data\.path must be an \.npz file"):
        Arrays(path="a.npz.npy").load()
