import pytest

from lrlab.analysis.report.figures import settings
from lrlab.scaling_law.analysis import analyse
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.settings import PooledAnalysis, pool
from tests.scaling_law.crossed import Crossed
from tests.scaling_law.synthetic import Noise, Simulation


@pytest.fixture(scope="module")
def pooled() -> PooledAnalysis:
    tables, _ = Crossed(noise=Noise(0.001), widths=(16, 64), accuracy=True).tables(0)
    return pool(tables, ("depth", "width"))


def test_settings_that_are_compared_are_lines_of_one_figure() -> None:
    analysis = analyse(Simulation(seeds=2).table(0), draws=100)
    figure = settings.best_lrs({"sgd": analysis, "adam": analysis}, "optimizer")
    assert figure
    (panel,) = figure.panels
    assert panel["usermeta"]["legend"] == ["sgd", "adam"]
    assert {row["series"] for row in panel["datasets"]["laws"]} == {"sgd", "adam"}
    assert len(panel["datasets"]["optima"]) == 2 * len(analysis.optima)
    shapes, dashes = (panel["layer"][layer]["encoding"] for layer in (3, 1))
    assert len(set(shapes["shape"]["scale"]["range"])) == 2  # told apart without colour
    assert dashes["strokeDash"]["scale"]["range"][0] != dashes["strokeDash"]["scale"]["range"][1]


def test_exponents_are_in_their_order_with_their_intervals() -> None:
    known = {"b": Estimate(0.9, 0.01, 30), "a": Estimate(0.5, 0.01, 30)}
    (panel,) = settings.exponents(known).panels
    rows = panel["datasets"]["rows"]
    assert [row["series"] for row in rows] == ["b", "a"]
    assert all(row["low"] < row["p"] < row["high"] for row in rows)
    assert [each["said"] for each in panel["datasets"]["references"]] == ["linear", "square root", "constant"]


def test_pooled_exponents_are_ranked_and_have_one_in_common(pooled: PooledAnalysis) -> None:
    known = {str(values): each.power_law.exponent for values, each in pooled.settings.items() if each.power_law}
    figure = settings.exponents(known, pooled)
    rows = figure.panels[0]["datasets"]["rows"]
    assert [row["p"] for row in rows] == sorted(row["p"] for row in rows)
    assert len(figure.panels[0]["datasets"]["common"]) == 1
    assert "in common: p = " in figure.title


def test_pooled_best_learning_rates(pooled: PooledAnalysis) -> None:
    (panel,) = settings.pooled_best_lrs(pooled).panels
    assert [row["size"] for row in panel["datasets"]["best"]] == list(pooled.best_lrs or {})
    assert {row["setting"] for row in panel["datasets"]["settings"]} <= {
        ", ".join(map(str, values)) for values in pooled.settings
    }
