import json
import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.errors import InputError
from lrlab.tracking.artifacts import directory
from lrlab.tracking.client_store import client_class
from lrlab.tracking.database import address
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.place import REGISTRY
from lrlab.tracking.registry import Model, Registry, save_model
from lrlab.tracking.tags import Tag

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's libraries; `Registry.register` leaves them out as well
CLASSES = ("a", "b")


def model(value: float = 0) -> Model:
    """A linear classifier of three pixels, trained on (pixel - 1) / 2."""
    weights = {"W1": np.full((2, 3), value, np.float32), "b1": np.arange(2, dtype=np.float32)}
    return Model(weights, np.full(3, 1.0), np.full(3, 2.0), CLASSES, np.ones((1, 3), np.float32))


def new_run(outputs: str) -> str:
    with Mlflow().open(outputs) as tracker:
        return tracker.create_run("confirm")


@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG])
def test_saving_a_model_leaves_the_log_level_of_mlflow(tmp_path: Path, level: int) -> None:
    logger = logging.getLogger("mlflow")
    import mlflow.pyfunc  # noqa: F401  sets the level of its logger when it is imported

    before = logger.level
    logger.setLevel(level)
    try:
        save_model(tmp_path / "model", model())
        assert logger.level == level
    finally:
        logger.setLevel(before)
    assert (tmp_path / "model" / "MLmodel").is_file()


def test_a_saved_model_states_its_classes_and_its_shapes_and_holds_no_pickle(tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import load_model

    save_model(tmp_path / "model", model(2))
    loaded = load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(np.full((1, 3), 3, np.float32)), [[6, 7]])
    np.testing.assert_array_equal(loaded.input_example, np.ones((1, 3)))
    with pytest.raises(MlflowException, match=r"\(1, 4\) does not match expected shape \(-1, 3\)"):
        loaded.predict(np.ones((1, 4), np.float32))
    assert loaded.metadata.metadata == {"classes": ["a", "b"]}
    assert [spec.shape for spec in (*loaded.metadata.signature.inputs, *loaded.metadata.signature.outputs)] == [
        (-1, 3),
        (-1, 2),
    ]
    stored = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert ".npz" in stored
    assert not stored & {".pkl", ".pickle", ".joblib"}


def test_a_saved_model_of_a_table_takes_its_rows_whatever_their_types(tmp_path: Path) -> None:
    from mlflow.pyfunc import load_model
    from pandas import DataFrame

    weights = {"W1": np.eye(2, 3, dtype=np.float32), "b1": np.zeros(2, np.float32)}
    columns: list[dict[str, Any]] = [
        {"name": "a b", "categories": [], "fill": None},
        {"name": "c", "categories": ["x", "y"], "fill": "y"},
    ]
    scale = np.array([2.0, 1, 1])
    save_model(tmp_path / "model", Model(weights, np.zeros(3), scale, CLASSES, {"a b": 4.0, "c": "x"}, columns))
    loaded = load_model(str(tmp_path / "model"))
    assert loaded.input_example == [{"a b": 4.0, "c": "x"}]
    assert loaded.metadata.metadata == {"classes": ["a", "b"], "columns": columns}
    rows: list[dict[str, Any]] = [{"a b": 4, "c": "x"}, {"c": "x", "a b": 4.0, "more": None}, {"a b": "4", "c": "x"}]
    for row in rows:
        np.testing.assert_array_equal(loaded.predict(DataFrame([row])), [[2, 1]])
    np.testing.assert_array_equal(loaded.predict([{"a b": 4, "c": None}]), [[2, 0]])
    wrong: dict[str, dict[str, Any]] = {"'a b' is missing": {"c": "x"}, "one of x, y, got 'z'": {"a b": 1, "c": "z"}}
    for said, row in wrong.items():
        with pytest.raises(ValueError, match=f"^[^\n]*{said}$"):
            loaded.predict(DataFrame([row]))


def test_a_saved_model_of_images_takes_them_as_they_are(tmp_path: Path) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.pyfunc import load_model

    images = np.arange(12, dtype=np.uint8).reshape(2, 1, 2, 3)
    weights = {"W1": np.ones((2, 6), np.float32), "b1": np.zeros(2, np.float32)}
    save_model(tmp_path / "model", Model(weights, np.zeros(6), np.ones(6), CLASSES, images[:1]))
    loaded = load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(images), [[15, 15], [51, 51]])
    with pytest.raises(MlflowException, match=r"\(2, 6\) does not match expected shape \(-1, 1, 2, 3\)"):
        loaded.predict(images.reshape(2, 6))


