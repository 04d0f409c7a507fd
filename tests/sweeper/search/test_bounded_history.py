from itertools import pairwise

import optuna
import pytest
from optuna.samplers import TPESampler

from lrlab.sweeper.search.bounded_history import BEST, LATEST, SPREAD, BoundedHistory
from lrlab.sweeper.study.memory import MemoryStore


def loss(trial: optuna.Trial) -> float:
    x, y = trial.suggest_float("x", 1e-3, 1, log=True), trial.suggest_int("y", 0, 9)
    return (x - 0.1) ** 2 + y * (trial.suggest_categorical("z", ["a", "b"]) == "a")


def study(sampler: optuna.samplers.BaseSampler, **options) -> optuna.Study:
    return optuna.create_study(storage=MemoryStore(), sampler=sampler, **options)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_what_fits_is_searched_as_by_tpe_itself(direction: str) -> None:
    plain = study(TPESampler(seed=1), direction=direction)
    bounded = study(BoundedHistory(TPESampler(seed=1)), direction=direction)
    for each in (plain, bounded):
        each.optimize(loss, n_trials=40)
    assert [trial.params for trial in plain.trials] == [trial.params for trial in bounded.trials]


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_the_best_and_the_latest_are_seen_and_those_that_run(direction: str, sign: int) -> None:
    sampler = BoundedHistory(TPESampler(seed=1))
    many = study(sampler, direction=direction)
    count = 2 * (SPREAD + LATEST)
    for number in range(count):
        trial = optuna.trial.create_trial(
            value=float(number) if number != 7 else None,
            state=optuna.trial.TrialState.COMPLETE if number != 7 else optuna.trial.TrialState.FAIL,
        )
        many.tell(many.ask(), trial.value, state=trial.state)
    running = many.ask()
    seen = [trial.number for trial in sampler._view(many, many.trials[running.number])._get_trials()]
    best = {number for number in sorted(range(count), key=lambda number: sign * number) if number != 7}
    wanted = set(sorted(best, key=lambda number: sign * number)[:BEST]) | set(range(count - LATEST, count))
    assert set(seen) >= wanted | {running.number}
    assert len(seen) <= BEST + LATEST + SPREAD + 1
    assert seen == sorted(seen)
    between = [number for number in seen if number not in wanted]
    assert max(after - before for before, after in pairwise(between)) <= BEST + LATEST + 3


def test_pruned_trials_come_after_complete_ones_and_the_furthest_first() -> None:
    sampler = BoundedHistory(TPESampler(seed=1))
    many = study(sampler, pruner=optuna.pruners.NopPruner())
    for step in (1, 3, 2):
        trial = many.ask()
        trial.report(0.0, step)
        many.tell(trial, state=optuna.trial.TrialState.PRUNED)
    many.tell(many.ask(), 5.0)
    infeasible = many.ask()
    infeasible.set_constraint("c", 1.0)
    many.tell(infeasible, -1.0)
    sampler._view(many, many.trials[0])
    assert [number for _, number, _ in sampler._best] == [3, 1, 2, 0, 4]


def test_with_several_objectives_all_trials_are_seen() -> None:
    sampler = BoundedHistory(TPESampler(seed=1))
    several = study(sampler, directions=["minimize", "maximize"])
    several.optimize(lambda trial: (loss(trial), trial.params["y"]), n_trials=15)
    assert sampler._view(several, several.trials[0]) is several
    assert len(several.trials) == 15


def test_other_storages_are_read_as_before() -> None:
    sampler = BoundedHistory(TPESampler(seed=1))
    other = optuna.create_study(sampler=sampler)
    other.optimize(loss, n_trials=15)
    assert sampler._view(other, other.trials[0]) is other


def test_tpe_leaves_no_notes_in_the_storage() -> None:
    many = study(BoundedHistory(TPESampler(seed=1, multivariate=True, n_startup_trials=2)))
    many.optimize(loss, n_trials=5)
    assert not any(key.startswith("tpe:") for trial in many.trials for key in trial.system_attrs)
