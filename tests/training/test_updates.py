from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lrlab.core.model import MLP
from lrlab.core.optimizer import SGD
from lrlab.data.dataset import Dataset
from lrlab.training import updates
from lrlab.training.experiment import Experiment
from lrlab.training.population import StackedPopulation
from tests import mixed_experiments


@dataclass(frozen=True)
class Doubled(SGD):
    """Somebody's own optimizer: twice the step."""

    def update(self, w: Any, g: Any, state: Any, lr: float, t: int, scratch: Any) -> None:
        super().update(w, g, state, 2 * lr, t, scratch)


def trained(dataset: Dataset, experiments: list[Experiment]) -> list[list[dict[str, float]]]:
    """The curves of a full population."""
    first = experiments[0]
    population = StackedPopulation(
        dataset, MLP([9]), first.loss, width=len(experiments), microbatch=8, dtype=first.dtype
    )
    members = [population.admit(each) for each in experiments]
    curves: dict[Any, list[dict[str, float]]] = {member: [] for member in members}
    while any(not member.finished for member in members):
        for result in population.train_epoch():
            curves[result.member].append(dict(result.metrics))
    return [curves[member] for member in members]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_does_not_matter_how_an_update_is_made(
    dataset: Dataset, experiment: Callable[..., Experiment], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled from the first update on, from some update on, or never: the same curves, to the bit."""
    pytest.importorskip("numba", reason="Numba is not installed: pip install 'lrlab[fast]'")
    mixed = mixed_experiments.mixed_experiments(experiment(model=MLP([9]), dtype=dtype), size=12, seed=4)
    mixed.append(experiment(model=MLP([9]), dtype=dtype, optimizer=Doubled(), batch_size=8))
    curves = {}
    for worth in (0, 1e6, np.inf):
        monkeypatch.setattr(updates, "WORTH_COMPILING", worth)
        curves[worth] = trained(dataset, mixed)
    assert curves[0] == curves[1e6] == curves[np.inf]


def test_without_numba_numpy_makes_them(
    dataset: Dataset, experiment: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "find_spec", lambda name: None)
    monkeypatch.setattr(updates, "WORTH_COMPILING", 0)
    updates._kernels.cache_clear()
    try:
        (curve,) = trained(dataset, [experiment(model=MLP([9]), batch_size=8)])
        assert updates._kernels() == {}
    finally:
        updates._kernels.cache_clear()
    assert np.isfinite(curve[-1]["val/loss"])
