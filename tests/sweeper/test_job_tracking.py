from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lrlab.config.override import overrides_of
from lrlab.errors import InputError
from lrlab.sweeper.job_tracking import command_of, job_tracking, launch_of, parent_run, plain, uses_lrlab
from lrlab.sweeper.study.state import SweepState
from lrlab.tracking.place import Place
from tests.sweeper.conftest import Planner


def task(config: object) -> float:
    return 0.0


def test_where_jobs_are_recorded(planned: Planner) -> None:
    config = planned(task, "x=1,2", x=0).sweep.config
    here = str(Path.cwd())
    found = job_tracking(config)
    assert found is not None
    assert (found.outputs, found.address) == (f"{here}/outputs", f"sqlite:///{here}/outputs/mlflow.db")
    assert uses_lrlab(config)
    assert parent_run(config) == ""


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("sqlite:///a/b.db", "sqlite:///{}/a/b.db"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("http://localhost:5000", "http://localhost:5000"),
    ],
)
def test_an_address(planned: Planner, given: str, address: str) -> None:
    plan = planned(task, "x=1", "hydra.sweeper.tracking=none", x=0)
    plan.sweep.config.hydra.sweeper.tracking = given
    found = job_tracking(plan.sweep.config)
    assert found is not None
    assert found.address == address.format(Path.cwd())


def test_nowhere(planned: Planner) -> None:
    assert job_tracking(planned(task, "x=1,2", "hydra.sweeper.tracking=none", x=0).sweep.config) is None


@pytest.mark.parametrize("given", ["here", "memory", "http://", "postgresql:me:pw@host", "sqlite:///:memory:"])
def test_no_address_is_refused(planned: Planner, given: str) -> None:
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.tracking must (be null, outputs|name a file)") as refused:
        planned(task, "x=1,2", f"hydra.sweeper.tracking='{given}'", x=0)
    assert "\n" not in str(refused.value)


def test_the_command_that_began_a_sweep(planned: Planner) -> None:
    command = command_of(planned(task, "x=1,2", x=0).sweep.config)
    assert command.config_name == "minimal_app"
    assert command.launch == launch_of(planned(task, "x=1,2", x=0).sweep.config)
    assert "hydra/sweeper=lrlab" in command.overrides


def test_overrides_are_kept_as_they_were_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Filled in, they would put the environment on record, or fail where they refer to a job."""
    monkeypatch.setenv("MY_STORAGE", "hunter2")
    typed = ["storage=${oc.env:MY_STORAGE}", "dir=${hydra.job.num}", "x=1"]
    config = OmegaConf.create({"hydra": {"job": {"num": "???"}, "overrides": {"task": typed, "hydra": []}}})
    assert overrides_of(config, "task") == typed
    assert overrides_of(config, "hydra") == []


def test_a_config_that_cannot_be_resolved_is_kept_as_it_is_written() -> None:
    config = OmegaConf.create({"a": "${gone}", "b": 1})
    assert plain(config, resolve=True) == {"a": "${gone}", "b": 1}
    assert plain(OmegaConf.create({"a": "${b}", "b": 1}), resolve=True) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("overrides", "state", "experiment"),
    [
        ((), None, "minimal_app"),
        (("hydra.job.name=mine",), None, "mine"),
        (("hydra.sweeper.experiment=theirs",), None, "theirs"),
        ((), SweepState("a", runs=Place(experiment="before")), "before"),
        ((), SweepState("a"), "lrlab"),  # of an earlier version, which did not record where its runs are
        (("hydra.sweeper.experiment=before",), SweepState("a", runs=Place(experiment="before")), "before"),
    ],
)
def test_the_experiment_of_jobs(
    planned: Planner, overrides: tuple[str, ...], state: SweepState | None, experiment: str
) -> None:
    found = job_tracking(planned(task, "x=1,2", *overrides, x=0).sweep.config, state)
    assert found
    assert found.mlflow.place.experiment == experiment


def test_jobs_of_one_study_stay_in_one_experiment(planned: Planner) -> None:
    config = planned(task, "x=1,2", "hydra.sweeper.experiment=other", x=0).sweep.config
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.experiment must be 'before', .* got 'other'$"):
        job_tracking(config, SweepState("a", runs=Place(experiment="before")))


@pytest.mark.parametrize("name", ["''", "' '"])
def test_an_experiment_has_a_name(planned: Planner, name: str) -> None:
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.experiment must be a name"):
        job_tracking(planned(task, "x=1,2", f"hydra.sweeper.experiment={name}", x=0).sweep.config)
