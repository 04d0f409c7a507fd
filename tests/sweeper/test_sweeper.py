"""What the sweeper makes of its configuration: sweeps of small tasks in this process."""

import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.errors import CompactHydraException, HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from lrlab.errors import InputError
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names
from lrlab.sweeper.sweeper import SweepFailedError
from tests.multirun import Multirun

JOURNAL = "hydra.sweeper.study_name=s"


def square(config: DictConfig) -> float:
    return float((config.x - 2) ** 2)


def queue(name: str = "s") -> Queue:
    return Queue(parse(None, Path.cwd()), name)


def xs(name: str = "s") -> list[float]:
    return [trial.params["x"] for trial in queue(name).trials() if trial.params]


def test_all_combinations_are_returned_in_hydras_order(multirun: Multirun) -> None:
    ((first, *rest),) = multirun(lambda config: config.x * 10 + config.y, "x=1,2", "y=range(3)", x=0, y=0)
    assert [job.return_value for job in (first, *rest)] == [10, 11, 12, 20, 21, 22]
    assert first.overrides == ["x=1", "y=0"]
    assert first.hydra_cfg.hydra.job.num == 0


def test_params_are_searched_and_the_command_line_wins(multirun: Multirun) -> None:
    params = ("+hydra.sweeper.params.x='interval(0,1)'", "+hydra.sweeper.params.y='1,2'", "hydra.sweeper.n_trials=3")
    ((*jobs,),) = multirun(square, *params, "y=7", JOURNAL, x=0, y=0)
    assert {job.cfg.y for job in jobs} == {7}
    assert len(set(xs())) == 3
    assert set(queue().trials()[0].params) == {"x"}


@pytest.mark.parametrize("folder", ["sweep", "multirun/${now:%Y}", "'a b/x=1'"])
def test_two_sweeps_that_ask_for_one_folder_have_one_each(multirun: Multirun, folder: str) -> None:
    outputs = []
    for numbers in ("1,2", "3,4,5"):
        ((*jobs,),) = multirun(square, f"hydra.sweep.dir={folder}", f"x={numbers}", x=0)
        outputs.append([Path(job.hydra_cfg.hydra.runtime.output_dir) for job in jobs])
    first, second = (folders[0].parent for folders in outputs)
    assert second == first.with_name(f"{first.name}_2")
    assert {*os.listdir(first.parent)} - {"outputs"} == {first.name, second.name}
    for folders, xs in zip(outputs, ([1, 2], [3, 4, 5]), strict=True):
        configs = [yaml.safe_load((job / ".hydra" / "config.yaml").read_text()) for job in folders]
        assert [config["x"] for config in configs] == xs
    results = [yaml.safe_load((each / "optimization_results.yaml").read_text()) for each in (first, second)]
    assert [each["best_params"] for each in results] == [{"x": 2}, {"x": 3}]


def test_a_folder_that_depends_on_the_job_is_left_as_it_is(multirun: Multirun) -> None:
    ((*jobs,),) = multirun(square, "hydra.sweep.dir=x/${x}", "hydra.sweep.subdir=job", "x=1,2", x=0)
    assert [Path(job.hydra_cfg.hydra.runtime.output_dir) for job in jobs] == [
        Path("x/1/job").absolute(),
        Path("x/2/job").absolute(),
    ]


def test_callbacks_see_the_jobs_alone(multirun: Multirun) -> None:
    seen.clear()
    watch = f"+hydra.callbacks.watch._target_={__name__}.Watch"
    multirun(square, watch, "x=1,2", x=0)
    assert seen == ["start 0 1", "end 0 COMPLETED", "start 1 2", "end 1 COMPLETED"]


seen: list[str] = []


class Watch(Callback):
    def on_job_start(self, config, **_):
        seen.append(f"start {config.hydra.job.num} {config.x}")

    def on_job_end(self, config, job_return, **_):
        seen.append(f"end {config.hydra.job.num} {job_return.status.name}")


def test_a_sweep_without_a_name_gets_its_own(multirun: Multirun) -> None:
    multirun(square, "x=1", x=0)
    multirun(square, "x=1", x=0)
    found = names(parse(None, Path.cwd()))
    assert len(set(found)) == 2
    assert all(name.startswith("minimal_app_") for name in found)


def test_a_known_name_goes_on_to_the_total_without_repeating_itself(multirun: Multirun) -> None:
    search = ("x=interval(0,4)", "hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=1", JOURNAL)
    multirun(square, *search, "hydra.sweeper.n_trials=3", x=0)
    ((*more,),) = multirun(square, *search, "hydra.sweeper.n_trials=5", x=0)
    assert [job.hydra_cfg.hydra.job.num for job in more] == [3, 4]
    assert queue().counts() == TrialCounts(complete=5)
    assert len(set(xs())) == 5
    assert multirun(square, *search, "hydra.sweeper.n_trials=5", x=0) == [[]]
    with pytest.raises(InputError, match=r"n_trials must be at least 5, got 4"):
        multirun(square, *search, "hydra.sweeper.n_trials=4", x=0)


