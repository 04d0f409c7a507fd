import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from omegaconf import OmegaConf
from optuna.samplers import RandomSampler

from lrlab.errors import InputError
from lrlab.sweeper.config import PRUNERS, SAMPLERS
from lrlab.sweeper.search.strategy import SearchStrategy, is_exhaustive
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.storage import Storage
from tests.sweeper.search.test_conditions import read

NO_CONFIG = OmegaConf.create()


def draws(search, worker: int, past: int, count: int = 5) -> list[float]:
    study = optuna.create_study(sampler=search.sampler("s", worker, past))
    return [study.ask().suggest_float("x", 0, 1) for _ in range(count)]


@pytest.mark.parametrize(
    ("overrides", "sampler", "trials", "whole"),
    [
        (["a=1,2", "b=range(3)"], "TPESampler", None, True),
        ([], "TPESampler", None, True),
        (["a=1,2"], "TPESampler", 5, False),
        (["a=1,2"], "GridSampler", 1, True),
        (["a=1,2", "b=interval(0,1)"], "TPESampler", None, False),
    ],
)
def test_when_every_combination_is_run(
    search: Callable[..., SearchStrategy], overrides: list[str], sampler: str, trials: Any, whole: Any
) -> None:
    assert search(*overrides, sampler=sampler, trials=trials).is_exhaustive == whole


@pytest.mark.parametrize(
    ("overrides", "enqueued", "pruner", "trials", "learns"),
    [
        (["a=1,2", "b=range(3)"], (), "NopPruner", None, False),
        (["a=1,2", "b=range(3)"], (), "MedianPruner", None, True),
        (["a=interval(0,1)"], (), "NopPruner", 3, True),
        (["a=interval(0,1)"], ({"a": 0.1}, {"a": 0.2}), "NopPruner", 3, True),
        (["a=interval(0,1)"], ({"a": 0.1}, {"a": 0.2}), "NopPruner", 2, False),
        (["a=interval(0,1)", "b=x,y"], ({"a": 0.1}, {"a": 0.2}), "NopPruner", 2, True),
    ],
)
def test_whether_earlier_trials_decide_on_later_ones(
    search: Callable[..., SearchStrategy], overrides: list[str], enqueued: Any, pruner: str, trials: Any, learns: bool
) -> None:
    strategy = search(*overrides, sampler="TPESampler", trials=trials)
    strategy = replace(strategy, enqueued=enqueued, pruner_config={"_target_": f"optuna.pruners.{pruner}"})
    assert strategy.learns(strategy.planned_trials(trials)) is learns


@pytest.mark.parametrize(
    ("overrides", "sampler", "trials", "plan"),
    [
        (["a=1,2", "b=x,y"], "TPESampler", None, [{"a": a, "b": b} for a in (1, 2) for b in "xy"]),
        (["a=1,1"], "TPESampler", None, [{"a": 1}, {"a": 1}]),
        ([], "TPESampler", None, [{}]),
        (["a=1,2"], "TPESampler", 3, [{}] * 3),
        (["a=interval(0,1)"], "TPESampler", None, [{}] * 20),
        (["a=1,2"], "GridSampler", 9, [{"a": 1}, {"a": 2}]),
    ],
)
def test_plans(
    search: Callable[..., SearchStrategy], overrides: list[str], sampler: str, trials: Any, plan: Any
) -> None:
    assert search(*overrides, sampler=sampler, trials=trials).planned_trials(trials) == plan


@pytest.mark.parametrize(
    ("overrides", "sampler", "trials", "chosen", "whole"),
    [
        (["a=1,2"], "TPESampler", 5, False, True),
        (["a=1,2"], "TPESampler", 1, False, True),
        (["a=1,2"], "TPESampler", 5, True, False),
        (["a=1,2", "b=interval(0,1)"], "TPESampler", 5, False, False),
        (["a=range(1000)", "b=range(1000)"], "TPESampler", 5, False, False),
        (["a=tag(bracket,choice(1,2))"], "TPESampler", 5, False, False),
    ],
)
def test_a_finite_space_needs_no_sampler(
    search: Callable[..., SearchStrategy], overrides: list[str], sampler: str, trials: int, chosen: bool, whole: bool
) -> None:
    space = search(*overrides, is_exhaustive=False, trials=1).space
    assert is_exhaustive(space, f"optuna.samplers.{sampler}", trials, "", chosen=chosen) == whole


@pytest.mark.parametrize(
    ("overrides", "sampler", "trials", "remark"),
    [
        (["a=1,2", "b=3,4"], "TPESampler", 48, "the space has 4 combinations, each of which is tried once: .*=48 is"),
        (["a=1,2"], "GridSampler", 3, "the space has 2 combinations"),
        ([], "TPESampler", 3, "the space has 1 combination, "),
        (["a=1,2", "b=3,4"], "TPESampler", 3, "n_trials=3 of 4 combinations were drawn"),
        (["a=1,2"], "GridSampler", 1, "^$"),
        (["a=1,2"], "TPESampler", 2, "^$"),
        (["a=1,2"], "TPESampler", None, "^$"),
    ],
)
def test_remarks(
    search: Callable[..., SearchStrategy], overrides: list[str], sampler: str, trials: int | None, remark: str
) -> None:
    assert re.search(remark, search(*overrides, sampler=sampler, is_exhaustive=True).remark(trials))


