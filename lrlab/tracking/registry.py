"""Confirmed models in MLflow's Model Registry: arrays as .npz and a file of code, no pickle anywhere."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.errors import InputError
from lrlab.tracking import database
from lrlab.tracking.client_settings import client_settings
from lrlab.tracking.client_store import client_class
from lrlab.tracking.database import without_password
from lrlab.tracking.place import REGISTRY, uri_of
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

logger = logging.getLogger(__name__)

CODE = Path(__file__).with_name("classifier.py")
ALIAS = "confirmed"


@dataclass(frozen=True)
class Model:
    """A trained model, complete: it takes samples as they were published.

    Attributes:
        weights: W1 (out, in), b1 (out,), W2, ...
        mean, scale: (D,) each; the model was trained on (sample - mean) / scale.
        classes: names of the classes, in the order of the scores.
        example: a sample: (1, *shape), or of a table a value for each column.
        columns: of a table: name, categories (none of numbers) and fill (None if no value may be missing) of each.
    """

    weights: Mapping[str, np.ndarray]
    mean: np.ndarray
    scale: np.ndarray
    classes: Sequence[str]
    example: np.ndarray | Mapping[str, Any]
    columns: Sequence[Mapping[str, Any]] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of a sample; () of a table."""
        return self.example.shape[1:] if isinstance(self.example, np.ndarray) else ()


@dataclass(frozen=True)
class Registration:
    """What became of a model.

    Attributes:
        uri: what `mlflow.pyfunc.load_model` takes: models:/NAME@confirmed, or models:/NAME/VERSION without the alias.
        said: where the alias points now and pointed before, in one line; "" for the first version.
    """

    uri: str
    said: str


@dataclass(frozen=True)
class Registry:
    """MLflow's Model Registry.

    Attributes:
        uri: MLflow's tracking URI; None for the store in `outputs`.
        registry_uri: of the registry, if that is another store.
    """

    uri: str | None
    outputs: str
    registry_uri: str | None = None

    @classmethod
    def beside(cls, uri: str, outputs: str) -> "Registry":
        """Return the registry in MLFLOW_REGISTRY_URI, which a line says; without that, the one of the tracking store.

        Raises:
            InputError: that is no address of a store.
        """
        registry = uri_of(REGISTRY)
        if registry:
            logger.info("%s: the model is registered in %s", REGISTRY, without_password(registry))
        return cls(uri, outputs, registry)

    def check(self) -> None:
        """Ask for a model, so that a registry which cannot be reached is known before there is one to register.

        Raises:
            InputError: the store cannot be reached, or has no model registry.
        """
        with self._client() as client:
            client.search_registered_models(max_results=1)

    def register(self, run_id: str, name: str, model: Model, description: str, accuracy: float) -> Registration:
        """Register the newest version of a model, and let the alias `confirmed` point at it if it is better.

        Args:
            run_id: the run that the model came from; MLflow lists it there, and among the experiment's models.
            name: of the registered model.
            description: of this version.
            accuracy: on the test split; the version that the alias points at has its own.

        Raises:
            InputError: the store cannot be reached, or will not take it.
        """
        with self._client() as client, tempfile.TemporaryDirectory() as scratch:
            tags = {Tag.TEST_ACCURACY: f"{accuracy:.4f}"}
            logged = _log(client, run_id, name, model, tags, Path(scratch) / "model")
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name)
            new = client.create_model_version(
                name, logged.artifact_location, run_id, tags=tags, description=description, model_id=logged.model_id
            ).version
            versions = json.dumps([{"name": name, "version": new}])
            client.set_logged_model_tags(logged.model_id, {Tag.MODEL_VERSIONS: versions})
            old = client.get_registered_model(name).aliases.get(ALIAS)
            before = client.get_model_version(name, old).tags.get(Tag.TEST_ACCURACY) if old else None
            if before and float(tags[Tag.TEST_ACCURACY]) <= float(before):
                said = f"@{ALIAS} stays at version {old}, whose test accuracy is {before}; the new version is {new}"
                return Registration(f"models:/{name}/{new}", said)
            client.set_registered_model_alias(name, ALIAS, new)
        moved = f"@{ALIAS} moved from version {old} (test accuracy {before or 'unknown'}) to version {new}"
        return Registration(f"models:/{name}@{ALIAS}", moved if old else "")

    @contextmanager
    def _client(self) -> "Iterator[MlflowClient]":
        """Yield MLflow's client; what the store says against a request becomes an `InputError`."""
        runs = database.address(self.uri, self.outputs)
        models = database.address(self.registry_uri, self.outputs) if self.registry_uri else runs
        with (
            client_settings,
            warnings.catch_warnings(),
            database.plain_address(runs) as runs_address,
            database.plain_address(models) as models_address,
        ):
            warnings.simplefilter("ignore")  # MLflow's, of its own libraries and of models other than this one
            client = client_class()
            from mlflow.exceptions import MlflowException

            try:
                yield client(runs_address, models_address)
            except (MlflowException, OSError) as error:
                reason = without_password(str(error).strip().partition("\n")[0])
                key = REGISTRY if self.registry_uri else "tracking.uri"
                raise InputError(f"{key} must name a store with a model registry ({reason})") from error


def _log(
    client: "MlflowClient", run_id: str, name: str, model: Model, tags: Mapping[str, str], folder: Path
) -> "LoggedModel":
    """Make a model one of the logged models of the experiment of a run, as what came out of that run."""
    from mlflow.entities import LoggedModelOutput

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name, run_id, dict(tags), model_type="classifier")
    try:
        save_model(folder, model, logged.model_id)
        client.log_model_artifacts(logged.model_id, str(folder))
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    logged = client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged


def save_model(folder: Path, model: Model, model_id: str | None = None) -> None:
    """Write a model in MLflow's format into a new folder.

    Args:
        model_id: of the logged model that it becomes.
    """
    from mlflow.models import Model as Description
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import save_model
    from mlflow.types import ColSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType

    samples: Schema
    if isinstance(model.example, np.ndarray):
        samples = Schema([TensorSpec(model.example.dtype, (-1, *model.shape))])
        example: Any = model.example
    else:
        # MLflow would refuse whole numbers where there were fractions; the model checks the values itself
        anything = AnyType()  # type: ignore[no-untyped-call, unused-ignore]
        samples = Schema([ColSpec(anything, column["name"], required=False) for column in model.columns])
        example = [dict(model.example)]
    scores = TensorSpec(model.weights["W1"].dtype, (-1, len(model.classes)))
    mlflow_logger = logging.getLogger("mlflow")
    level = mlflow_logger.level
    mlflow_logger.setLevel(logging.ERROR)  # its warnings are hints for models other than this one
    try:
        with tempfile.TemporaryDirectory() as scratch:
            stored = Path(scratch) / "arrays.npz"
            np.savez(stored, allow_pickle=False, mean=model.mean, scale=model.scale, **model.weights)
            described = Path(scratch) / "input.json"
            described.write_text(json.dumps({"shape": model.shape, "columns": list(model.columns)}), encoding="utf-8")
            save_model(
                folder,
                python_model=str(CODE),
                artifacts={"arrays": str(stored), "input": str(described)},
                signature=ModelSignature(samples, Schema([scores])),
                input_example=example,
                mlflow_model=Description(model_id=model_id),
                metadata={"classes": list(model.classes)} | ({"columns": list(model.columns)} if model.columns else {}),
                pip_requirements=[f"mlflow=={version('mlflow')}", f"numpy=={np.__version__}"],
            )
    finally:
        mlflow_logger.setLevel(level)
