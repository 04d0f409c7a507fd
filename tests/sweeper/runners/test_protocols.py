"""What the sweeper asks of a task function with hooks of its own, and when."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig

from lrlab.errors import InputError
from lrlab.sweeper.compose import Composer
from lrlab.sweeper.runners.protocols import Sweep, TrialEnd, WorkerContext
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.state import Command, SweepState, read_state
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import load
from lrlab.sweeper.sweeper import SweepFailedError
from tests.multirun import Multirun

JOURNAL = "hydra.sweeper.study_name=s"


def queue(name: str = "s") -> Queue:
    return Queue(parse(None, Path.cwd()), name)


STATE = SweepState("run of s", 2, ((1, 8), (32, 16)), Command((), "config", ("x=1,2",)))


class Lab:
    """A task function with hooks of its own."""

    def __init__(self, refusal: str = "", broken: bool = False, ended: SweepState | None = None) -> None:
        self.refusal, self.broken = refusal, broken
        self.prepared: list[Sweep] = []
        self.contexts: list[WorkerContext] = []
        self.concluded: list[tuple[SweepState, int, str]] = []
        self.asked, self.ended = 0, ended

    def __call__(self, config: DictConfig) -> float:
        raise AssertionError("the runner is used instead")

    resume_ignored_keys = ("z",)

    def terms(self, composer: Composer, overrides: Sequence[str]) -> dict[str, Any]:
        return composer.compose(overrides)

    def directions(self, config: DictConfig, given: tuple[str, ...] | None) -> tuple[str, ...]:
        return given or ("minimize",)

    def description(self, sweep: Sweep) -> Any: ...
    def check_host(self, sweep: Sweep, state: SweepState) -> None: ...

    def check(self, sweep: Sweep) -> None:
        if self.refusal:
            raise InputError(self.refusal)

    def prepare(self, sweep: Sweep) -> SweepState:
        self.prepared.append(sweep)
        return sweep.state or STATE

    def runner(self, context: WorkerContext) -> "Whole":
        self.contexts.append(context)
        return Whole(context, self.broken)

    def on_nothing_left(self, sweep: Sweep, study: optuna.Study) -> SweepState | None:
        self.asked += 1
        return self.ended

    def on_sweep_end(self, sweep, state, study, error) -> None:
        self.concluded.append((state, len(study.trials), type(error).__name__))


class Whole:
    """Composes its trials and ends them all at once."""

    def __init__(self, context: WorkerContext, broken: bool) -> None:
        self.compose, self.broken = context.sweep.composer.compose, broken
        self.values: dict[int, float] = {}
        self.free_slots = 2

    def start(self, trial, overrides):
        self.values[trial.number] = self.compose(overrides)["x"]

    def advance(self):
        if self.broken:
            raise ZeroDivisionError
        ends = [TrialEnd(number, "complete", value) for number, value in self.values.items()]
        self.values.clear()
        return ends

    def prune(self, trial):
        raise AssertionError

    def close(self):
        self.free_slots = 0


def test_an_application_with_its_own_runner(multirun: Multirun) -> None:
    lab = Lab()
    assert multirun(lab, "x=1,2,3", "+y=0", JOURNAL, x=0) == [[]]
    (sweep,), (context,) = lab.prepared, lab.contexts
    assert (sweep.study, sweep.trials, sweep.workers, sweep.state) == ("s", 3, 1, None)
    assert sweep.directory == Path("sweep").absolute()
    assert sweep.boundary_overrides == (("x=1", "+y=0"), ("x=2", "+y=0"), ("x=3", "+y=0"))
    assert context.state == STATE
    assert [trial.value for trial in queue().trials()] == [1, 2, 3]
    assert lab.concluded == [(STATE, 3, "NoneType")]
    assert set(os.listdir("sweep")) == {"multirun.yaml", "optimization_results.yaml"}


def test_an_application_finds_again_what_it_prepared(multirun: Multirun) -> None:
    multirun(Lab(), "x=1,2", JOURNAL, x=0)
    again = Lab()
    multirun(again, "x=1,2", JOURNAL, x=0)
    assert again.prepared[0].state == STATE
    assert read_state(load(parse(None, Path.cwd()), "s")) == STATE


def test_a_sweep_that_has_ended_is_not_run_again(multirun: Multirun, capsys: pytest.CaptureFixture[str]) -> None:
    multirun(Lab(), "x=1,2", JOURNAL, x=0)
    capsys.readouterr()
    again = Lab(ended=replace(STATE, question="Why?"))
    for folder in ("sweep_2", "sweep_3"):
        assert multirun(again, "x=1,2", JOURNAL, x=0) == [[]]
        assert "2/2 done" in capsys.readouterr().err
        assert (Path(folder) / "multirun.yaml").read_bytes()
        assert (Path(folder) / "optimization_results.yaml").read_bytes()
    assert (again.asked, again.prepared, again.contexts, again.concluded) == (2, [], [], [])
    assert read_state(load(parse(None, Path.cwd()), "s")) == again.ended


def test_an_end_that_is_not_on_record_is_made_up_for(multirun: Multirun) -> None:
    multirun(Lab(), "x=1,2", JOURNAL, x=0)
    again = Lab()
    assert multirun(again, "x=1,2", JOURNAL, x=0) == [[]]
    assert (again.asked, again.concluded) == (1, [(STATE, 2, "NoneType")])


def test_a_sweep_with_trials_left_is_not_asked_whether_it_has_ended(multirun: Multirun) -> None:
    multirun(Lab(), "x=interval(0,1)", "hydra.sweeper.n_trials=2", JOURNAL, x=0)
    more = Lab(ended=STATE)
    multirun(more, "x=interval(0,1)", "hydra.sweeper.n_trials=3", JOURNAL, x=0)
    assert (more.asked, len(more.prepared), more.concluded) == (0, 1, [(STATE, 3, "NoneType")])


def test_a_sweep_of_which_too_many_trials_failed_has_not_ended(multirun: Multirun) -> None:
    def failing(config: DictConfig) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        multirun(failing, "x=1", JOURNAL, x=0)
    with pytest.raises(SweepFailedError, match=r"^1 of 1 trials failed"):
        multirun(failing, "x=1", JOURNAL, x=0)


def test_an_application_refuses_before_anything_is_written(multirun: Multirun) -> None:
    with pytest.raises(InputError, match=r"^data is not there$"):
        multirun(Lab(refusal="data is not there"), "x=1,2", x=0)
    assert os.listdir() == []


def test_an_application_is_told_what_ended_the_sweep(multirun: Multirun) -> None:
    lab = Lab(broken=True)
    with pytest.raises(ZeroDivisionError):
        multirun(lab, "x=1,2", JOURNAL, x=0)
    assert lab.concluded == [(STATE, 4, "ZeroDivisionError")]
    assert queue().counts() == TrialCounts(waiting=2)
