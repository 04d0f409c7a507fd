"""A registered model: MLflow keeps this very file with the model and runs it to load it. It needs NumPy alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")


class Classifier(PythonModel):  # type: ignore[misc, unused-ignore]
    """Compute the scores of a linear classifier or a ReLU network.

    arrays.npz holds mean (D,) and scale (D,) of the samples, then W1 (out, in), b1 (out,), W2, ...; and input.json what
    samples are: their `shape`, and of a table the `columns`, each with its name, categories and fill.
    """

    def load_context(self, context: Any) -> None:
        with np.load(context.artifacts["arrays"], allow_pickle=False) as stored:
            self.mean, self.scale = stored["mean"], stored["scale"]
            self.layers = [(stored[f"W{i}"], stored[f"b{i}"]) for i in range(1, len(stored.files) // 2)]
        with open(context.artifacts["input"], encoding="utf-8") as file:
            described = json.load(file)
        self.shape, self.columns = tuple(described["shape"]), described["columns"]

    # The hint is what MLflow asks for, else it warns; a table comes as a DataFrame.
    def predict(self, context: Any, model_input: np.ndarray, params: Any = None) -> np.ndarray:
        """Return class scores (N, C); the class is their argmax.

        Args:
            model_input: samples as they were published: an array (N, *shape), or a table with the columns by name.

        Raises:
            ValueError: another shape, or a row of a table that lacks a value or has one that the training did not know.
        """
        rows = encode(self.columns, model_input) if self.columns else self._rows(np.asarray(model_input))
        standardized = ((rows - self.mean) / self.scale).astype(np.float32)  # as the samples of the training were
        h = standardized.astype(self.layers[0][0].dtype)
        for W, b in self.layers[:-1]:
            h = np.maximum(h @ W.T + b, 0)
        W, b = self.layers[-1]
        scores: np.ndarray = h @ W.T + b
        return scores

    def _rows(self, samples: np.ndarray) -> np.ndarray:
        if samples.ndim != 1 + len(self.shape) or samples.shape[1:] != self.shape:
            expected = ", ".join(map(str, ("N", *self.shape)))
            raise ValueError(f"samples must have the shape ({expected}), got {samples.shape}")
        return samples.reshape(len(samples), -1)


def encode(columns: Sequence[Mapping[str, Any]], table: Any) -> np.ndarray:
    """Return a table as rows (N, D): numbers as they are, a 0 or 1 for each category."""
    encoded = []
    for column in columns:
        name, categories, fill = column["name"], column["categories"], column["fill"]
        if name not in table:
            raise ValueError(f"column {name!r} is missing")
        values = list(table[name])
        known = {category: index for index, category in enumerate(categories)}
        read: Callable[[str], Any] = known.__getitem__ if categories else finite
        codes = []
        for row, value in enumerate(values, start=1):
            text = as_text(value)
            if text in MISSING and text not in known:
                if fill is None:
                    raise ValueError(f"row {row}, column {name!r} is missing")
                text = as_text(fill)
            try:
                codes.append(read(text))
            except (KeyError, ValueError):
                allowed = f"one of {', '.join(categories[:20])}" if categories else "a finite number"
                raise ValueError(f"row {row}, column {name!r} must be {allowed}, got {value!r}") from None
        if categories:
            encoded.append(np.eye(len(categories))[codes])
        else:
            encoded.append(np.array(codes, dtype=float)[:, np.newaxis])
    return np.concatenate(encoded, axis=1)


def as_text(value: Any) -> str:
    """Return a value as a text; whole numbers without a fraction, others with all their digits."""
    if isinstance(value, float | np.floating):
        return str(int(value)) if np.isfinite(value) and value == int(value) else repr(float(value))
    return str(value).strip()


def finite(text: str) -> float:
    """Return the number that a text spells.

    Raises:
        ValueError: none, or one that is not finite.
    """
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(text)
    return number


set_model(Classifier())