@pytest.mark.parametrize(
    ("overrides", "difference"),
    [
        (["x=interval(0,5)"], r"x was interval\(0\.0, 4\.0\), is interval\(0\.0, 5\.0\)"),
        (["x=interval(0,4)", "y=3"], r"y was 0, is 3 \("),
        (["x=interval(0,4)", "hydra.sweeper.direction=maximize"], r"direction was minimize, is maximize"),
    ],
)
def test_a_known_name_with_another_search_is_refused(multirun: Multirun, overrides: list[str], difference: str) -> None:
    multirun(square, "x=interval(0,4)", "hydra.sweeper.n_trials=1", JOURNAL, x=0, y=0)
    before = Path("outputs/optuna.log").read_bytes()
    with pytest.raises(InputError, match=f"study s exists with another search: {difference}"):
        multirun(square, *overrides, "hydra.sweeper.n_trials=1", JOURNAL, x=0, y=0)
    assert Path("outputs/optuna.log").read_bytes() == before


def test_several_objectives(multirun: Multirun) -> None:
    multirun(
        lambda config: (config.x, -config.x),
        "hydra.sweeper.direction=[minimize,minimize]",
        "x=1,2",
        x=0,
    )
    assert yaml.safe_load(Path("sweep/optimization_results.yaml").read_text()) == {
        "name": "optuna",
        "solutions": [{"params": {"x": x}, "values": [x, -x]} for x in (1, 2)],
    }


def test_an_objective_that_is_not_finite_is_never_best_and_ends_nothing(multirun: Multirun) -> None:
    def task(config):
        return {1: math.nan, 2: -math.inf, 3: 0.5, 4: math.inf}[config.x]

    multirun(task, "x=1,2,3,4", JOURNAL, x=0)
    assert queue().counts() == TrialCounts(complete=1, diverged=3)
    assert queue().study().best_value == 0.5


def test_failures_beyond_it_end_the_sweep_with_what_the_first_one_raised(multirun: Multirun) -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        multirun(lambda config: 1 / 0, "x=range(5)", "hydra.sweeper.max_failure_rate=0.2", x=0)
    (note,) = failed.value.__notes__
    assert note.startswith("2 of 5 trials failed, hydra.sweeper.max_failure_rate is 0.2; the first, trial 0: ZeroDiv")


def test_failures_that_were_not_raised_end_it_too(multirun: Multirun) -> None:
    with pytest.raises(SweepFailedError, match=r"^1 of 2 trials failed, .*: the objective must be 1 number, got None$"):
        multirun(lambda config: None, "x=interval(1,2)", "hydra.sweeper.n_trials=2", x=0)


def test_jobs_that_exit_have_failed_and_the_sweep_goes_on(multirun: Multirun) -> None:
    def task(config: DictConfig, codes: Any = {1: 0, 2: 1, 3: None, 4: "usage"}) -> float:  # noqa: B006
        return sys.exit(codes[config.x]) if config.x in codes else 0.5

    multirun(task, "x=1,2,3,4,5,6", JOURNAL, "hydra.sweeper.max_failure_rate=0.7", x=0)
    assert queue().counts() == TrialCounts(complete=2, failed=4)
    with pytest.raises(SweepFailedError, match="trial 0: RuntimeError: the job left by SystemExit"):
        multirun(task, "x=1,2,3,4,5,6", JOURNAL, x=0)


def test_a_callback_that_exits_does_not_end_the_sweep_as_if_it_were_done(multirun: Multirun) -> None:
    leave = f"+hydra.callbacks.leave._target_={__name__}.Leave"
    with pytest.raises(RuntimeError, match=r"^the sweep was left by SystemExit\(0\)$"):
        multirun(square, leave, "x=1,2", JOURNAL, x=0)
    assert queue().counts() == TrialCounts(waiting=2)


class Leave(Callback):
    def on_job_start(self, config, **_):
        sys.exit(0)


