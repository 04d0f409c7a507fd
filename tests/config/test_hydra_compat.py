"""Hydra's private parts are there, in the installed Hydra, and behave as `lrlab.config.hydra_compat` relies on."""

import inspect
from pathlib import Path

import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext, RunMode
from omegaconf import OmegaConf, open_dict, read_write

from lrlab.config import hydra_compat


def test_the_pieces_of_hydra_main() -> None:
    assert list(inspect.signature(hydra_compat.create_config_search_path).parameters) == ["search_path_dir"]
    create = inspect.signature(hydra_compat.Hydra.create_main_hydra2).parameters
    assert list(create) == ["task_name", "config_search_path"]
    assert "--multirun" in hydra_compat.get_args_parser().format_usage()


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("get_mode", ["config_name", "overrides"]),
        ("run", ["config_name", "task_function", "overrides"]),
        ("multirun", ["config_name", "task_function", "overrides"]),
        ("show_cfg", ["config_name", "overrides", "cfg_type", "package", "resolve"]),
        ("show_info", ["info", "config_name", "overrides"]),
        ("hydra_help", ["config_name", "args_parser", "args"]),
    ],
)
def test_the_methods_of_hydra(method: str, parameters: list[str]) -> None:
    found = list(inspect.signature(getattr(hydra_compat.Hydra, method)).parameters)
    assert found[1 : 1 + len(parameters)] == parameters


def test_the_next_composition_alone_is_the_one_given() -> None:
    hydra = hydra_compat.Hydra.create_main_hydra2("lrlab", hydra_compat.create_config_search_path(None))
    GlobalHydra.instance().clear()
    given = hydra.compose_config(None, ["+x=1"], RunMode.RUN)
    hydra_compat.compose_next(hydra, given)
    assert hydra.compose_config(None, ["+x=2"], RunMode.RUN) is given
    assert hydra.compose_config(None, ["+x=3"], RunMode.RUN).x == 3
    assert "load_configuration" not in vars(hydra.config_loader)  # which is pickled for launchers


def test_the_basic_launcher() -> None:
    assert f"{BasicLauncher.__module__}.{BasicLauncher.__name__}" == hydra_compat.BASIC_LAUNCHER
    assert hydra_compat.BASIC_LAUNCHER.startswith(hydra_compat.CORE_PLUGINS)


def test_a_context_without_callbacks() -> None:
    callbacks = Callbacks()
    callbacks.callbacks.append(object())
    hydra = hydra_compat.Hydra.create_main_hydra2("lrlab", hydra_compat.create_config_search_path(None))
    GlobalHydra.instance().clear()
    loader = hydra.config_loader
    assert hydra_compat.context_without_callbacks(loader).config_loader is loader
    context = hydra_compat.worker_context(HydraContext(config_loader=loader, callbacks=callbacks))
    assert context.callbacks.callbacks == []
    assert len(callbacks.callbacks) == 1


def test_what_hydra_is_going_to_return_of_a_job() -> None:
    assert "ret" in run_job.__code__.co_varnames
    assert hydra_compat.job_around() is None


def test_what_a_failed_job_raised(capsys: pytest.CaptureFixture[str]) -> None:
    error = ZeroDivisionError()
    returned = JobReturn(status=JobStatus.FAILED)
    returned.return_value = error
    assert hydra_compat.exception_of(returned) is error
    assert capsys.readouterr().err == ""


def test_the_options_of_groups_are_those_that_hydra_lists_for_each(tmp_path: Path) -> None:
    for name in ("hydra/job_logging/further", "colour/red", "deep/nested/one"):
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.touch()
    hydra = hydra_compat.Hydra.create_main_hydra2("lrlab", hydra_compat.create_config_search_path("pkg://hydra.conf"))
    groups = ("hydra/job_logging", "hydra/launcher", "colour", "deep", "deep/nested", "", "optimizer.lr", "none/such")
    found = {}
    try:
        for overrides in ([], [f"hydra.searchpath=[file://{tmp_path}]"]):
            options = hydra_compat.group_options(hydra.config_loader, None, overrides)
            for group in groups:
                found[group] = list(options(group))
                assert found[group] == hydra.config_loader.get_group_options(group, overrides=overrides)
    finally:
        GlobalHydra.instance().clear()
    assert {"none", "further"} <= set(found["hydra/job_logging"])
    assert (found["colour"], found["deep"], found["deep/nested"]) == (["red"], [], ["one"])


WORKER = ("hydra.sweep.dir=.", "hydra.sweep.subdir=.", "hydra.output_subdir=null", "hydra.job.chdir=false")


@pytest.mark.parametrize("further", [[], ["hydra.job.chdir=true", "hydra.output_subdir=x", "+hydra.job.env_set.A=b"]])
def test_a_worker_has_the_configuration_of_its_sweep_composed_once(tmp_path: Path, further: list[str]) -> None:
    (tmp_path / "config.yaml").write_text("x: 1\ny: ${x}\n")
    hydra = hydra_compat.Hydra.create_main_hydra2("lrlab", hydra_compat.create_config_search_path(f"file://{tmp_path}"))
    try:
        loader = hydra.config_loader
        sweep = loader.load_configuration("config", ["x=2", "hydra.sweep.dir=/sweep", *further], RunMode.MULTIRUN)
        before = OmegaConf.to_container(sweep)
        context = hydra_compat.worker_context(HydraContext(config_loader=loader, callbacks=Callbacks()))
        worker = context.config_loader.load_sweep_config(sweep, [])
        overrides = ["x=2", *further, *WORKER, "hydra/job_logging=none"]
        composed = loader.load_configuration("config", overrides, RunMode.MULTIRUN)
        for config in (worker, composed):  # what is said of the overrides, which differ
            with read_write(config), open_dict(config):
                config.hydra.overrides.hydra, config.hydra.job.override_dirname = [], ""
                config.hydra.runtime.choices = {}
        # as they are written: `==` of two configurations would resolve ${now:...}, and a second may lie between them
        assert OmegaConf.to_container(worker) == OmegaConf.to_container(composed)
        assert OmegaConf.to_container(sweep) == before
    finally:
        GlobalHydra.instance().clear()
