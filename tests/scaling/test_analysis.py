"""The whole analysis on planted truth."""

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.errors import InputError
from lrlab.scaling.analysis import ScalingAnalysis, analyse
from tests.scaling.synthetic import BATCH_NOISE, LR_MAX, RULES, VERDICTS, Noise, edited, exponent, table

MEASURED = Noise(0.005, level=0.4, tilt=0.4)


def planted(rule: str, *, seed: int = 0, noise: Noise = MEASURED, **changes: Any) -> dict[str, list[Any]]:
    return table(np.random.default_rng(seed), RULES[rule], noise, **changes)


@pytest.mark.parametrize("rule", RULES)
def test_the_planted_rule_is_found(rule: str) -> None:
    result = analyse(planted(rule, noise=Noise(0.002, level=0.5), seeds=5), study="s", noise_scale=300.0)
    assert result.verdict == VERDICTS[rule]
    assert result.to_dict()["verdict"] == VERDICTS[rule]
    low, high = result.to_dict()["exponent_ci"]
    assert low < result.to_dict()["exponent"] < high
    assert high - low < 0.1


def test_the_answer_is_json_with_the_agreed_keys() -> None:
    answer = json.loads(
        json.dumps(analyse(planted("saturating"), study="mine", noise_scale=300.0).to_dict(), allow_nan=False)
    )
    assert list(answer) == [
        "study",
        "exponent",
        "exponent_ci",
        "reading",
        "holds_from",
        "holds_to",
        "noise_scale",
        "per_batch_size",
        "verdict",
        "reasons",
    ]
    assert answer["study"] == "mine"
    assert answer["noise_scale"] == 300.0
    assert answer["reading"] == answer["verdict"] == "saturating"
    assert (answer["holds_from"], answer["holds_to"]) == (32, 256)
    assert [one["batch_size"] for one in answer["per_batch_size"]] == [32, 64, 128, 256, 512, 1024, 2048]
    for one, best in zip(answer["per_batch_size"], RULES["saturating"], strict=True):
        assert one["best_lr"] == pytest.approx(best, rel=0.3)
        assert one["best_lr_ci"][0] < one["best_lr"] < one["best_lr_ci"][1]


def test_unknown_numbers_are_null() -> None:
    answer = json.loads(
        json.dumps(analyse(planted("linear", seeds=1), noise_scale=math.inf).to_dict(), allow_nan=False)
    )
    for key in ("exponent", "exponent_ci", "reading", "holds_from", "holds_to", "noise_scale"):
        assert answer[key] is None
    assert answer["per_batch_size"][0]["best_lr_ci"] is None
    assert answer["verdict"] == "cannot_tell"


def test_batch_sizes_with_a_problem_are_left_out_of_the_numbers_and_forbid_the_verdict() -> None:
    columns = planted("linear", noise=Noise(0.002, level=0.5))
    edge = (np.array(columns["batch_size"]) == 2048) & (np.array(columns["lr"]) > RULES["linear"][-1])
    result = analyse(edited(columns, ~edge))
    assert result.verdict == "cannot_tell"
    assert [reason.split(":")[0] for reason in result.reasons] == ["batch size 2048"]
    assert result.holds == (32, 1024)
    assert result.power_law is not None
    assert result.power_law.exponent.value == pytest.approx(1.0, abs=0.05)


def test_three_batch_sizes_are_too_few() -> None:
    columns = planted("linear")
    result = analyse(edited(columns, np.array(columns["batch_size"]) <= 128))
    assert result.verdict == "cannot_tell"
    assert result.reasons == ("3 batch sizes with a sound optimum remain, at least 4 are needed",)


def test_too_much_noise_cannot_tell() -> None:
    result = analyse(planted("linear", noise=Noise(0.03)))
    assert result.verdict == "cannot_tell"
    assert result.reasons


def test_noise_is_no_matter_of_the_scale_of_loss_and_learning_rate() -> None:
    columns = planted("saturating")
    everything = np.ones(len(columns["lr"]), bool)
    scaled = edited(columns, everything, lr=7.0 * np.array(columns["lr"]), loss=0.01 * np.array(columns["loss"]))
    once, again = analyse(columns).to_dict(), analyse(scaled).to_dict()
    assert again["exponent"] == pytest.approx(once["exponent"])
    assert (again["verdict"], again["holds_from"], again["holds_to"]) == ("saturating", 32, 256)
    assert again["per_batch_size"][0]["best_lr"] == pytest.approx(7 * once["per_batch_size"][0]["best_lr"])


ROW = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([1, 2, 8, 16, 512]),
        "lr": st.one_of(st.sampled_from([1e-3, 1e-2, 0.1, 1.0, 10.0]), st.floats(1e-8, 1e3)),
        "seed": st.integers(0, 3),
        "loss": st.one_of(st.floats(-1e6, 1e6), st.floats(0.9, 1.1), st.sampled_from([math.inf, -math.inf, math.nan])),
    }
)


