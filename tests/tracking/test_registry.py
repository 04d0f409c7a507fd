import logging
import warnings
from pathlib import Path

import numpy as np
import pytest

from lrlab.errors import InputError
from lrlab.tracking.client_store import client_class
from lrlab.tracking.database import address
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.registry import Registry, save_model

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's libraries; `Registry.register` leaves them out as well
CLASSES = ("a", "b")


def weights(value: float = 0) -> dict[str, np.ndarray]:
    return {"W1": np.full((2, 3), value, np.float32), "b1": np.arange(2, dtype=np.float32)}


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
        save_model(tmp_path / "model", weights(), CLASSES)
        assert logger.level == level
    finally:
        logger.setLevel(before)
    assert (tmp_path / "model" / "MLmodel").is_file()


def test_a_saved_model_states_its_classes_and_its_shapes_and_holds_no_pickle(tmp_path: Path) -> None:
    from mlflow.pyfunc import load_model

    save_model(tmp_path / "model", weights(2), CLASSES)
    loaded = load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(np.ones((1, 3), np.float32)), [[6, 7]])
    assert loaded.metadata.metadata == {"classes": ["a", "b"]}
    assert [spec.shape for spec in (*loaded.metadata.signature.inputs, *loaded.metadata.signature.outputs)] == [
        (-1, 3),
        (-1, 2),
    ]
    stored = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert ".npz" in stored
    assert not stored & {".pkl", ".pickle", ".joblib"}


def test_the_alias_points_at_the_newest_version_and_the_older_one_stays(outputs: str) -> None:
    runs = [new_run(outputs), new_run(outputs)]
    registry = Registry(None, outputs)
    uris = [registry.register(run_id, "net", weights(k), CLASSES, f"version {k}") for k, run_id in enumerate(runs)]
    assert uris == ["models:/net@confirmed"] * 2
    client = client_class()(address(None, outputs))
    newest = client.get_model_version_by_alias("net", "confirmed")
    assert (int(newest.version), newest.run_id, newest.description) == (2, runs[1], "version 1")
    assert client.get_model_version("net", "1").run_id == runs[0]
    for k, run_id in enumerate(runs):  # what each version is made from lies with its own run
        (stored,) = Path(outputs).rglob(f"{run_id}/artifacts/model/artifacts/weights.npz")
        with np.load(stored, allow_pickle=False) as arrays:
            assert (arrays["W1"] == k).all()


def test_warnings_of_mlflow_do_not_reach_the_caller(outputs: str) -> None:
    run_id = new_run(outputs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Registry(None, outputs).register(run_id, "net", weights(), CLASSES, "")
    assert caught == []


def test_a_run_that_is_not_in_the_store_is_refused_in_one_line(outputs: str) -> None:
    with pytest.raises(InputError, match=r"^tracking\.uri must name a store with a model registry \([^\n]*\)$"):
        Registry(None, outputs).register("0" * 32, "net", weights(), CLASSES, "")
    assert list(client_class()(address(None, outputs)).search_registered_models()) == []
