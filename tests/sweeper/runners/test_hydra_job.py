"""The runner of ordinary Hydra jobs, without a sweeper: folders, logs and the end of each job."""

import logging
import signal
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus

from lrlab.config.hydra_compat import restored_logging
from lrlab.errors import InputError
from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper.report import report
from lrlab.sweeper.runners.hydra_job import JobRunner, check_subdir
from lrlab.sweeper.runners.protocols import TrialEnd, WorkerContext
from lrlab.sweeper.study.state import SweepState
from tests.sweeper.conftest import Planner

NewRunner = Callable[[Callable[[Any], Any]], JobRunner]


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=10))


@pytest.fixture
def runner(planned: Planner) -> Iterator[NewRunner]:
    """The runner of a task whose config is {x: 0}."""

    def new(task: Callable[[Any], Any]) -> JobRunner:
        plan = planned(task, "x=1,2", x=0)
        made: Any = plan.application.runner(WorkerContext(plan.sweep, SweepState(), SignalHandler()))
        return made

    with restored_logging():
        yield new


def end_of(runner: JobRunner, study: optuna.Study, *overrides: str) -> TrialEnd:
    runner.start(study.ask(), overrides)
    return runner.advance()[0]


def test_a_job_runs_in_its_own_folder_with_the_number_of_its_trial(runner: NewRunner, study: optuna.Study) -> None:
    study.ask()
    jobs = runner(lambda config: (config.x, HydraConfig.get().job.num, HydraConfig.get().runtime.output_dir))
    end = end_of(jobs, study, "x=3")
    assert (end.trial, end.state, end.value) == (1, "complete", (3, 1, str(Path("sweep/1").absolute())))
    assert (end.result.overrides, Path("sweep/1/.hydra/config.yaml").read_text()) == (["x=3"], "x: 3\n")


def test_one_job_at_a_time(runner: NewRunner, study: optuna.Study) -> None:
    jobs = runner(lambda config: config.x)
    for leave in (jobs.advance, jobs.close):
        assert jobs.free_slots == 1
        jobs.start(study.ask(), ["x=1"])
        assert jobs.free_slots == 0
        leave()
    with pytest.raises(InputError, match="the config has no key y"):
        jobs.start(study.ask(), ["y=1"])
    assert jobs.free_slots == 1


@pytest.mark.parametrize(
    ("task", "reason"),
    [(lambda config: 1 / 0, "ZeroDivisionError: division by zero"), (lambda config: next(iter(())), "StopIteration")],
)
def test_a_job_that_raises_fails_and_its_log_says_why(
    runner: NewRunner, study: optuna.Study, task: Callable[[Any], Any], reason: str
) -> None:
    end = end_of(runner(task), study)
    assert (end.state, end.value, end.reason) == ("failed", None, reason)
    assert "Trial 0 failed\nTraceback (most recent call last):" in Path("sweep/0/minimal_app.log").read_text()


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (SystemExit(), "SystemExit()"),
        (SystemExit(0), "SystemExit(0)"),
        (SystemExit("usage: x"), "SystemExit('usage: x')"),
        (CancelledError(), "CancelledError()"),
        (GeneratorExit(), "GeneratorExit()"),
    ],
)
def test_a_job_that_leaves_otherwise_has_failed(
    runner: NewRunner, study: optuna.Study, error: BaseException, shown: str
) -> None:
    def task(config: Any) -> None:
        raise error

    end = end_of(runner(task), study)
    assert (end.state, end.reason) == ("failed", f"RuntimeError: the job left by {shown}")
    assert end.result.status == JobStatus.FAILED


def test_ctrl_c_is_no_failure_of_a_job(runner: NewRunner, study: optuna.Study) -> None:
    def task(config: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end_of(runner(task), study)


def test_what_a_job_reports_reaches_its_trial_and_may_prune_it(runner: NewRunner, study: optuna.Study) -> None:
    def task(config: Any) -> None:
        for step in range(3):
            report(step, config.x * step)

    jobs = runner(task)
    assert end_of(jobs, study, "x=2").state == "complete"
    end = end_of(jobs, study, "x=20")
    assert (end.state, end.value, end.reason) == ("pruned", None, "pruned at step 1 with 20")
    assert [trial.intermediate_values for trial in study.trials] == [{0: 0, 1: 2, 2: 4}, {0: 0, 1: 20}]


def test_the_log_is_hydra_s_again_after_a_job(runner: NewRunner, study: optuna.Study) -> None:
    def files(config: Any = None) -> int:
        return sum(isinstance(handler, logging.FileHandler) for handler in logging.getLogger().handlers)

    jobs = runner(files)
    assert (files(), end_of(jobs, study).value, files()) == (0, 1, 0)


@pytest.mark.parametrize(("signum", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_interrupts_a_job(
    runner: NewRunner, study: optuna.Study, signum: int, error: type[BaseException]
) -> None:
    jobs = runner(lambda config: jobs._signals(signum, None))
    with pytest.raises(error):
        end_of(jobs, study)
    assert jobs.free_slots == 1


@pytest.mark.parametrize("subdir", ["${hydra.job.num}/../..", "/elsewhere"])
def test_the_folder_of_a_job_stays_inside_the_sweep_s(planned: Planner, subdir: str) -> None:
    sweep, before = planned(lambda config: 0.0, "x=1,2", x=0).sweep, HydraConfig.instance().cfg
    check_subdir(sweep.composer.job(["hydra.sweep.subdir='${hydra.job.num}/a/../..'"], 7), sweep.directory)
    with pytest.raises(InputError, match=r"^hydra\.sweep\.subdir must stay inside hydra\.sweep\.dir \(.*/sweep\)"):
        check_subdir(sweep.composer.job([f"hydra.sweep.subdir='{subdir}'"], 7), sweep.directory)
    assert HydraConfig.instance().cfg is before


def test_a_folder_that_a_swept_value_leads_away_is_refused_before_the_sweep(planned: Planner) -> None:
    with pytest.raises(InputError, match=r"got '\.\./\.\./away'$"):
        planned(lambda config: 0.0, "x=here,../../away", "hydra.sweep.subdir=${x}", x="")
    assert list(Path().iterdir()) == []
