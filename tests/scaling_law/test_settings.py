"""Several settings pooled, on planted truth."""

import json
import math
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.scaling_law.settings import PooledAnalysis, pool
from lrlab.scaling_law.table import Table, read
from tests.scaling_law.crossed import Crossed
from tests.scaling_law.synthetic import RIGHT, Noise

BY = ("depth", "width")


@pytest.fixture(scope="module")
def pooled() -> PooledAnalysis:
    """Six settings of one seed."""
    return pool(Crossed(noise=Noise(0.001)).tables(0)[0], BY, study="theirs")


def test_one_seed_of_six_settings_gets_an_answer(pooled: PooledAnalysis) -> None:
    assert pooled.verdict == "square_root"
    assert pooled.exponent is not None
    mean = pooled.exponent.coefficients[0]
    assert mean.interval()[0] < 0.5 < mean.interval()[1]
    assert mean.half_width() < 0.1
    alone = [law.exponent.half_width() for each in pooled.settings.values() if (law := each.power_law)]
    assert mean.half_width() < 0.7 * min(alone)
    assert {each.verdict for each in pooled.settings.values()} <= {"square_root", "cannot_tell"}


def test_the_answer_is_json(pooled: PooledAnalysis) -> None:
    answer = json.loads(json.dumps(pooled.to_dict(), allow_nan=False))
    assert (answer["study"], answer["verdict"], answer["reading"]) == ("theirs", "square_root", "power_law")
    assert answer["exponent_ci"][0] < answer["exponent"] < answer["exponent_ci"][1]
    assert answer["heterogeneity"]["settings"] == 6
    assert answer["settings"][0]["setting"] == {"depth": 1, "width": 16}
    assert [each["batch_size"] for each in answer["per_batch_size"]] == [16, 32, 64, 128, 256, 512]
    assert {each["seeds"] for each in answer["per_batch_size"]} == {1}
    alone = next(iter(pooled.settings.values())).to_dict()
    assert alone.keys() <= answer.keys()
    assert alone["per_batch_size"][0].keys() == answer["per_batch_size"][0].keys()
    (width,) = answer["sizes"]
    assert width["key"] == "width"
    assert width["exponent_per_e_fold_ci"][0] < 0 < width["exponent_per_e_fold_ci"][1]
    assert width["best_lr_power_ci"][0] < -0.3 < width["best_lr_power_ci"][1]


def test_settings_that_differ_are_told_apart() -> None:
    simulation = Crossed(family="parabola", noise=Noise(0.001), slope=0.15)
    found = pool(simulation.tables(0)[0], BY)
    assert found.exponent is not None
    assert found.exponent.p_value < 0.01
    (width,) = found.sizes
    low, high = width.exponent.interval()
    assert 0 < low < 0.15 < high
    assert "for width 10 times as large the exponent moves by +0.3" in width.describe()


def flat(table: Table, value: float = 1.0) -> Table:
    return replace(table, loss=np.full(len(table.loss), value))


@pytest.mark.parametrize("kept", [0, 1])
def test_settings_that_know_nothing(kept: int) -> None:
    tables = Crossed(seeds=2).tables(0)[0]
    found = pool({key: table if place < kept else flat(table) for place, (key, table) in enumerate(tables.items())}, BY)
    assert found.verdict == "cannot_tell"
    assert f"the exponent is known in {kept} of 6 settings, at least 2 are needed" in found.reasons[0]
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_a_minority_of_settings_does_not_speak_for_all() -> None:
    simulation = Crossed(family="parabola", noise=Noise(0.0005))
    tables = dict(enumerate(simulation.tables(0)[0].values()))
    assert pool({(key,): table for key, table in tables.items()}, ("key",)).verdict == "square_root"
    found = pool({(key,): table if key < 2 else flat(table) for key, table in tables.items()}, ("key",))
    assert found.verdict == "cannot_tell"
    assert "4 of 6 settings know too few best learning rates" in found.reasons[0]
    assert found.exponent is not None


def test_tables_of_any_shape_get_an_answer() -> None:
    tables = Crossed(missing=0.3).tables(1)[0]
    first, second, third, *_ = tables.values()
    odd: dict[Any, Table] = {
        ("a", None): first,
        ("=1+1", 2): second.at(32),
        (None, 0): replace(third, loss=np.full(len(third.loss), math.inf)),
        (True, 1.5): third.rows(np.arange(len(third.loss)) < 1),
    }
    assert json.dumps(pool(odd, BY).to_dict(), allow_nan=False)


