"""What a reused objective counts for: nothing that a repetition would."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from lrlab.commands.studies import trial_table
from lrlab.sweeper.results import save_results
from lrlab.sweeper.study.queue import REUSES, TrialCounts
from lrlab.sweeper.study.ranking import ranked
from lrlab.sweeper.study.reuse import tag_reused_runs
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from tests.multirun import Multirun

KEYS: dict[str, BaseDistribution] = {"x": IntDistribution(0, 9), "seed": IntDistribution(0, 1)}


def study_of(*trials: tuple[int, int, list[float], int | None], runs: tuple[str, ...] = ()) -> optuna.Study:
    """A study of trials: x, seed, objectives, and the trial that each reuses."""
    study = optuna.create_study(directions=["minimize"] * len(trials[0][2]))
    for number, (x, seed, values, reused) in enumerate(trials):
        attributes: dict[str, Any] = {"run_id": runs[number]} if number < len(runs) and reused is None else {}
        attributes |= {} if reused is None else {REUSES: reused}
        params = {"x": x, "seed": seed}
        study.add_trial(create_trial(params=params, distributions=KEYS, values=values, user_attrs=attributes))
    return study


def test_it_is_no_repetition() -> None:
    study = study_of((1, 0, [1.0], None), (1, 1, [2.0], None), (1, 0, [1.0], 0), (2, 0, [0.5], None), (2, 0, [0.5], 3))
    (best,) = ranked(study)  # x=2 had one seed of two, however often it was reused
    assert (best.params, best.trials, best.mean) == ({"x": 1}, (0, 1), 1.5)
    assert TrialCounts.of(study.trials).done == 5
    assert [row["reuses"] for row in trial_table(study)] == [None, None, 0, None, 3]


def test_it_is_once_among_the_best_of_several_objectives(tmp_path: Path) -> None:
    save_results(study_of((1, 0, [1.0, 2.0], None), (1, 0, [1.0, 2.0], 0)), tmp_path)
    assert (tmp_path / "optimization_results.yaml").read_text().count("params") == 1


def test_the_run_that_is_reused_names_the_trials() -> None:
    tracker = MemoryTracker()
    runs = tuple(tracker.create_run(f"trial {number}") for number in range(2))
    study = study_of((1, 0, [1.0], None), (2, 0, [1.0], None), (1, 0, [1.0], 0), (1, 0, [1.0], 0), runs=runs)
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={REUSES: 1}))  # it was cut off meanwhile
    tag_reused_runs(study, tracker)
    assert [tracker.get_run(run_id).tags.get(Tag.REUSED_BY) for run_id in runs] == ["2, 3", None]


@pytest.mark.parametrize("missing", [True, False])
def test_a_run_that_was_deleted_is_left_alone(missing: bool) -> None:
    tracker = MemoryTracker()
    runs = ("deleted" if missing else tracker.create_run("trial 0"),)
    tag_reused_runs(study_of((1, 0, [1.0], None), (1, 0, [1.0], 0), runs=runs), tracker)


@pytest.mark.parametrize("storage", ["memory", "null", "sqlite:///x.db"])
@pytest.mark.parametrize("space", ["x=0.1,0.2", "x=range(0.1,0.25,0.1)"])
def test_a_job_is_run_once_for_each_value(multirun: Multirun, storage: str, space: str) -> None:
    run: list[float] = []

    def task(config: DictConfig) -> float:
        run.append(config.x)
        return float(config.x)

    search = ("hydra.sweeper.n_trials=8", "hydra/sweeper/sampler=tpe", f"hydra.sweeper.storage={storage}")
    ((*jobs,),) = multirun(task, space, *search, "hydra.sweeper.reuse=true", x=0.0)
    assert len(run) == len(set(run)) == len(jobs)
