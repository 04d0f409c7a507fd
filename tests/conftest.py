"""What every test may ask for: a small data set in memory, and experiments on it."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
import scipy.linalg.blas  # noqa: F401  so that its kernel is among those named
from hypothesis import settings
from threadpoolctl import threadpool_info

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import NoRegularizer
from lrlab.core.schedule import Constant
from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.methods.gradient import Gradient

settings.register_profile("lrlab", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("lrlab")


def pytest_report_header() -> str:
    """Name the kernels that multiply.

    Raises:
        pytest.UsageError: not the one that OPENBLAS_CORETYPE asks for.
    """
    kernels = {library["architecture"] for library in threadpool_info() if library["internal_api"] == "openblas"}
    wanted = os.environ.get("OPENBLAS_CORETYPE")
    if wanted and kernels != {wanted}:
        raise pytest.UsageError(f"OPENBLAS_CORETYPE={wanted}, but OpenBLAS multiplies with {', '.join(kernels)}")
    return f"OpenBLAS kernel: {', '.join(kernels) or 'none'}"


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Leave the root logger as it was: Hydra gives it handlers that write to what pytest has closed by the next test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@dataclass(frozen=True)
class Loaded:
    """A data source whose data set is there already."""

    dataset: Dataset

    def verify(self) -> None:
        pass

    def load(self) -> Dataset:
        return self.dataset


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    """Five blurred classes of 4 x 4 colour images.

    The training set, 203, is a multiple of no batch size; validation, 517, is more than is evaluated at once.
    """
    classes, shape, sizes = 5, (4, 4, 3), {"train": 203, "validation": 517, "test": 60}
    rng = np.random.default_rng(0)
    count = sum(sizes.values())
    y = rng.integers(classes, size=count)
    centres = rng.standard_normal((classes, *shape)).reshape(classes, -1)
    x = centres[y] + 3 * rng.standard_normal((count, centres.shape[1]))
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    learn = sizes["train"] + sizes["validation"]
    order = rng.permutation(learn)
    return Dataset(
        name="blurs",
        x=x[:learn],
        y=y[:learn],
        train=np.sort(order[: sizes["train"]]),
        validation=np.sort(order[sizes["train"] :]),
        x_test=x[learn:],
        y_test=y[learn:],
        classes=tuple("abcde"),
        image_shape=shape,
    )


@pytest.fixture
def experiment(dataset: Dataset) -> Callable[..., Experiment]:
    """A plain experiment on the small data set, with the changes asked for."""
    plain = Experiment(
        data=Loaded(dataset),
        method=Gradient(),
        model=Linear(),
        loss=SoftmaxCrossEntropy(),
        regularizer=NoRegularizer(),
        optimizer=SGD(lr=0.1),
        schedule=Constant(),
        batch_size=16,
        epochs=3,
    )
    return lambda **changes: replace(plain, **changes)
