"""What every test may ask for: a small data set in memory, and experiments on it."""

import gc
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg.blas  # noqa: F401  so that its kernel is among those named
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings
from threadpoolctl import threadpool_info

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import NoRegularizer
from lrlab.core.schedule import Constant
from lrlab.data.dataset import Dataset
from lrlab.runtime.home import cache
from lrlab.training.experiment import Experiment
from lrlab.training.methods.gradient import Gradient

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)
FETCHED = os.environ.get("LRLAB_DATA") or cache()

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


@pytest.fixture(scope="session", autouse=True)
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the tests' own, which their processes share: they neither need nor change what the user's holds.

    But Matplotlib's, whose list of fonts takes seconds to make.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    folder = place / "cache"
    folder.mkdir(mode=0o700, exist_ok=True)
    fonts = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "matplotlib")
    if fonts.is_dir():
        with suppress(FileExistsError):  # by another process of this run
            (folder / "matplotlib").symlink_to(fonts, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv("LRLAB_DATA", raising=False)
        yield folder


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data sets that the user has fetched."""
    monkeypatch.setenv("LRLAB_DATA", str(FETCHED))


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """Leave the process as the test found it, so that no test hangs on the order of the files.

    Hydra gives the root logger handlers that write to what pytest has closed by the next test, and keeps the
    configuration that it last composed.
    """
    gc.callbacks.clear()  # Hypothesis's would swallow what a signal raises in it
    root, folder, environment = logging.getLogger(), os.getcwd(), dict(os.environ)
    handlers, level = root.handlers[:], root.level
    signals = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    os.chdir(folder)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    for number, handler in signals.items():
        signal.signal(number, handler)
    GlobalHydra.instance().clear()


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