def hpobench() -> dict[tuple[int, int], Table]:
    """Return (depth, width) -> validation accuracies of scikit-learn's MLPs with Adam on phoneme, 5 seeds, negated.

    An excerpt of HPOBench (Eggensperger et al. 2021, arXiv:2109.06716; Apache-2.0): L2 4.64e-6, every other width.
    """
    with np.load(Path(__file__).with_name("hpobench_phoneme.npz"), allow_pickle=False) as file:
        loss = -file["val_accuracy"].astype(float)  # (B, depth, R, width, S)
        sizes, depths, rates, widths = (file[name] for name in ("batch_size", "depth", "lr", "width"))
    batch_size, lr, seed = np.meshgrid(sizes, rates, np.arange(loss.shape[-1]), indexing="ij")
    columns = {"batch_size": batch_size.ravel(), "lr": lr.ravel(), "seed": seed.ravel()}
    return {
        (int(depth), int(width)): read({**columns, "loss": loss[:, i, :, j].ravel()})
        for (i, depth), (j, width) in product(enumerate(depths), enumerate(widths))
    }


def test_real_accuracies_are_nearer_to_the_square_root() -> None:
    """All 300 settings of the data set have 0.47 on average, with a spread of 0.2."""
    found = pool(hpobench(), BY)
    assert found.exponent is not None
    mean = found.exponent.coefficients[0]
    assert mean.interval()[0] < 0.47 < mean.interval()[1]
    assert mean.half_width() < 0.12
    assert found.verdict in {"square_root", "cannot_tell"}
    depth_or_width = {each.key: each.log_lr.interval() for each in found.sizes}
    assert depth_or_width["width"][1] < 0  # wider nets want smaller learning rates


def run(simulation: Crossed, count: int) -> tuple[Counter[str], int, int, list[float]]:
    """Return verdicts, how many exponents are known, how many intervals hold the planted one, and half-widths."""
    verdicts, known, covered, half = Counter[str](), 0, 0, []
    for number in range(count):
        tables, exponent = simulation.tables(number)
        found = pool(tables, BY)
        verdicts[found.verdict] += 1
        if found.exponent:
            low, high = found.exponent.coefficients[0].interval()
            known, covered = known + 1, covered + (low <= exponent <= high)
            half.append((high - low) / 2)
    return verdicts, known, covered, half


def test_planted_exponents_are_covered_in_short() -> None:
    for simulation in (Crossed(), Crossed(family="parabola", rule="linear", noise=Noise(0.004))):
        verdicts, known, covered, _ = run(simulation, 4)
        assert covered >= known - 1
        assert set(verdicts) <= {*RIGHT[simulation.rule], "cannot_tell"}


SIMULATIONS = {
    "one seed": Crossed(),
    "three seeds": Crossed(seeds=3),
    "parabola": Crossed(family="parabola"),
    "vee": Crossed(family="vee"),
    "noisy": Crossed(noise=Noise(0.005)),
    "the same optima": Crossed(shift=0.0, scatter=0.0),
    "two settings": Crossed(depths=(1,), widths=(16, 64)),
    "twelve settings": Crossed(depths=(1, 2, 3, 4)),
    "missing": Crossed(missing=0.15),
    "accuracy": Crossed(accuracy=True),
    "linear": Crossed(rule="linear"),
    "constant": Crossed(rule="constant"),
    "saturating": Crossed(rule="saturating"),
    "fine grid": Crossed(factor=math.sqrt(2), margin=5),
}


@pytest.mark.bench
@pytest.mark.parametrize("name", SIMULATIONS)
def test_planted_exponents_are_covered(name: str) -> None:
    """In 92 % at least, and at most 5 % of the verdicts are wrong."""
    simulation, count = SIMULATIONS[name], 40
    verdicts, known, covered, half = run(simulation, count)
    print(f"\n{name:16} covered {covered} of {known} ± {np.median(half):.3f}  {dict(verdicts)}", end="", flush=True)
    wrong = sum(
        number for verdict, number in verdicts.items() if verdict not in {*RIGHT[simulation.rule], "cannot_tell"}
    )
    assert covered >= 0.92 * known - 2 * math.sqrt(0.92 * 0.08 * known)
    assert wrong <= 0.05 * count