def test_a_custom_space(multirun: Multirun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def space(config, trial): trial.suggest_int('x', 3, config.top)\n")
    monkeypatch.syspath_prepend(tmp_path)
    custom = ("hydra.sweeper.custom_search_space=mine.space", "hydra.sweeper.allow=[mine.]")
    multirun(square, *custom, "hydra.sweeper.n_trials=4", JOURNAL, x=0, top=5)
    assert all(3 <= x <= 5 for x in xs())


def test_texts_of_a_custom_space_reach_the_job_as_texts(
    multirun: Multirun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "texts.py").write_text("def space(config, trial): trial.suggest_categorical('x', ['1', 'true', ''])\n")
    monkeypatch.syspath_prepend(tmp_path)
    custom = ("hydra.sweeper.custom_search_space=texts.space", "hydra.sweeper.allow=[texts.]")
    ((*jobs,),) = multirun(lambda config: 0.5, *custom, "hydra.sweeper.n_trials=6", JOURNAL, x=None)
    got = [job.cfg.x for job in jobs]
    assert got == xs()
    assert all(isinstance(text, str) for text in got)


def test_memory_leaves_no_study_behind(multirun: Multirun) -> None:
    multirun(square, "x=1,2", "hydra.sweeper.storage=memory", x=0)
    assert set(os.listdir()) == {"sweep"}


def test_sqlite(multirun: Multirun) -> None:
    multirun(square, "x=1,2", "hydra.sweeper.storage=sqlite:///x.db", JOURNAL, x=0)
    assert Queue(parse("sqlite:///x.db", Path.cwd()), "s").counts() == TrialCounts(complete=2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["xx=1,2"], "the config has no key xx; there is x"),
        (["x=interval(1,0)"], "x: the ends of an interval must be finite and in order"),
        (["x=1,2", "hydra.sweep.subdir=../../x"], "hydra.sweep.subdir must stay inside hydra.sweep.dir"),
        (["x=1,2", "hydra.sweep.subdir=/x"], "hydra.sweep.subdir must stay inside hydra.sweep.dir"),
        (["x=1,2", "hydra.sweeper.n_trials=0"], "hydra.sweeper.n_trials must be an integer >= 1, got 0"),
        (["x=1,2", "hydra.sweeper.storage=x"], "hydra.sweeper.storage must be null, memory"),
        (["x=1,2", "hydra.sweeper.sampler._target_=os.system"], "hydra.sweeper.sampler._target_ must start with"),
        (["x=1,2", "+hydra.sweeper.pruner.nested={_target_: os.system}"], "hydra.sweeper.pruner.nested._target_ must"),
        (["x=1,2", "hydra.sweeper.custom_search_space=os.system"], "hydra.sweeper.custom_search_space needs"),
        (["x=interval(0,1)", "hydra/sweeper/sampler=grid"], "hydra/sweeper/sampler=grid needs choice"),
        (
            ["x=1,2", "hydra.sweeper.storage=memory", "hydra/launcher=joblib"],
            "hydra.sweeper.storage=memory needs hydra.sweeper.n_jobs=1 and hydra/launcher=basic",
        ),
        (
            ["+hydra.sweeper.params={hydra.verbose: 'a,b'}"],
            "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=a,b'",
        ),
    ],
)
def test_refusals_come_before_anything_is_written(multirun: Multirun, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as error:
        multirun(square, *overrides, x=0)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert isinstance(error.value, CompactHydraException | HydraException)  # Hydra prints it as one line
    assert os.listdir() == []


def test_a_known_name_with_another_configuration_is_refused(multirun: Multirun) -> None:
    """Whatever said so: the config itself, an override, `params`."""
    config = {"x": 0, "y": 1, "deep": {"er": 1}, "of": "${oc.env:HOME}/${hydra:job.num}"}
    multirun(square, "x=1,2", JOURNAL, **config)
    multirun(square, "x=1,2", "deep.er=1", JOURNAL, **config | {"x": 5})
    for overrides, changes in (
        (["deep.er=2"], {}),
        ([], {"deep": {"er": 2}}),
    ):
        with pytest.raises(InputError, match=r"study s exists with another search: deep\.er was 1, is 2 \("):
            multirun(square, "x=1,2", *overrides, JOURNAL, **config | changes)
    with pytest.raises(InputError, match=r"study s exists with another search: y was 1, is 2 \("):
        multirun(square, "x=1,2", "+hydra.sweeper.params.y='2'", JOURNAL, **config)
    with pytest.raises(InputError, match=r": of was \${oc\.env:HOME}/\${hydra:job\.num}, is not set; more was not set"):
        multirun(square, "x=1,2", JOURNAL, x=0, y=1, deep={"er": 1}, more=None)


def combinations(name: str = "s") -> list[tuple[float, float]]:
    return sorted((trial.params["x"], trial.params["y"]) for trial in queue(name).trials())


def test_a_finite_space_is_tried_once_whatever_the_number_of_trials(
    multirun: Multirun, capsys: pytest.CaptureFixture[str]
) -> None:
    space, more = ("x=1,2", "y=range(2)", JOURNAL), "hydra.sweeper.n_trials={}".format
    multirun(square, *space, more(3), x=0, y=0)
    assert len(set(combinations())) == 3
    multirun(square, *space, more(48), x=0, y=0)
    assert combinations() == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert "the space has 4 combinations, each of which is tried once" in capsys.readouterr().out.splitlines()[-1]
    multirun(square, *space, more(6), "hydra/sweeper/sampler=tpe", x=0, y=0)
    multirun(square, *space, more(7), x=0, y=0)  # as the trials before
    assert len(combinations()) == 7


def test_one_combination_is_tried_once(multirun: Multirun) -> None:
    for trials in (3, 5):
        multirun(square, f"hydra.sweeper.n_trials={trials}", JOURNAL, x=0)
        assert len(queue().trials()) == 1


def test_a_study_that_was_sampled_is_sampled_on(multirun: Multirun) -> None:
    space = ("x=1,2", "y=1,2", JOURNAL)
    multirun(square, *space, "hydra.sweeper.n_trials=6", "hydra/sweeper/sampler=tpe", x=0, y=0)
    multirun(square, *space, "hydra.sweeper.n_trials=8", x=0, y=0)
    assert len(combinations()) == 8
