import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lrlab.core.model import MLP, Layer, Linear, Model

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
INPUTS, CLASSES = 6, 3
MEAN, SCALE = np.linspace(3, 5, INPUTS), np.linspace(1, 2, INPUTS)


def classifier(path: Path, layers: list[Layer], shape: tuple[int, ...] = (INPUTS,), columns: tuple = ()):
    """The classifier of a stored file, as MLflow loads it."""
    from lrlab.tracking.classifier import Classifier

    described = path.with_name("input.json")
    described.write_text(json.dumps({"shape": shape, "columns": columns}))
    arrays = {f"{name}{i}": array[0] for i, layer in enumerate(layers, 1) for name, array in layer._asdict().items()}
    np.savez(path, allow_pickle=False, mean=MEAN, scale=SCALE, **arrays)
    loaded = Classifier()
    loaded.load_context(SimpleNamespace(artifacts={"arrays": str(path), "input": str(described)}))
    return loaded


def drawn(model: Model, dtype: type) -> list[Layer]:
    rng = np.random.default_rng(1)
    shapes = [(layer.W.shape, layer.b.shape) for layer in model.init(rng, INPUTS, CLASSES)]
    return [Layer(rng.standard_normal(W).astype(dtype), rng.standard_normal(b).astype(dtype)) for W, b in shapes]


@pytest.mark.parametrize("model", [Linear(), MLP([5]), MLP([4] * 10)], ids=str)  # of 10, W10 sorts before W2
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_scores_are_those_of_the_model_that_was_trained(tmp_path: Path, model: Model, dtype: type) -> None:
    layers = drawn(model, dtype)
    x: np.ndarray = np.random.default_rng(2).standard_normal((7, INPUTS)).astype(dtype)
    scores = classifier(tmp_path / "arrays.npz", layers).predict(None, x)
    h = (x.astype(np.float64) - MEAN) / SCALE
    for i, layer in enumerate(layers):
        h = h @ layer.W[0].T.astype(np.float64) + layer.b[0]
        h = np.maximum(h, 0) if i < len(layers) - 1 else h
    assert (scores.shape, scores.dtype) == ((7, CLASSES), dtype)
    np.testing.assert_allclose(scores, h, rtol=1e-4, atol=1e-4 * np.abs(h).max())
    assert (scores < 0).any()  # the last layer has no ReLU


def test_images_in_another_type_are_scored_in_the_weights_own(tmp_path: Path) -> None:
    loaded = classifier(tmp_path / "arrays.npz", drawn(Linear(), np.float32))
    images = [[0, 255, 3, 4, 5, 6]]
    expected = loaded.predict(None, np.array(images, np.float32))
    for given in (images, np.array(images, np.uint8), np.array(images, np.float64)):
        scores = loaded.predict(None, given)
        assert scores.dtype == np.float32
        np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("shape", [(INPUTS,), (2, INPUTS + 1), (2, 2, 3), (0,)])
def test_images_of_another_shape_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    loaded = classifier(tmp_path / "arrays.npz", drawn(Linear(), np.float32))
    with pytest.raises(ValueError, match=rf"samples must have the shape \(N, 6\), got {re.escape(str(shape))}"):
        loaded.predict(None, np.zeros(shape))


def test_a_pickle_among_the_weights_is_refused(tmp_path: Path) -> None:
    from lrlab.tracking.classifier import Classifier

    np.savez(tmp_path / "arrays.npz", mean=np.zeros(1), scale=np.ones(1), W1=np.array([object()]), b1=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        Classifier().load_context(SimpleNamespace(artifacts={"arrays": str(tmp_path / "arrays.npz")}))


def test_images_and_their_rows_are_scored_alike(tmp_path: Path) -> None:
    layers, images = drawn(MLP([5]), np.float32), np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3)
    loaded = classifier(tmp_path / "arrays.npz", layers, shape=(1, 2, 3))
    scores = loaded.predict(None, images)
    rows = classifier(tmp_path / "arrays.npz", layers).predict(None, images.reshape(2, -1))
    np.testing.assert_array_equal(scores, rows)


COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "age", "categories": [], "fill": None},
    {"name": "zip, code", "categories": ["01", "7", "NA"], "fill": None},
    {"name": "height", "categories": [], "fill": 1.5},
    {"name": "color", "categories": ["red"], "fill": "red"},
)
ROW: dict[str, object] = {"age": 3, "zip, code": "7", "height": 2.5, "color": "red"}


def encoded(**changes: object) -> list[float]:
    from lrlab.tracking.classifier import encode

    (row,) = encode(COLUMNS, {name: [value] for name, value in (ROW | changes).items()})
    return row.tolist()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [3, 0, 1, 0, 2.5, 1]),
        ({"age": " -4e1 "}, [-40, 0, 1, 0, 2.5, 1]),
        ({"age": np.float32(0.5)}, [0.5, 0, 1, 0, 2.5, 1]),
        ({"zip, code": "01"}, [3, 1, 0, 0, 2.5, 1]),
        ({"zip, code": 7}, [3, 0, 1, 0, 2.5, 1]),
        ({"zip, code": 7.0}, [3, 0, 1, 0, 2.5, 1]),
        ({"zip, code": "NA"}, [3, 0, 0, 1, 2.5, 1]),
        ({"height": None}, [3, 0, 1, 0, 1.5, 1]),
        ({"height": float("nan"), "color": ""}, [3, 0, 1, 0, 1.5, 1]),
    ],
)
def test_a_row_of_a_table_is_encoded(changes: dict, expected: list[float]) -> None:
    assert encoded(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"age": "old"}, "row 1, column 'age' must be a finite number, got 'old'"),
        ({"age": float("inf")}, "row 1, column 'age' must be a finite number, got inf"),
        ({"age": None}, "row 1, column 'age' is missing"),
        ({"zip, code": 1}, "row 1, column 'zip, code' must be one of 01, 7, NA, got 1"),
        ({"color": "mauve"}, "row 1, column 'color' must be one of red, got 'mauve'"),
    ],
)
def test_a_row_that_the_training_did_not_know_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        encoded(**changes)


def test_a_table_without_a_column_is_refused() -> None:
    from lrlab.tracking.classifier import encode

    with pytest.raises(ValueError, match=r"^column 'zip, code' is missing$"):
        encode(COLUMNS, {"age": [1]})
