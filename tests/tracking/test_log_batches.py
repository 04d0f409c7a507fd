import json

from lrlab.tracking.log_batches import MOST_IN_ALL, log_batches
from lrlab.tracking.store import MetricPoint, RunUpdate


def sizes(update: RunUpdate) -> list[tuple[int, int, int]]:
    return [(len(each.points), len(each.params), len(each.tags)) for each in log_batches(update)]


def points(count: int) -> list[MetricPoint]:
    return [MetricPoint("loss", 0.5, 1, step) for step in range(count)]


def test_a_small_update_is_one_request_and_an_empty_one_none() -> None:
    assert sizes(RunUpdate(points(12), {"a": "b"}, "FINISHED", {"x": "1"})) == [(12, 1, 1)]
    assert sizes(RunUpdate(status="FINISHED")) == []


def test_no_request_holds_more_than_mlflow_takes() -> None:
    assert sizes(RunUpdate(points(2500))) == [(1000, 0, 0), (1000, 0, 0), (500, 0, 0)]
    many = {f"key{n}": "x" for n in range(150)}
    assert sizes(RunUpdate(points(1000), many, None, many)) == [(0, 100, 0), (0, 50, 100), (950, 0, 50), (50, 0, 0)]
    assert all(sum(each) <= MOST_IN_ALL for each in sizes(RunUpdate(points(5000), many, None, many)))


def test_no_request_is_larger_than_mlflow_takes() -> None:
    update = RunUpdate(tags={f"tag{n}": "λ" * 8000 for n in range(60)}, params={f"p{n}": "x" * 6000 for n in range(99)})
    batches = list(log_batches(update))
    assert sum(len(each.tags) for each in batches) == 60
    for each in batches:
        assert len(json.dumps([each.tags, each.params])) < 1_000_000
