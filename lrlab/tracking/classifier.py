"""A registered model: MLflow keeps this very file with the model and runs it to load it. It needs NumPy alone."""

from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class Classifier(PythonModel):  # type: ignore[misc, unused-ignore]
    """Compute the scores of a linear classifier or a ReLU network from weights.npz: W1 (out, in), b1 (out,), W2, ..."""

    def load_context(self, context: Any) -> None:
        with np.load(context.artifacts["weights"], allow_pickle=False) as stored:
            self.layers = [(stored[f"W{i}"], stored[f"b{i}"]) for i in range(1, len(stored.files) // 2 + 1)]

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Return class scores (N, C) of images (N, D), standardized as in training; the class is their argmax."""
        h = np.asarray(model_input, dtype=self.layers[0][0].dtype)
        for W, b in self.layers[:-1]:
            h = np.maximum(h @ W.T + b, 0)
        W, b = self.layers[-1]
        scores: np.ndarray = h @ W.T + b
        return scores


set_model(Classifier())