def test_a_search_is_not_remarked_on(search: Callable[..., SearchStrategy]) -> None:
    assert search("a=1,2", is_exhaustive=False).remark(48) == ""


def test_a_part_of_a_grid_is_spread_over_it_by_the_seed(search: Callable[..., SearchStrategy]) -> None:
    grid = search("a=range(100)", sampler="GridSampler", trials=10)
    values = [params["a"] for params in grid.planned_trials(10)]
    assert len(set(values)) == 10
    assert max(values) > 50
    assert grid.planned_trials(10) == grid.planned_trials(10)
    assert grid.planned_trials(20)[:10] == grid.planned_trials(10)


@pytest.mark.parametrize(
    ("overrides", "trials", "message"),
    [
        (["a=1,2", "b.c=interval(0,1)"], None, r"sampler=grid needs choice\(…\) or range\(…\) .* got b\.c=interval"),
        (["a=range(1000)", "b=range(1000)"], 5, "the search space has 1000000 combinations, more than 100000"),
    ],
)
def test_grids_that_cannot_be_listed(
    search: Callable[..., SearchStrategy], overrides: list[str], trials: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        search(*overrides, sampler="GridSampler", trials=trials)


def test_a_custom_space_cannot_be_enumerated(search: Callable[..., SearchStrategy]) -> None:
    space = search("a=1,2").space
    assert not is_exhaustive(space, "optuna.samplers.TPESampler", None, "mine.space")
    with pytest.raises(InputError, match=r"got custom_search_space=mine\.space"):
        is_exhaustive(space, "optuna.samplers.GridSampler", None, "mine.space")


def test_a_seed_is_advanced_by_the_past_and_differs_between_workers(search: Callable[..., SearchStrategy]) -> None:
    found = search("x=interval(0,1)")
    assert draws(found, 0, 0) == draws(found, 0, 0)
    continued = [draws(found, worker, past) for worker in (0, 1) for past in (0, 1, 20)]
    assert len({tuple(drawn) for drawn in continued}) == len(continued)


@pytest.mark.parametrize(("concurrent", "random"), [(1, 10), (8, 10), (16, 16)])
def test_tpe_draws_at_random_what_is_trained_at_once_and_ten_at_least(
    search: Callable[..., SearchStrategy], concurrent: int, random: int
) -> None:
    """TPE draws its first values from the generator of RandomSampler; then both have their own."""
    drawn = []
    samplers = search("x=interval(0,1)", sampler="TPESampler").sampler("s", 0, 0, concurrent), RandomSampler(seed=0)
    for sampler in samplers:
        study = optuna.create_study(sampler=sampler)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), 20)
        drawn.append([trial.params["x"] for trial in study.get_trials()])
    assert [a == b for a, b in zip(*drawn, strict=True)] == [True] * random + [False] * (20 - random)


def test_the_first_worker_draws_what_optuna_draws_with_that_seed(search: Callable[..., SearchStrategy]) -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    assert draws(search("x=interval(0,1)"), 0, 0) == [study.ask().suggest_float("x", 0, 1) for _ in range(5)]


def test_a_quasi_random_sequence_goes_on_across_workers_and_sweeps(
    search: Callable[..., SearchStrategy], storage: Storage
) -> None:
    """Two workers, then a continued sweep: together one Sobol sequence, no point twice."""
    qmc = {"_target_": "optuna.samplers.QMCSampler", "seed": None, "scramble": True}
    found = search("x=interval(0,1)", sampler="QMCSampler", sampler_config=qmc)
    optuna.create_study(storage=storage.open(), study_name="s")
    Queue(storage, "s").enqueue_missing([{}] * 9)
    drawn = []
    workers = [Queue(storage, "s", found.sampler("s", worker, past)) for worker, past in ((0, 0), (1, 0), (0, 8))]
    for number in range(9):
        queue = workers[number % 2 if number < 6 else 2]
        trial = queue.claim()
        assert trial
        drawn.append(trial.suggest_float("x", 0, 1))
        queue.complete(trial, [0.0])
    # the first point is Optuna's independent one; the next 8 of a scrambled Sobol sequence stratify [0, 1)
    assert sorted(np.floor(np.array(drawn[1:]) * 8)) == list(range(8))


@pytest.mark.parametrize(
    ("part", "config", "message"),
    [
        ("sampler_config", {"_target_": "os.system"}, r"sampler\._target_ must start with optuna\.samplers\."),
        ("sampler_config", {"_target_": "optuna.samplers.Nope"}, "names nothing that can be imported"),
        ("sampler_config", {"_target_": "optuna.samplers.TPESampler", "x": 1}, "unexpected keyword argument 'x'"),
        ("sampler_config", {"_target_": "optuna.samplers.TPESampler", "group": True, "multivariate": False}, "group"),
        ("pruner_config", {"_target_": "optuna.samplers.TPESampler"}, r"must start with optuna\.pruners\."),
        ("pruner_config", {"_target_": "optuna.pruners.PercentilePruner", "percentile": 300.0}, "percentile"),
    ],
)
def test_what_is_no_sampler_or_pruner(
    search: Callable[..., SearchStrategy], part: str, config: Any, message: str
) -> None:
    found = search("a=1,2", **{part: config})
    with pytest.raises(InputError, match=message):
        found.sampler("s", 0, 0) if part == "sampler_config" else found.pruner()


