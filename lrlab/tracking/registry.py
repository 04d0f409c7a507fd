"""Confirmed models in MLflow's Model Registry: weights as .npz and a file of code, no pickle anywhere."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrlab.errors import InputError
from lrlab.tracking import database
from lrlab.tracking.client_store import client_class, client_settings, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

CODE = Path(__file__).with_name("classifier.py")
ALIAS = "confirmed"


@dataclass(frozen=True)
class Registry:
    """MLflow's Model Registry.

    Attributes:
        uri: MLflow's tracking URI; None for the store in `outputs`.
    """

    uri: str | None
    outputs: str

    def check(self) -> None:
        """Ask for a model, so that a registry which cannot be reached is known before there is one to register.

        Raises:
            InputError: the store cannot be reached, or has no model registry.
        """
        with self._client() as client:
            client.search_registered_models(max_results=1)

    def register(
        self, run_id: str, name: str, weights: Mapping[str, np.ndarray], classes: Sequence[str], description: str
    ) -> str:
        """Register weights as the newest version of a model, and let the alias `confirmed` point at it.

        Args:
            run_id: the run that the model belongs to; its artifacts hold it under model/.
            name: of the registered model.
            weights: W1 (out, in), b1 (out,), W2, ...
            classes: names of the classes, in the order of the scores.
            description: of this version.

        Returns:
            Its URI for `mlflow.pyfunc.load_model`: models:/NAME@confirmed.

        Raises:
            InputError: the store cannot be reached, or will not take it.
        """
        with self._client() as client, tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "model"
            save_model(model, weights, classes)
            client.log_artifacts(run_id, str(model), "model")
            if not client.search_registered_models(f"name = '{name}'"):
                client.create_registered_model(name)
            source = f"{client.get_run(run_id).info.artifact_uri}/model"
            made = client.create_model_version(name, source, run_id, description=description)
            client.set_registered_model_alias(name, ALIAS, made.version)
        return f"models:/{name}@{ALIAS}"

    @contextmanager
    def _client(self) -> "Iterator[MlflowClient]":
        """Yield MLflow's client; what the store says against a request becomes an `InputError`."""
        with client_settings, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's, of its own libraries and of models other than this one
            client = client_class()
            from mlflow.exceptions import MlflowException

            try:
                yield client(database.address(self.uri, self.outputs))
            except (MlflowException, OSError) as error:
                reason = without_password(str(error).strip().partition("\n")[0])
                raise InputError(f"tracking.uri must name a store with a model registry ({reason})") from error


def save_model(folder: Path, weights: Mapping[str, np.ndarray], classes: Sequence[str]) -> None:
    """Write a model in MLflow's format into a new folder."""
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import save_model
    from mlflow.types import Schema, TensorSpec

    features, dtype = weights["W1"].shape[1], weights["W1"].dtype
    scores = TensorSpec(dtype, (-1, len(classes)))
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)  # its warnings are hints for models other than this one
    try:
        with tempfile.TemporaryDirectory() as scratch:
            stored = Path(scratch) / "weights.npz"
            np.savez(stored, allow_pickle=False, **weights)
            save_model(
                folder,
                python_model=str(CODE),
                artifacts={"weights": str(stored)},
                signature=ModelSignature(Schema([TensorSpec(dtype, (-1, features))]), Schema([scores])),
                metadata={"classes": list(classes)},
                pip_requirements=[f"mlflow=={version('mlflow')}", f"numpy=={np.__version__}"],
            )
    finally:
        logger.setLevel(level)
