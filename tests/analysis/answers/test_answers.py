from lrlab.analysis.answers.answers import answers
from tests.analysis.answers.conftest import made


def test_the_best_is_always_among_them() -> None:
    found = made({"optimizer.lr": (0.1, 0.2)}, lambda v: v["optimizer.lr"])
    assert [answer.kind for answer in answers(found.study, found.runs)] == ["best"]
    assert [answer.kind for answer in answers(found.study, None)] == ["best"]


def test_a_search_over_intervals_asks_for_the_best_first() -> None:
    points = [{"optimizer.lr": lr, "batch_size": size, "w": 0.1} for lr in (0.1, 0.2, 0.3) for size in (16, 32)]
    interval = {"optimizer.lr": "interval(0.1, 1)", "batch_size": (16, 32), "w": "interval(0, 1)"}
    found = made(interval, lambda v: v["optimizer.lr"], points=points)
    assert [answer.kind for answer in answers(found.study, found.runs)] == ["best"]  # of scaling it cannot tell