def test_gp_without_torch_is_refused_with_what_to_install(
    search: Callable[..., SearchStrategy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    gp = {"_target_": "optuna.samplers.GPSampler"}
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.sampler\._target_ .* got GPSampler: pip install torch$"):
        search("x=interval(0,1)", sampler_config=gp).sampler("s", 0, 0)
    inside = {"_target_": "optuna.samplers.PartialFixedSampler", "fixed_params": {}, "base_sampler": gp}
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.sampler\.base_sampler\._target_ .*: pip install torch$"):
        search("x=interval(0,1)", sampler_config=inside).sampler("s", 0, 0)
    search("a=1,2", sampler_config=gp).sampler("s", 0, 0)  # every combination is run: nothing is asked of it


@pytest.mark.parametrize("name", sorted(SAMPLERS.keys() - {"gp", "grid"}))
def test_every_other_sampler_goes_on_after_its_start_up_trials(
    search: Callable[..., SearchStrategy], name: str
) -> None:
    found = search("x=interval(0,1)", "n=range(1,9)", sampler_config=vars(SAMPLERS[name]()) | {"seed": 1})
    study = optuna.create_study(sampler=found.sampler("s", 0, 0))
    for _ in range(12):
        trial = study.ask()
        found.space.suggest(trial)
        study.tell(trial, trial.params["x"])


@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_decides(search: Callable[..., SearchStrategy], name: str) -> None:
    config: Any = OmegaConf.to_container(OmegaConf.structured(PRUNERS[name]()))
    study = optuna.create_study(pruner=search("x=interval(0,1)", pruner_config=config).pruner())
    for number in range(8):
        trial = study.ask()
        for step in range(1, 10):
            trial.report(float(number), step)
            assert not (trial.should_prune() and name == "none")
        study.tell(trial, float(number))


SPACE = """
def space(config, trial):
    if trial.suggest_categorical("kind", ["a", "b c"]) == "a":
        trial.suggest_float("depth", 0, config.top)
"""


def test_a_custom_space_adds_to_the_overrides(
    search: Callable[..., SearchStrategy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somebodys.py").write_text(SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    found = search("a=1,2", "b=3", is_exhaustive=False, custom="somebodys.space", allow=("somebodys.",))
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.enqueue_trial({"a": 2, "kind": "a", "depth": 0.25})
    study.enqueue_trial({"a": 1, "kind": "b c"})
    config = OmegaConf.create({"top": 0.5})
    assert found.overrides(study.ask(), config) == ("a=2", "b=3", "kind=a", "depth=0.25")
    assert found.overrides(study.ask(), config) == ("a=1", "b=3", r"kind=b\ c")


def test_a_custom_space_may_suggest_what_does_not_apply(
    search: Callable[..., SearchStrategy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "further.py").write_text(SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    space = read("a=1,2", "depth=interval(0,1)", depth="a=2")
    found = search(is_exhaustive=False, custom="further.space", allow=("further.",))
    study = optuna.create_study()
    study.enqueue_trial({"a": 1, "kind": "a", "depth": 0.25})
    study.enqueue_trial({"a": 2, "kind": "b c", "depth": 0.75})
    drawn = [replace(found, space=space).overrides(study.ask(), OmegaConf.create({"top": 0.5})) for _ in range(2)]
    assert drawn == [("a=1", "kind=a", "depth=0.25"), ("a=2", "depth=0.75", r"kind=b\ c")]


@pytest.mark.parametrize("fixed", ["kind=3", "+kind=3", "++kind=a", "~kind"])
def test_a_custom_space_must_not_suggest_what_is_fixed(
    search: Callable[..., SearchStrategy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fixed: str
) -> None:
    (tmp_path / "somebodys.py").write_text(SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    found = search(fixed, is_exhaustive=False, custom="somebodys.space", allow=("somebodys.",))
    study = optuna.create_study()
    study.enqueue_trial({"kind": "b c"})
    with pytest.raises(InputError) as error:
        found.overrides(study.ask(), NO_CONFIG)
    assert str(error.value) == (
        f"hydra.sweeper.custom_search_space must not suggest kind, which {fixed} fixes, got 'b c'"
    )


def test_a_custom_space_is_not_imported_unless_it_is_trusted(
    search: Callable[..., SearchStrategy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spy.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    for allow in ((), ("somebodys.",)):
        found = search("a=1,2", custom="spy.space", allow=allow)
        with pytest.raises(InputError, match=r"^hydra\.sweeper\.custom_search_space"):
            found.custom_function()
