"""A registered model: MLflow keeps this very file with the model and runs it to load it. It needs NumPy alone."""

from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class Classifier(PythonModel):  # type: ignore[misc, unused-ignore]
    """Compute the scores of a linear classifier or a ReLU network.

    arrays.npz holds mean (D,) and scale (D,) of the images, then W1 (out, in), b1 (out,), W2, ...
    """

    def load_context(self, context: Any) -> None:
        with np.load(context.artifacts["arrays"], allow_pickle=False) as stored:
            self.mean, self.scale = stored["mean"], stored["scale"]
            self.layers = [(stored[f"W{i}"], stored[f"b{i}"]) for i in range(1, len(stored.files) // 2)]

    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Return class scores (N, C) of images (N, D) as they were published; the class is their argmax."""
        images = np.asarray(model_input)
        if images.ndim != 2 or images.shape[1] != len(self.mean):
            raise ValueError(f"images must have the shape (N, {len(self.mean)}), one a row, got {images.shape}")
        standardized = ((images - self.mean) / self.scale).astype(np.float32)  # as the images of the training were
        h = standardized.astype(self.layers[0][0].dtype)
        for W, b in self.layers[:-1]:
            h = np.maximum(h @ W.T + b, 0)
        W, b = self.layers[-1]
        scores: np.ndarray = h @ W.T + b
        return scores


set_model(Classifier())
