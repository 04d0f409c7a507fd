"""The settings of a study in their order, the tie of the first two, and the ends of what was tried."""

from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from lrlab.sweeper.search.space import MAX_SEED
from lrlab.sweeper.study.queue import INTERRUPTED, OUTCOME, UNPLANNED
from lrlab.sweeper.study.ranking import Setting, at_ends, ranked, tied
from lrlab.sweeper.study.study import SPEC

LR, SEED = FloatDistribution(0, 9), CategoricalDistribution((0, 1, 2))
FAIL, PRUNED, COMPLETE = TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE


def study(
    *trials: tuple[float, int, float | TrialState], direction: Any = "minimize", seed: BaseDistribution = SEED
) -> optuna.Study:
    """Return a study whose trials are (learning rate, seed, objective or how it ended without)."""
    made = optuna.create_study(direction=direction)
    for lr, number, end in trials:
        value, state = (None, end) if isinstance(end, TrialState) else (end, COMPLETE)
        params, distributions = {"lr": lr, "seed": number}, {"lr": LR, "seed": seed}
        made.add_trial(create_trial(params=params, distributions=distributions, value=value, state=state))
    return made


def of_values(*values: float) -> Setting:
    return Setting({}, 0.0, None, dict(enumerate(values)), (), 0)


def test_trials_that_differ_in_their_seed_alone_are_one_setting() -> None:
    first, second = ranked(study((1, 0, 0.5), (2, 0, 1.0), (1, 1, 5.0), (2, 1, 3.0), (1, 2, 3.5), (2, 2, 2.0)))
    assert first == Setting({"lr": 2}, 2.0, 1.0, {0: 1.0, 1: 3.0, 2: 2.0}, trials=(1, 3, 5), trial=5)
    assert (second.params, second.mean) == ({"lr": 1}, 3.0)
    assert first.seed_is_swept


@pytest.mark.parametrize(
    ("direction", "values", "representative"),
    [
        ("minimize", [1.0, 5.0, 3.0], 2),
        ("maximize", [1.0, 5.0, 3.0], 2),
        ("minimize", [1.0, 2.0], 1),  # not the luckier
        ("maximize", [1.0, 2.0], 0),
        ("minimize", [7.0], 0),
    ],
)
def test_the_median_trial_stands_for_a_setting(direction: str, values: list[float], representative: int) -> None:
    trials = [(1.0, seed, value) for seed, value in enumerate(values)]
    assert [setting.trial for setting in ranked(study(*trials, direction=direction))] == [representative]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_without_a_swept_seed_every_trial_is_a_setting_and_the_first_of_equals_is_best(direction: Any) -> None:
    made = optuna.create_study(direction=direction)
    for value in (3.0, 1.0, 1.0, 3.0, 2.0):
        made.add_trial(create_trial(params={"lr": 1.0}, distributions={"lr": LR}, value=value))
    made.add_trial(create_trial(state=FAIL))
    settings = ranked(made)
    assert settings[0] == Setting({"lr": 1.0}, made.best_value, None, {None: made.best_value}, *_number(made))
    assert len(settings) == 5
    assert not settings[0].seed_is_swept


def _number(study: optuna.Study) -> tuple[tuple[int], int]:
    return (study.best_trial.number,), study.best_trial.number


@pytest.mark.parametrize(
    ("trials", "order"),
    [
        ([(1, 0, 1.0), (1, 1, 1.0), (1, 2, FAIL), (2, 0, 9.0), (2, 1, 9.0), (2, 2, 9.0)], [2]),  # one diverged
        ([(1, 0, 1.0), (1, 1, 1.0), (2, 0, 9.0), (2, 1, 9.0), (2, 2, 9.0)], [2]),  # one is not done yet
        ([(1, 0, 1.0), (1, 1, 1.0), (1, 2, PRUNED), (2, 0, 9.0), (2, 1, 9.0), (2, 2, 9.0)], [2]),
        ([(1, 0, 1.0), (1, 1, 1.0), (2, 0, 9.0)], [1, 2]),  # none has every seed
        ([(1, 0, 1.0), (1, 0, 2.0), (1, 1, 1.0), (2, 0, 9.0), (2, 1, 9.0), (2, 2, 9.0)], [2]),  # seed 0 counts once
        ([(1, 0, FAIL), (1, 1, 1.0)], []),
        ([(1, 0, PRUNED)], []),
        ([], []),
    ],
)
def test_what_failed_is_not_best_and_what_lacks_seeds_only_if_all_do(trials: list, order: list[int]) -> None:
    assert [setting.params["lr"] for setting in ranked(study(*trials))] == order


@pytest.mark.parametrize(
    ("seed", "order"),
    [(IntDistribution(0, 1), [2]), (IntDistribution(0, 2, step=2), [2]), (FloatDistribution(0, 2), [1, 2])],
)
def test_every_seed_is_what_was_swept(seed: BaseDistribution, order: list[int]) -> None:
    last = 2 if isinstance(seed, IntDistribution) and seed.step == 2 else 1
    searched = study((1, 0, 1.0), (2, 0, 9.0), (2, last, 9.0), seed=seed)
    assert [setting.params["lr"] for setting in ranked(searched)] == order


def test_seeds_that_a_bracket_added_need_not_be_everywhere() -> None:
    room = IntDistribution(0, MAX_SEED)
    made = study((1, 0, 3.0), (1, 1, 3.0), (2, 0, 2.0), (2, 1, 2.0), (3, 0, 1.0), seed=room)
    params, distributions = {"lr": 1, "seed": 7}, {"lr": LR, "seed": room}
    made.add_trial(create_trial(params=params, distributions=distributions, value=0.0, user_attrs={UNPLANNED: True}))
    assert [setting.params["lr"] for setting in ranked(made)] == [1, 2]


