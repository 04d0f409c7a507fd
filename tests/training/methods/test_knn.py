import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from lrlab.core.model import Linear
from lrlab.core.neighbours import KNN, nearest
from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment, Member
from lrlab.training.methods import knn
from lrlab.training.methods.knn import BLOCK, NearestNeighbours
from lrlab.training.methods.random_search import RandomSearch
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]


@pytest.mark.parametrize("k", [1, 5, 120])
@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean")])
def test_votes_like_scikit_learn(
    dataset: Dataset, experiment: Make, k: int, metric: Literal["l1", "l2"], theirs: str
) -> None:
    wanted = experiment(method=NearestNeighbours(), model=KNN(k, metric))
    cohort = single(wanted, dataset)
    curve = [event.metrics for event in train_epochs(cohort)]
    assert len(curve) == wanted.method.n_epochs(wanted, dataset) == 2

    reference = KNeighborsClassifier(k, metric=theirs, algorithm="brute")
    reference.fit(dataset.x[dataset.train], dataset.y[dataset.train])

    def expected(rows: np.ndarray, labels: np.ndarray) -> list[float]:
        votes = np.rint(k * reference.predict_proba(rows))
        loss = -np.log((votes[np.arange(len(labels)), labels] + 1) / (k + 5)).mean()
        return [loss, (reference.predict(rows) == labels).mean()]

    for rows, metrics in zip((dataset.validation[:BLOCK], dataset.validation), curve, strict=True):
        assert list(metrics) == ["val/loss", "val/accuracy"]
        np.testing.assert_allclose(list(metrics.values()), expected(dataset.x[rows], dataset.y[rows]), rtol=1e-12)
    tested = cohort.test(cohort.members[0])
    assert list(tested) == ["test/loss", "test/accuracy"]
    np.testing.assert_allclose(list(tested.values()), expected(dataset.x_test, dataset.y_test), rtol=1e-12)


def test_members_of_one_metric_share_the_search(
    dataset: Dataset, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[int] = []

    def recorded(x: Any, queries: Any, k: int, *arguments: Any) -> Any:
        searches.append(k)
        return nearest(x, queries, k, *arguments)

    monkeypatch.setattr(knn, "nearest", recorded)
    experiments = [experiment(method=NearestNeighbours(), model=KNN(k)) for k in (1, 3, 100)]
    assert len({e.method.compatibility_key(e) for e in experiments}) == 1
    assert experiments[0].method.compatibility_key(experiments[0]) != NearestNeighbours().compatibility_key(
        experiment(method=NearestNeighbours(), model=KNN(metric="l1"))
    )
    cohort = NearestNeighbours().new_population(experiments[0], dataset, width=3, microbatch=1)
    members = [cohort.admit(e) for e in experiments]
    together: dict[Member, list[Mapping[str, float]]] = {member: [] for member in members}
    while not members[0].finished:
        for event in cohort.train_epoch():
            together[event.member].append(event.metrics)
    assert searches == [100, 100]
    for member, curve in together.items():
        assert curve == [event.metrics for event in train_epochs(single(member.experiment, dataset))]


def test_looks_at_pixels(experiment: Make) -> None:
    """Of digits: whole numbers from 0 to 16, not the standardized ones."""
    dataset = Digits().load()
    x, x_test = dataset.pixels()
    assert x.dtype == x_test.dtype == np.uint8
    assert (x.max(), x_test.max()) == (16, 16)
    np.testing.assert_allclose(np.corrcoef(x.ravel(), dataset.x.ravel())[0, 1], 1)
    np.testing.assert_allclose(np.corrcoef(x_test.ravel(), dataset.x_test.ravel())[0, 1], 1)
    *_, last = train_epochs(single(experiment(method=NearestNeighbours(), model=KNN(3)), dataset))
    reference = KNeighborsClassifier(3).fit(x[dataset.train], dataset.y[dataset.train])
    assert last.metrics["val/accuracy"] == reference.score(x[dataset.validation], dataset.y[dataset.validation])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"method": NearestNeighbours(), "model": Linear()},
            "model must be knn for method=knn, got Linear(init_scale=0.01)",
        ),
        ({"model": KNN()}, "method must be knn for model=knn, got Gradient()"),
        (
            {"method": RandomSearch(9), "model": KNN()},
            "method must be knn for model=knn, got RandomSearch(draws=9)",
        ),
    ],
)
def test_refuses(experiment: Make, parts: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        experiment(**parts)


def test_refuses_more_neighbours_than_there_are(dataset: Dataset, experiment: Make) -> None:
    experiment(method=NearestNeighbours(), model=KNN(203)).check_fits(dataset)
    with pytest.raises(InputError, match=r"^model\.k must be <= 203, the training set's size, got 204$"):
        experiment(method=NearestNeighbours(), model=KNN(204)).check_fits(dataset)
