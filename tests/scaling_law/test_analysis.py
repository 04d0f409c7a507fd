"""The whole analysis on planted truth."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lrlab.errors import InputError
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse
from tests.scaling_law.synthetic import (
    BATCH_SIZES,
    FAMILIES,
    RIGHT,
    RULES,
    Array,
    Columns,
    Noise,
    Simulation,
    edited,
)

SHARP = Simulation(noise=Noise(0.001), seeds=5, factor=math.sqrt(2), steps=6)  # known well enough for a verdict
SIZES = BATCH_SIZES.astype(int).tolist()


def sharp(rule: str = "linear", **changes: Any) -> Columns:
    return replace(SHARP, rule=rule, **changes).table(0)


def as_json(analysis: ScalingAnalysis) -> dict[str, Any]:
    return json.loads(json.dumps(analysis.to_dict(), allow_nan=False))


def test_the_answer_is_json_with_the_agreed_keys() -> None:
    answer = as_json(analyse(sharp(), study="mine", noise_scale=300.0))
    assert list(answer) == [
        "study",
        "exponent",
        "exponent_ci",
        "reading",
        "probabilities",
        "holds_from",
        "holds_to",
        "noise_scale",
        "per_batch_size",
        "verdict",
        "reasons",
    ]
    assert (answer["study"], answer["noise_scale"]) == ("mine", 300.0)
    assert (answer["verdict"], answer["reading"]) == ("linear", "power_law")
    assert (answer["holds_from"], answer["holds_to"]) == (32, 2048)
    assert answer["exponent_ci"][0] < answer["exponent"] < answer["exponent_ci"][1]
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert [one["batch_size"] for one in answer["per_batch_size"]] == SIZES
    for one, best in zip(answer["per_batch_size"], SHARP.best, strict=True):
        assert one["best_lr"] == pytest.approx(best, rel=0.3)
        assert one["best_lr_ci"][0] < one["best_lr"] < one["best_lr_ci"][1]


def test_unknown_numbers_are_null() -> None:
    columns = sharp()
    answer = as_json(analyse(edited(columns, np.array(columns["lr"]) < 0.01), noise_scale=math.inf))
    for key in ("exponent", "exponent_ci", "reading", "probabilities", "holds_from", "holds_to", "noise_scale"):
        assert answer[key] is None
    assert {one["best_lr"] for one in answer["per_batch_size"][2:]} == {None}
    assert answer["verdict"] == "cannot_tell"


@pytest.mark.parametrize("rule", ["linear", "square_root", "constant", "saturating", "surge", "zigzag"])
def test_what_is_added_to_the_losses_or_multiplies_them_or_the_learning_rates_changes_no_verdict(rule: str) -> None:
    columns = sharp(rule)
    loss, lr = np.array(columns["loss"]), np.array(columns["lr"])
    once = analyse(columns)
    assert once.verdict in RIGHT[rule]
    for changed in ({"loss": loss + 8}, {"loss": 1000 * loss}, {"lr": 7 * lr}):
        again = analyse(edited(columns, **changed))
        assert again.verdict == once.verdict
        assert again.to_dict()["exponent"] == pytest.approx(once.to_dict()["exponent"], abs=5e-3)


def test_the_order_of_the_rows_is_of_no_matter() -> None:
    columns = sharp("saturating")
    order = np.random.default_rng(0).permutation(len(columns["lr"]))
    shuffled = {name: [values[row] for row in order] for name, values in columns.items()}
    once, again = analyse(columns).to_dict(), analyse(shuffled).to_dict()
    assert again["verdict"] == once["verdict"]
    assert again["exponent"] == pytest.approx(once["exponent"], abs=5e-3)


def test_one_seed_gets_an_answer() -> None:
    answer = as_json(analyse(sharp(seeds=1, noise=Noise(0.001))))
    assert answer["verdict"] in {"linear", "cannot_tell"}
    assert answer["exponent_ci"][0] < 1 < answer["exponent_ci"][1]
    assert answer["exponent_ci"][1] - answer["exponent_ci"][0] < 0.5


def test_a_batch_size_without_a_best_learning_rate_is_left_out_and_does_not_veto() -> None:
    columns = sharp()
    edge = (np.array(columns["batch_size"]) == 2048) & (np.array(columns["lr"]) > SHARP.best[-1] / 1.2)
    result = analyse(edited(columns, ~edge))
    assert result.verdict == "linear"
    assert [reason for reason in result.reasons if reason.startswith("batch size 2048 is left out: the best learning")]
    assert result.holds == (32, 1024)
    assert result.power_law is not None
    assert len(result.power_law.optima) == 6


def test_three_batch_sizes_are_too_few() -> None:
    result = analyse(sharp(batch_sizes=(32, 64, 128)))
    assert result.verdict == "cannot_tell"
    assert result.reasons == ("the best learning rate is known at 3 batch sizes, at least 4 are needed",)
    assert result.power_law is not None


def test_too_much_noise_cannot_tell() -> None:
    result = analyse(sharp(noise=Noise(0.03)))
    assert result.verdict == "cannot_tell"
    assert result.reasons


def test_noise_from_nowhere_gets_no_verdict() -> None:
    for seed in range(6):
        columns = Simulation().table(seed)
        noise = 1 + 0.01 * np.random.default_rng(seed).standard_normal(len(columns["lr"]))
        assert analyse(edited(columns, loss=noise), draws=100).verdict == "cannot_tell"


LOSS = st.one_of(st.floats(), st.floats(-1e6, 1e6), st.floats(0.9, 1.1), st.sampled_from([0.0, 1.0, math.nan]))
ROW = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([1, 2, 8, 16, 512]),
        "lr": st.one_of(st.sampled_from([1e-3, 1e-2, 0.1, 1.0, 10.0]), st.floats(1e-8, 1e3)),
        "seed": st.integers(0, 3),
        "loss": LOSS,
    }
)


@given(st.lists(ROW, min_size=2, max_size=150).filter(lambda rows: len({row["batch_size"] for row in rows}) > 1))
def test_any_rows_get_an_answer(rows: list[dict[str, Any]]) -> None:
    assert as_json(analyse(rows, draws=100))["reasons"]


@settings(max_examples=20)
@given(arrays(float, array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7), elements=LOSS))
def test_any_losses_get_an_answer(losses: Array) -> None:
    """Of (B, R, S) trials on a grid, beside those of one batch size that has a minimum."""
    rows = [
        {"batch_size": 2 ** int(b), "lr": 2.0 ** (b + r), "seed": s, "loss": losses[b, r, s]}
        for b, r, s in np.ndindex(losses.shape)
    ]
    sound = [{"batch_size": 1000, "lr": 2.0**r, "seed": 0, "loss": (r - 3.2) ** 2} for r in range(7)]
    assert as_json(analyse([*rows, *sound], draws=100))["reasons"]


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("loss", [0.0, 2.3, -1e-8])
def test_losses_that_are_all_equal_tell_nothing(loss: float, seeds: int) -> None:
    columns = Simulation(seeds=seeds, batch_sizes=(32, 64)).table(0)
    answer = as_json(analyse(edited(columns, loss=np.full(len(columns["lr"]), loss)), draws=100))
    assert answer["verdict"] == "cannot_tell"
    assert not any(one["bracketed"] for one in answer["per_batch_size"])


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("scale", [1e-300, 1e-99, 1e99, 1e300])
def test_losses_of_any_size_get_an_answer(scale: float, seeds: int) -> None:
    columns = Simulation(seeds=seeds, batch_sizes=(32, 64)).table(0)
    assert as_json(analyse(edited(columns, loss=scale * np.array(columns["loss"])), draws=100))["reasons"]


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size"):
        analyse({"lr": [0.1], "seed": [0], "loss": [1.0]})
    with pytest.raises(InputError, match="tolerance must be a number > 0, got 0"):
        analyse(sharp(), tolerance=0)
    with pytest.raises(InputError, match="draws must be an integer >= 100, got 5"):
        analyse(sharp(), draws=5)


@dataclass(frozen=True)
class Tally:
    """How a simulation's tables were answered.

    Attributes:
        verdicts: how often each was given.
        wrong: verdicts that are not right.
        exponents: 95 % intervals of the exponent.
        covering: those of them that hold the true one.
        half_width: median of theirs.
    """

    verdicts: Counter[str]
    wrong: int
    exponents: int
    covering: int
    half_width: float

    @classmethod
    def of(cls, simulation: Simulation, tables: int) -> "Tally":
        verdicts: Counter[str] = Counter()
        covering, half_widths = 0, []
        for number in range(tables):
            result = analyse(simulation.table(number), draws=400)
            verdicts[result.verdict] += 1
            if result.power_law:
                low, high = result.power_law.exponent.interval()
                sound = [optimum.batch_size for optimum in result.optima if optimum.is_bracketed]
                covering += low <= simulation.exponent(sound) <= high
                half_widths.append((high - low) / 2)
        wrong = tables - sum(verdicts[verdict] for verdict in {*RIGHT[simulation.rule], "cannot_tell"})
        half_width = float(np.median(half_widths)) if half_widths else math.nan
        return cls(verdicts, wrong, len(half_widths), covering, half_width)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            verdicts=self.verdicts + other.verdicts,
            wrong=self.wrong + other.wrong,
            exponents=self.exponents + other.exponents,
            covering=self.covering + other.covering,
            half_width=math.nan,
        )

    @property
    def covers(self) -> bool:
        """Whether the coverage may be 92 %: two standard deviations of the binomial distribution are allowed for."""
        return self.covering >= 0.92 * self.exponents - 2 * math.sqrt(0.92 * 0.08 * self.exponents)

    def __str__(self) -> str:
        share = self.covering / max(self.exponents, 1)
        verdicts = ", ".join(f"{verdict} {count}" for verdict, count in self.verdicts.most_common())
        return f"covered {share:.2f} of {self.exponents:3} ± {self.half_width:.3f}  wrong {self.wrong}  {verdicts}"


@pytest.mark.parametrize("factor", [2.0, 3.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_family_deceives_in_short(family: str, factor: float) -> None:
    """8 tables: too few for more than gross errors to show."""
    tally = Tally.of(Simulation(family=family, flattening=0.25, factor=factor), 8)
    assert tally.exponents >= 4
    assert tally.covering >= tally.exponents - 2
    assert tally.wrong <= 1


@pytest.mark.parametrize("rule", RULES)
def test_planted_rules_in_short(rule: str) -> None:
    tally = Tally.of(replace(SHARP, rule=rule, family="morse", flattening=0.25), 6)
    assert tally.wrong <= 1
    assert tally.verdicts["cannot_tell"] <= 4
    assert tally.covering >= tally.exponents - 2


TABLES = 40  # of each simulation of the long form, which then takes half an hour on a busy core
DISTURBANCES: dict[str, dict[str, Any]] = {
    "heavy tails": {"noise": Noise(heavy_tails=True)},
    "an outlier": {"noise": Noise(outlier=8.0)},
    "the same seeds": {"noise": Noise(shared=True)},
    "a fifth missing": {"missing": 0.2},
    "divergence": {"diverges_above": 0.8, "steps": 5},
    "own grids": {"common_grid": False},
}


def disturbed(family: str) -> Iterator[tuple[str, Simulation]]:
    for (name, changes), seeds in product(DISTURBANCES.items(), (3, 10)):
        yield f"{name}, {seeds} seeds", Simulation(family=family, flattening=0.25, seeds=seeds, **changes)


def undisturbed(family: str) -> Iterator[tuple[str, Simulation]]:
    for c, seeds, factor in product((0.0, 0.25, 0.5), (1, 3, 10, 30), (2.0, 3.0)):
        name = f"B^-{c:g}, {seeds} seeds, factor {factor:g}"
        yield name, Simulation(family=family, flattening=c, seeds=seeds, factor=factor)


@pytest.mark.bench
@pytest.mark.parametrize("simulations", [undisturbed, disturbed])
@pytest.mark.parametrize("family", FAMILIES)
def test_no_family_deceives(family: str, simulations: Any) -> None:
    """The 95 % interval of the exponent covers it in 92 % at least, and at most 5 % of the verdicts are wrong."""
    failures, total = [], Tally(Counter(), 0, 0, 0, math.nan)
    for name, simulation in simulations(family):
        tally = Tally.of(simulation, TABLES)
        total += tally
        print(f"\n{family:9} {name:32} {tally}", end="", flush=True)
        if not tally.covers or tally.wrong > 0.05 * TABLES:
            failures.append(f"{name}: {tally}")
    print(f"\n{family:9} {'all':32} {total}")
    assert not failures
    assert total.covers


@pytest.mark.bench
@pytest.mark.parametrize("rule", RULES)
def test_planted_rules(rule: str) -> None:
    """At most 5 % of the verdicts are wrong."""
    failures = []
    for family, size in product(("parabola", "morse"), (0.002, 0.005)):
        tally = Tally.of(replace(SHARP, rule=rule, family=family, flattening=0.25, noise=Noise(size), seeds=3), TABLES)
        print(f"\n{rule:22} {family:9} noise {size:.1%}: {tally}", end="", flush=True)
        if tally.wrong > 0.05 * TABLES:
            failures.append(f"{family}, {size}: {tally}")
    assert not failures
