import pytest

from lrlab.analysis.report import pooled_plots
from lrlab.scaling_law.settings import PooledAnalysis, pool
from tests.scaling_law.crossed import Crossed
from tests.scaling_law.synthetic import Noise

PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def pooled() -> PooledAnalysis:
    tables, _ = Crossed(noise=Noise(0.001), widths=(16, 64), accuracy=True).tables(0)
    return pool(tables, ("depth", "width"))


def test_figures_are_png(pooled: PooledAnalysis) -> None:
    assert pooled.best_lrs
    assert pooled_plots.exponents(pooled).startswith(PNG)
    assert pooled_plots.best_lrs(pooled).startswith(PNG)
