"""The plan of a sweep, before anything is written; test_sweeper.py carries plans out."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from lrlab.errors import InputError
from lrlab.sweeper.compose import Composer
from lrlab.sweeper.runners.hydra_job import JobApplication
from lrlab.sweeper.runners.protocols import Sweep
from lrlab.sweeper.study.state import Command, SweepState, write_state
from lrlab.sweeper.study.study import StudySpec, create, names
from tests.sweeper.conftest import Planner

NAMED = "hydra.sweeper.study_name=s"
GRID = ("x=1,2", "y=choice(3,4)")


class Application:
    """A task function with hooks of its own, which keeps what it was asked to check."""

    resume_ignored_keys = ("y", "threads")

    def __init__(self) -> None:
        self.checked: list[Sweep] = []

    def terms(self, composer: Composer, overrides: Sequence[str]) -> dict[str, Any]:
        return composer.compose(overrides)

    def directions(self, config: DictConfig, given: tuple[str, ...] | None) -> tuple[str, ...]:
        return given or ("minimize",)

    def description(self, sweep: Sweep) -> dict[str, str]:
        return {"objective": "x", "runs": "nowhere"}

    def check(self, sweep: Sweep) -> None:
        self.checked.append(sweep)

    def later(self, *_: object) -> None:
        raise AssertionError("a plan runs nothing")

    __call__ = prepare = check_host = runner = on_nothing_left = on_sweep_end = later


@pytest.fixture
def app() -> Application:
    return Application()


def test_a_plan_holds_the_whole_sweep_and_writes_nothing(planned: Planner, app: Application) -> None:
    plan = planned(app, *GRID, "z=5", NAMED, "hydra.sweeper.max_failure_rate=0.5", x=0, y=0, z=0)
    assert plan.trials == [{"x": x, "y": y} for x in (1, 2) for y in (3, 4)]
    space = {"x": "choice(1, 2)", "y": "choice(3, 4)"}
    assert plan.spec == StudySpec(("minimize",), space, ("z=5",), {"z": "5"})
    sweep = plan.sweep
    assert (sweep.study, sweep.trials, sweep.workers, sweep.state) == ("s", 4, 1, None)
    assert (sweep.directory, sweep.max_failure_rate) == (Path("sweep").absolute(), 0.5)
    assert sweep.boundary_overrides[0] == ("x=1", "y=3", "z=5")
    assert sweep.composer.compose(["x=7"]) == {"x": 7, "y": 0, "z": 0}
    assert app.checked == [sweep]
    assert os.listdir() == []


def test_a_task_without_hooks_is_run_as_hydra_jobs(planned: Planner) -> None:
    assert isinstance(planned(lambda config: 0.0, *GRID, x=0, y=0).application, JobApplication)


def test_a_sampler_chooses_where_the_space_has_no_end(planned: Planner, app: Application) -> None:
    plan = planned(app, "x=interval(0,1)", "hydra.sweeper.n_trials=3", x=0.5)
    assert (plan.trials, plan.sweep.trials) == ([{}] * 3, 3)
    assert plan.sweep.boundary_overrides == (("x=0.0",), ("x=1.0",))


def test_params_are_swept_and_the_command_line_wins(planned: Planner, app: Application) -> None:
    params = ("+hydra.sweeper.params.x='1,2,3'", "+hydra.sweeper.params.y='4,5'")
    plan = planned(app, *params, "y=7", x=0, y=0)
    assert plan.trials == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert all("y=7" in overrides and "y=4" not in overrides for overrides in plan.sweep.boundary_overrides)


def test_a_name_that_was_not_given_is_new_each_time(planned: Planner, app: Application) -> None:
    made = {planned(app, *GRID, x=0, y=0).sweep.study for _ in range(2)}
    assert len(made) == 2
    assert all(re.fullmatch(r"minimal_app_\d{4}_\d{4}_[a-z2-9]{5}", name) for name in made)


@pytest.mark.parametrize("sign", ["", "++"])
def test_overrides_that_decide_nothing_may_differ_when_a_study_is_resumed(
    planned: Planner, app: Application, sign: str
) -> None:
    plan = planned(app, "x=1,2", f"{sign}threads.blas=2", "+yy=1", f"{sign}y=3", x=0, y=0, threads={"blas": 1})
    assert plan.spec.fixed == ("+yy=1",)
    assert f"{sign}y=3" in plan.sweep.boundary_overrides[0]  # they hold all the same


def test_the_state_of_a_study_is_found_again_and_another_search_refused(planned: Planner, app: Application) -> None:
    state = SweepState("parent", 2, ((1, 8),), Command((), "config", ()))
    plan = planned(app, *GRID, NAMED, x=0, y=0)
    write_state(create(plan.storage, "s", plan.spec), state)
    assert plan.with_stored_state().sweep.state == state
    assert planned(app, *GRID, NAMED, x=0, y=0).sweep.state == state
    app.checked.clear()
    with pytest.raises(InputError, match=r"^study s exists with another search: x was choice\(1, 2\), is"):
        planned(app, "x=1,3", "y=3,4", NAMED, x=0, y=0)
    assert app.checked == []
    assert names(plan.storage) == ["s"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.sweeper.n_jobs=2"], "hydra.sweeper.n_jobs=2 needs a parallel launcher: hydra/launcher=joblib"),
        (["hydra.sweeper.storage=memory", "hydra/launcher=joblib"], "hydra.sweeper.storage=memory needs"),
        (["hydra.sweeper.sampler._target_=os.system"], "hydra.sweeper.sampler._target_ must start with optuna."),
        (["hydra.sweeper.pruner._target_=os.system"], "hydra.sweeper.pruner._target_ must start with optuna."),
        (["hydra.sweeper.custom_search_space=os.system"], "hydra.sweeper.custom_search_space needs"),
        (["y=tag(bracket, choice(1,2))", "x=tag(bracket, choice(1,2))"], "tag(bracket, …) must be of one key"),
        (["hydra.sweep.dir=/proc/nowhere"], "hydra.sweep.dir"),
        (["hydra.sweeper.storage=/proc/nowhere/x.log"], "hydra.sweeper.storage"),
    ],
)
def test_what_cannot_run_is_refused_before_the_application_is_asked(
    planned: Planner, app: Application, overrides: list[str], message: str
) -> None:
    with pytest.raises(InputError) as error:
        planned(app, *(overrides if "x=" in overrides[-1] else ["x=1,2", *overrides]), x=0, y=0)
    assert str(error.value).startswith(message)
    assert (app.checked, os.listdir()) == ([], [])


ASKED = "hydra.sweeper.question='Which x?\n  And why?'"


def test_a_sweep_has_the_question_of_its_file(planned: Planner, app: Application) -> None:
    assert planned(app, *GRID, ASKED, x=0, y=0).sweep.question == "Which x? And why?"
    assert planned(app, *GRID, x=0, y=0).sweep.question == ""


@pytest.mark.parametrize(("override", "question"), [("x=3", ""), ("x=choice(3,4)", "Which x?"), ("seed=3", "Which x?")])
def test_a_question_does_not_outlive_its_keys(planned: Planner, app: Application, override: str, question: str) -> None:
    params = "+hydra.sweeper.params={x: 'choice(1,2)', y: 'choice(3,4)', seed: 'choice(0,1)'}"
    plan = planned(app, override, params, "hydra.sweeper.question='Which x?'", x=0, y=0, seed=0)
    assert plan.sweep.question == question


def test_another_question_is_the_same_study(planned: Planner, app: Application) -> None:
    plan = planned(app, *GRID, NAMED, "hydra.sweeper.question=first", x=0, y=0)
    create(plan.storage, "s", plan.spec)
    assert planned(app, *GRID, NAMED, "hydra.sweeper.question=second", x=0, y=0).sweep.question == "second"
