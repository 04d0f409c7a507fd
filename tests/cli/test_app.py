"""What the Hydra application checks before it trains."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from lrlab.cli import app
from lrlab.config.choices import shipped_folder
from lrlab.config.override import text_override
from lrlab.errors import InputError
from lrlab.tracking.mlflow import Mlflow


@pytest.fixture(autouse=True)
def in_tmp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def resolved(*overrides: str) -> Mapping[str, Any]:
    with initialize_config_dir(str(shipped_folder("conf")), version_base="1.3"):
        return app.resolve(compose("config", list(overrides)))


def test_resolve_leaves_out_hydra_and_fills_in_interpolations() -> None:
    config = resolved("+a.b=${seed}", "seed=3")
    assert config["a"] == {"b": 3}
    assert "hydra" not in config


def test_check_returns_the_experiment() -> None:
    experiment = app.check(resolved("batch_size=64", "optimizer=adam"))
    assert (experiment.batch_size, type(experiment.optimizer).__name__) == (64, "Adam")
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("objective=loss", "objective must be one of val/loss, val/accuracy, got 'loss'"),
        ("outputs=/proc/x", "outputs .*/proc/x"),
        ("batch_size=5000", "batch_size .*1077"),
        ("tracking._target_=lrlab.core.optimizer.Sgd", "tracking._target_"),
    ],
)
def test_check_refuses(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        app.check(resolved(override))


def test_the_callback_ends_the_process_for_hydra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra would turn any other exception into a warning, and train."""
    with initialize_config_dir(str(shipped_folder("conf")), version_base="1.3"):
        config = compose("config", ["batch_size=0"])
    with pytest.raises(SystemExit) as end:
        app.ValidateConfig().on_run_start(config)
    assert end.value.code == 2
    assert "batch_size" in str(end.value.__cause__)


def test_tracking_is_where_the_config_says() -> None:
    assert app.tracking(resolved("tracking.uri=http://host")) == Mlflow(uri="http://host")


@pytest.mark.parametrize(
    "path", ["/a b/c.csv", '/it\'s/"a".csv', "/x=1,[2]:{3}/${y}.csv", "/back\\'slash/b\\c.csv", "/é%~#"]
)
def test_the_path_of_data_is_read_by_hydra_as_it_is(path: str) -> None:
    assert resolved("data=table", text_override("data.path", path))["data"]["path"] == path


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> tuple[app.TrainingTask, Any]:
    """A task that has seen the data of the sweep, and the sweep."""
    with initialize_config_dir(str(shipped_folder("conf")), version_base="1.3"):
        config = compose("config", ["tracking.uri=outputs"])
    task = app.TrainingTask()
    task._digest(app.check(app.resolve(config)).data)
    return task, SimpleNamespace(config=config)


def test_a_host_with_other_data_is_refused(planned: tuple[app.TrainingTask, Any]) -> None:
    task, sweep = planned
    task._digests = dict.fromkeys(task._digests, "0" * 16)
    with pytest.raises(InputError, match=r"^data differ from the sweep's: digest \w+, not 0+: copy them$"):
        task.check_host(sweep, None)  # type: ignore[arg-type]


def test_a_host_without_the_file_of_the_runs_is_refused_and_gets_none(planned: tuple[app.TrainingTask, Any]) -> None:
    task, sweep = planned
    with pytest.raises(InputError, match=r"there is no .*mlflow\.db"):
        task.check_host(sweep, None)  # type: ignore[arg-type]
    assert list(Path.cwd().iterdir()) == []
    Mlflow("outputs").open("outputs").close()
    task.check_host(sweep, None)  # type: ignore[arg-type]