def test_the_alias_moves_to_what_is_better_on_the_test_split_and_every_version_stays(outputs: str) -> None:
    runs = [new_run(outputs) for _ in range(4)]
    registry = Registry(None, outputs)
    accuracies = (0.9, 0.8, 0.95, 0.95)
    made = [
        registry.register(run_id, "net", model(k), f"version {k}", accuracy)
        for k, (run_id, accuracy) in enumerate(zip(runs, accuracies, strict=True))
    ]
    assert [(each.uri, each.said) for each in made] == [
        ("models:/net@confirmed", ""),
        ("models:/net/2", "@confirmed stays at version 1, whose test accuracy is 0.9000; the new version is 2"),
        ("models:/net@confirmed", "@confirmed moved from version 1 (test accuracy 0.9000) to version 3"),
        ("models:/net/4", "@confirmed stays at version 3, whose test accuracy is 0.9500; the new version is 4"),
    ]
    client = client_class()(address(None, outputs))
    confirmed = client.get_model_version_by_alias("net", "confirmed")
    assert (int(confirmed.version), confirmed.run_id, confirmed.description) == (3, runs[2], "version 2")
    assert client.get_model_version("net", "1").run_id == runs[0]
    for k, run_id in enumerate(runs):  # what each version is made from is the model that came out of its own run
        outputs_of_run = client.get_run(run_id).outputs
        assert outputs_of_run
        (logged,) = outputs_of_run.model_outputs
        found = client.get_logged_model(logged.model_id)
        assert client.get_model_version("net", str(k + 1)).source == found.artifact_location
        assert json.loads(found.tags[Tag.MODEL_VERSIONS]) == [{"name": "net", "version": k + 1}]
        assert (found.name, found.source_run_id, str(found.status)) == ("net", run_id, "READY")
        stored = directory(found.artifact_location) / "artifacts" / "arrays.npz"
        with np.load(stored, allow_pickle=False) as arrays:
            assert (arrays["W1"] == k).all()


def test_a_version_without_a_test_accuracy_gives_the_alias_up_and_it_is_said(outputs: str) -> None:
    registry, client = Registry(None, outputs), client_class()(address(None, outputs))
    registry.register(new_run(outputs), "net", model(), "", 0.9)
    client.delete_model_version_tag("net", "1", Tag.TEST_ACCURACY)
    made = registry.register(new_run(outputs), "net", model(), "", 0.1)
    assert made.said == "@confirmed moved from version 1 (test accuracy unknown) to version 2"


def test_warnings_of_mlflow_do_not_reach_the_caller(outputs: str) -> None:
    run_id = new_run(outputs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Registry(None, outputs).register(run_id, "net", model(), "", 0.5)
    assert caught == []


def test_a_run_that_is_not_in_the_store_is_refused_in_one_line(outputs: str) -> None:
    with pytest.raises(InputError, match=r"^tracking\.uri must name a store with a model registry \([^\n]*\)$"):
        Registry(None, outputs).register("0" * 32, "net", model(), "", 0.5)
    assert list(client_class()(address(None, outputs)).search_registered_models()) == []


def test_a_registry_of_its_own_takes_the_model_and_a_line_says_so(
    outputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "lrlab")
    other = tmp_path / "registry"
    other.mkdir()
    shutil.copy(f"{outputs}/mlflow.db", other / "a b.db")
    monkeypatch.setenv(REGISTRY, f"sqlite:///{other}/a b.db")
    registry = Registry.beside("outputs", outputs)
    assert caplog.messages == [f"{REGISTRY}: the model is registered in sqlite:///{other}/a b.db"]
    registry.check()
    run_id = new_run(outputs)
    assert registry.register(run_id, "net", model(), "", 0.9).uri == "models:/net@confirmed"
    client = client_class()(address(None, outputs))
    assert client.get_model_version_by_alias("net", "confirmed").run_id == run_id  # by the registry of the environment
    monkeypatch.delenv(REGISTRY)
    assert list(client_class()(address(None, outputs)).search_registered_models()) == []
    assert Registry.beside("outputs", outputs) == Registry("outputs", outputs)


@pytest.mark.parametrize("registry", ["databricks-uc", "http://127.0.0.1:1"])
def test_a_registry_that_cannot_be_used_is_named(registry: str, outputs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REGISTRY, registry)
    with pytest.raises(InputError, match=f"^{REGISTRY} must "):
        Registry.beside("outputs", outputs).check()