@given(st.lists(ROW, min_size=2, max_size=150).filter(lambda rows: len({row["batch_size"] for row in rows}) > 1))
def test_any_table_gets_an_answer(rows: list[dict[str, Any]]) -> None:
    answer = analyse(rows, draws=100).to_dict()
    json.dumps(answer, allow_nan=False)
    assert answer["reasons"]


def test_noise_from_nowhere_gets_no_verdict() -> None:
    for seed in range(20):
        columns = planted("linear", seed=seed)
        noise = 1 + 0.01 * np.random.default_rng(seed).standard_normal(len(columns["lr"]))
        assert analyse(edited(columns, np.ones(len(noise), bool), loss=noise)).verdict == "cannot_tell"


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size"):
        analyse({"lr": [0.1], "seed": [0], "loss": [1.0]})
    with pytest.raises(InputError, match="tolerance must be a number > 0, got 0"):
        analyse(planted("linear"), tolerance=0)
    with pytest.raises(InputError, match="draws must be an integer >= 100, got 5"):
        analyse(planted("linear"), draws=5)


def simulations(rule: str, count: int, **changes: Any) -> list[ScalingAnalysis]:
    first = 1000 * list(RULES).index(rule)
    return [analyse(planted(rule, seed=first + i, **changes)) for i in range(count)]


def covers(interval: tuple[float, float], true: float) -> bool:
    return interval[0] <= true <= interval[1]


def wrong(rule: str, results: list[ScalingAnalysis]) -> int:
    return sum(result.verdict not in (VERDICTS[rule], "cannot_tell") for result in results)


@pytest.mark.parametrize("rule", RULES)
def test_planted_truth_in_short(rule: str) -> None:
    """40 tables of the fewest seeds allowed: too few for more than gross errors to show."""
    results = simulations(rule, 40)
    assert wrong(rule, results) <= 2
    assert sum(result.verdict == VERDICTS[rule] for result in results) >= 28
    exponents = [result.power_law.exponent for result in results if result.power_law]
    assert len(exponents) == 40
    assert sum(covers(one.interval(), exponent(RULES[rule])) for one in exponents) >= 34


@pytest.mark.bench
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"noise": Noise(0.003)}, id="3 seeds 0.3 %"),
        pytest.param({"noise": Noise(0.01)}, id="3 seeds 1 %"),
        pytest.param({"noise": MEASURED}, id="3 seeds tilted"),
        pytest.param({"noise": Noise(0.01, level=0.5), "seeds": 5}, id="5 seeds 1 %"),
        pytest.param({"noise": Noise(0.003, level=0.5), "seeds": 5, "skew": 0.2}, id="5 seeds skewed"),
    ],
)
def test_planted_truth(changes: dict[str, Any]) -> None:
    """200 tables per rule: the verdict is wrong in under 5 %, and 95 % intervals cover the truth in 93 to 97 %.

    The exponent errs alike whatever the rule, so that its coverage is judged over all 1000 tables; over 200 it varies
    by 1.5 % for lack of draws, which is what the two intervals that only saturation has are allowed.
    """
    covered = []
    for rule, best in RULES.items():
        results = simulations(rule, 200, **changes)
        hits = [covers(r.power_law.exponent.interval(), exponent(best)) for r in results if r.power_law]
        print(
            f"\n{rule:12}", dict(Counter(result.verdict for result in results)), f"exponent {np.mean(hits):.3f}", end=""
        )
        assert wrong(rule, results) < 10
        covered += hits
        if rule == "saturating":
            fitted = [result.readings for result in results if result.readings]
            batch_noise = np.mean([covers(one.batch_noise, BATCH_NOISE) for one in fitted])
            lr_max = np.mean([covers(one.lr_max, LR_MAX) for one in fitted])
            print(f" batch_noise {batch_noise:.3f} lr_max {lr_max:.3f}", end="")
            assert batch_noise >= 0.90
            assert lr_max >= 0.90
    print(f"\nexponent covered in {np.mean(covered):.3f} of {len(covered)}")
    assert 0.93 <= np.mean(covered) <= 0.97


@pytest.mark.parametrize("end", [1.0, 0.7])
def test_an_edge_is_refused_every_time(end: float) -> None:
    """The learning rates tried at one batch size end at this multiple of the best."""
    for seed in range(40):
        columns = planted("linear", seed=seed, rates=15)
        cut = (np.array(columns["batch_size"]) == 256) & (np.array(columns["lr"]) > end * RULES["linear"][3])
        result = analyse(edited(columns, ~cut))
        assert result.verdict == "cannot_tell"
        assert all(reason.startswith("batch size 256: ") for reason in result.reasons)


def test_too_few_seeds_are_refused_every_time() -> None:
    for seed in range(10):
        result = analyse(planted("linear", seed=seed, seeds=2))
        assert result.verdict == "cannot_tell"
        assert "2 seeds were tried" in result.reasons[0]
