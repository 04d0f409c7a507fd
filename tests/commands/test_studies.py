"""Studies at a glance, their trials as a table, and their end."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import optuna
import pytest

from lrlab.cli.main import main
from lrlab.commands.studies import delete, summaries, summary, trial_table
from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study.queue import INTERRUPTED, OUTCOME, TrialCounts
from lrlab.sweeper.study.storage import Storage, parse
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag

LR: dict[str, optuna.distributions.BaseDistribution] = {"lr": optuna.distributions.FloatDistribution(0.1, 1)}


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.chdir(tmp_path)
    return parse("optuna.log", tmp_path)


@pytest.fixture
def study(storage: Storage) -> optuna.Study:
    """Two complete trials, one that failed, one that was interrupted and queued again, one that waits."""
    study = optuna.create_study(storage=storage.open(), study_name="s")
    for lr, value in ((0.1, 2.0), (0.2, 1.0)):
        study.add_trial(optuna.trial.create_trial(params={"lr": lr}, distributions=LR, value=value))
    failed = optuna.trial.TrialState.FAIL
    study.add_trial(optuna.trial.create_trial(state=failed))
    study.add_trial(optuna.trial.create_trial(state=failed, user_attrs={OUTCOME: INTERRUPTED}))
    study.enqueue_trial({"lr": 0.5})
    return study


def test_a_study_at_a_glance(study: optuna.Study) -> None:
    found = summary(study)
    assert (found.study, found.best, found.params, found.directions) == ("s", 1.0, {"lr": 0.2}, ("minimize",))
    assert found.trials == TrialCounts(waiting=1, complete=2, failed=1)
    assert (found.trials.done, found.trials.total) == (3, 4)


def test_the_newest_study_is_listed_first(study: optuna.Study, storage: Storage) -> None:
    optuna.create_study(storage=storage.open(), study_name="empty")
    optuna.create_study(storage=storage.open(), study_name="two", directions=["minimize", "maximize"])
    two, empty, first = summaries(storage)
    assert (two.study, two.best, two.directions) == ("two", None, ("minimize", "maximize"))
    assert (empty.study, empty.begun, empty.best, empty.params) == ("empty", None, None, {})
    assert first.study == "s"


def test_a_state_of_another_version_hides_no_study(study: optuna.Study, storage: Storage) -> None:
    study.set_user_attr("lrlab.extras", {"unknown": 1})
    (found,) = summaries(storage)
    assert (found.study, found.sweep, found.run_id) == ("s", "", "")


def test_every_trial_is_a_row_with_its_outcome_and_values(study: optuna.Study) -> None:
    rows = trial_table(study)
    assert [row["trial"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["outcome"] for row in rows] == ["complete", "complete", "failed", "cut off", "waiting"]
    assert [row["objective"] for row in rows] == [2.0, 1.0, None, None, None]
    assert [row["lr"] for row in rows] == [0.1, 0.2, None, None, None]


def test_several_objectives_are_several_columns(storage: Storage) -> None:
    study = optuna.create_study(storage=storage.open(), study_name="two", directions=["minimize", "maximize"])
    study.add_trial(optuna.trial.create_trial(params={}, distributions={}, values=[1.0, 2.0]))
    (row,) = trial_table(study)
    assert (row["objective_0"], row["objective_1"]) == (1.0, 2.0)


def test_a_study_with_running_trials_is_not_deleted(study: optuna.Study, storage: Storage) -> None:
    trial = study.ask()
    trial.set_user_attr(f"{Tag.OWNER}/{ProcessId.current()}", True)
    with pytest.raises(InputError, match="has 1 running trials"):
        delete(study, storage, None)
    assert summaries(storage)


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's search of runs, with SQLAlchemy 2.1
def test_a_sweep_is_listed_shown_and_deleted_with_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space = ["optimizer.lr=choice(0.1,0.2)", "batch_size=32", "schedule.warmup=0", "regularizer.strength=0"]
    small = ["data.train_size=300", "epochs=1", "hydra/launcher=basic", "hydra.sweeper.n_jobs=1"]
    assert main(["sweep", "quickstart", "study=mine", *space, *small]) == 0
    capsys.readouterr()

    assert main(["list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["study"], row["sweep"], row["trials"]["complete"]) == ("mine", "quickstart", 2)
    assert row["swept"] == {"optimizer.lr": "choice(0.1, 0.2)"}

    assert main(["show"]) == 0
    shown = capsys.readouterr().out
    assert "mine (quickstart)" in shown
    assert "2 of 2 trials done (2 complete)" in shown
    assert "best objective" in shown

    assert main(["trials", "mine", "--csv"]) == 0
    rows: list[dict[str, Any]] = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    assert {float(row["optimizer.lr"]) for row in rows} == {0.1, 0.2}
    assert main(["trials", "mine"]) == 0
    assert "optimizer.lr" in capsys.readouterr().out
    assert main(["trials", "--csv", "--json"]) == 2

    capsys.readouterr()
    assert main(["delete", "mine"]) == 2  # nobody can be asked
    assert "Say so with --yes" in capsys.readouterr().err
    assert main(["delete", "mine", "--yes"]) == 0
    assert "its 3 runs are in MLflow's trash" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    with Mlflow().open() as tracker, pytest.raises(InputError):
        tracker.get_run(rows[0]["run_id"])
    assert main(["show", "mine"]) == 2
    assert main(["trials"]) == 2