def test_an_interrupted_trial_counts_for_nothing_and_an_infeasible_one_is_not_best() -> None:
    made = study((1, 0, 1.0), (1, 1, 1.0), (2, 0, 2.0), (2, 1, 2.0))
    params, distributions = {"lr": 1, "seed": 2}, {"lr": LR, "seed": SEED}
    made.add_trial(
        create_trial(params=params, distributions=distributions, state=FAIL, user_attrs={OUTCOME: INTERRUPTED})
    )
    assert [setting.params["lr"] for setting in ranked(made)] == [1, 2]
    made.add_trial(create_trial(params=params, distributions=distributions, value=1.0, constraints={"c": 1.0}))
    assert [setting.params["lr"] for setting in ranked(made)] == [2]


@pytest.mark.parametrize(
    ("first", "second", "is_tied"),
    [
        (of_values(1.0, 2.0, 3.0), of_values(1.1, 2.1, 3.1), False),  # every seed says the same, far apart as they are
        (of_values(1.0, 2.0, 3.0), of_values(1.1, 1.9, 3.2), True),
        (of_values(1.0, 2.0), of_values(1.1, 2.12), True),  # behind by 0.11; Student's t of two seeds allows 0.127
        (of_values(1.0, 2.0), of_values(1.1, 2.11), False),  # by 0.105 of 0.064
        (of_values(1.0, 1.0), of_values(1.0, 1.0), True),
        (of_values(1.0), of_values(1.0), False),  # one seed says nothing of its noise
        (of_values(1.0, 2.0, 3.0), of_values(1.1), False),
    ],
)
def test_a_tie_is_a_difference_within_the_noise_of_common_seeds(first: Setting, second: Setting, is_tied: bool) -> None:
    assert tied([first, second]) == (second if is_tied else None)


def test_one_setting_has_no_tie() -> None:
    assert tied([]) is tied([of_values(1.0, 2.0)]) is None


def tried(distribution: BaseDistribution, definition: str, *values: Any) -> optuna.Study:
    """Return a study of one key; the first of its values is the best, the last diverged."""
    made = optuna.create_study()
    made.set_user_attr(SPEC, {"space": {"x": definition}})
    for number, value in enumerate(values):
        end: Mapping[str, Any] = {"state": FAIL} if 0 < number == len(values) - 1 else {"value": float(number)}
        made.add_trial(create_trial(params={"x": value}, distributions={"x": distribution}, **end))
    return made


@pytest.mark.parametrize(
    ("study", "ends"),
    [
        (tried(CategoricalDistribution((2, 4, 8)), "choice(2, 4, 8)", 2, 4, 8), {"x": "lowest"}),
        (tried(CategoricalDistribution((1, 2, 4)), "choice(1, 2, 4)", 1, 2, 4), {}),  # no count is below 1
        (tried(CategoricalDistribution((0, 0.1, 0.3)), "choice(0, 0.1, 0.3)", 0, 0.1, 0.3), {}),
        (tried(CategoricalDistribution((1.0, 2.0, 4.0)), "choice(1.0, 2.0, 4.0)", 1.0, 2.0, 4.0), {"x": "lowest"}),
        (tried(CategoricalDistribution((1, 2, 4)), "choice(1, 2, 4)", 2, 1, 4), {}),
        (tried(CategoricalDistribution((1, 2, 4)), "choice(1, 2, 4)", 4, 1, 2), {"x": "highest"}),
        (tried(CategoricalDistribution((1, 2, 4)), "choice(1, 2, 4)", 2, 1, 1), {}),  # two values are both ends
        (tried(CategoricalDistribution(("a", "b", "c")), "choice(a, b, c)", "a", "b", "c"), {}),
        (tried(CategoricalDistribution((1, 2, None)), "choice(1, 2, null)", 1, 2, None), {}),
        (tried(CategoricalDistribution((False, True, 2)), "choice(false, true, 2)", False, True, 2), {}),
        (tried(IntDistribution(1, 9, step=2), "range(1, 11, 2)", 3, 5, 9), {"x": "lowest"}),
        (
            tried(FloatDistribution(1e-9, 1e9, log=True), "tag(bracket, choice(1.0, 2.0))", 4.0, 1.0, 2.0),
            {"x": "highest"},
        ),
        (tried(FloatDistribution(0, 1), "interval(0.0, 1.0)", 0.019, 0.5, 0.6), {}),
        (tried(FloatDistribution(0.5, 1.5), "interval(0.5, 1.5)", 0.519, 1.1, 1.2), {"x": "lowest"}),
        (tried(FloatDistribution(0, 1), "interval(0.0, 1.0)", 0.021, 0.5, 0.6), {}),  # the least tried, but no end
        (tried(FloatDistribution(0, 1), "interval(0.0, 1.0)", 0.981, 0.99, 0.6), {"x": "highest"}),
        (
            tried(FloatDistribution(1e-4, 1, log=True), "tag(log, interval(0.0001, 1))", 1.1e-4, 0.1, 0.2),
            {"x": "lowest"},
        ),
        (tried(FloatDistribution(1e-4, 1, log=True), "tag(log, interval(0.0001, 1))", 2e-4, 0.1, 0.2), {}),
        (tried(IntDistribution(1, 8), "int(interval(1, 8))", 8, 2, 3), {"x": "highest"}),
    ],
)
def test_a_best_value_at_an_end_of_what_was_tried(study: optuna.Study, ends: dict[str, str]) -> None:
    assert at_ends(study, ranked(study)[0]) == ends
