import math
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.pool import NullPool

from lrlab.errors import InputError
from lrlab.tables.optuna_study import read_study
from tests import postgres


def fill(storage: optuna.storages.BaseStorage) -> None:
    study = optuna.create_study(storage=storage, study_name="mine", direction="maximize")

    def objective(trial: optuna.Trial) -> float:
        lr = trial.suggest_float("opt.lr", 1e-3, 1, log=True)
        trial.set_user_attr("depth", {"n": 2})
        if trial.number == 1:
            raise optuna.TrialPruned
        return math.nan if trial.number == 2 else lr

    study.optimize(objective, n_trials=5)
    optuna.create_study(storage=storage, study_name="two", directions=["minimize", "maximize"]).optimize(
        lambda trial: (trial.suggest_float("lr", 0, 1), 1.0), n_trials=2
    )
    optuna.create_study(storage=storage, study_name="empty")


@pytest.fixture(params=["studies.log", "sqlite:///studies.db"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    text = str(request.param)
    fill(RDBStorage(text) if text.startswith("sqlite") else JournalStorage(JournalFileBackend(text)))
    return text


def test_the_trials_that_are_complete(url: str, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    source = read_study("mine", url)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert list(source.columns) == ["params.opt.lr", "user_attrs.depth.n", "value"]
    assert source.columns["value"] == source.columns["params.opt.lr"]
    assert len(source.columns["value"]) == 3
    assert (source.loss, source.maximize) == ("value", True)
    assert source.left_out == ("2 of 5 trials are not complete",)
    assert source.keys == frozenset(["params.opt.lr"])  # an attribute may be a result


@pytest.mark.skipif(postgres.programs() is None, reason="there is no PostgreSQL")
def test_a_study_in_postgresql() -> None:
    with postgres.running() as url:
        fill(RDBStorage(url, engine_kwargs={"poolclass": NullPool}))
        source = read_study("mine", url)
    assert len(source.columns["value"]) == 3
    assert source.columns["value"] == source.columns["params.opt.lr"]


def test_several_objectives_have_none_that_is_chosen(url: str) -> None:
    source = read_study("two", url)
    assert source.loss is None
    assert source.columns["values.1"] == [1.0, 1.0]


def test_what_cannot_be_read(url: str, tmp_path: Path) -> None:
    for study, storage, said in (
        ("none", url, "study 'none' is not in .*; the newest there: 'mine', 'two', 'empty'"),
        ("empty", url, "must have trials that are complete, got none of 0"),
        ("mine", "sqlite:///nowhere.db", "there is no file"),
        ("mine", "nowhere.log", "there is no file"),
        ("mine", "postgresql://me:secret@127.0.0.1:1/db", "cannot be read"),
        ("mine", "oracle://me:secret@host/db", "got 'oracle:…'"),
    ):
        with pytest.raises(InputError, match=said) as refusal:
            read_study(study, storage)
        assert "secret" not in str(refusal.value)
    assert not (tmp_path / "nowhere.db").exists()
    assert not (tmp_path / "nowhere.log").exists()


def test_a_database_of_something_else_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.db").touch()
    (tmp_path / "text.log").write_text("not a journal\n")
    for storage in ("sqlite:///other.db", "text.log"):
        with pytest.raises(InputError, match=r"cannot be read|is not in"):
            read_study("mine", storage)
    assert (tmp_path / "other.db").read_bytes() == b""


def test_an_objective_that_was_reused_is_no_further_result(url: str) -> None:
    from lrlab.sweeper.study.queue import REUSES
    from lrlab.sweeper.study.storage import parse

    study = optuna.load_study(study_name="mine", storage=parse(url, Path.cwd()).open())
    study.add_trial(optuna.trial.create_trial(value=0.5, user_attrs={REUSES: 0}))
    source = read_study("mine", url)
    assert len(source.columns["value"]) == 3
    assert source.left_out == (
        "2 of 6 trials are not complete",
        "1 of 6 trials reuse the objective of another one",
    )
