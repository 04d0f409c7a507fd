from lrlab.runs.history import CURVE, MetricHistory


def test_epochs_are_kept_in_order_by_metric() -> None:
    history = MetricHistory()
    assert (history.epochs(), history.latest(), history.values("a")) == (0, {}, [])
    history.append(1, {"a": 0.5, "b": 2.0})
    history.append(2, {"a": 0.25})
    assert history.points == {"a": [(1, 0.5), (2, 0.25)], "b": [(1, 2.0)]}
    assert history.values("a") == [0.5, 0.25]
    assert (history.last("a"), history.last("b")) == (0.25, 2.0)
    assert history.latest() == {"a": 0.25, "b": 2.0}
    assert history.epochs() == 2


def test_a_curve_counts_updates_and_no_epochs() -> None:
    history = MetricHistory()
    history.append(300, {CURVE: 0.5})
    assert (history.epochs(), history.last_step(CURVE), history.last_step("a")) == (0, 300, -1)
    history.append(2, {"a": 0.5})
    assert (history.epochs(), history.last_step("a")) == (2, 2)


def test_two_histories_share_nothing() -> None:
    one, other = MetricHistory(), MetricHistory()
    one.append(1, {"a": 1.0})
    assert other.points == {}
