import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from lrlab.tracking.active_run import ActiveRun, latest_run


def run(run_id: str) -> Any:
    return SimpleNamespace(info=SimpleNamespace(run_id=run_id))


def mlflow(active: Any, last: Any) -> Any:
    return SimpleNamespace(
        active_run=lambda: active, last_active_run=lambda: last, get_tracking_uri=lambda: "sqlite:////a/mlflow.db"
    )


@pytest.mark.parametrize(
    ("active", "last", "found"), [(run("a"), run("b"), "a"), (None, run("b"), "b"), (None, None, None)]
)
def test_the_open_run_or_the_last_one(monkeypatch: pytest.MonkeyPatch, active: Any, last: Any, found: Any) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", mlflow(active, last))
    assert latest_run() == (ActiveRun(found, "sqlite:////a/mlflow.db") if found else None)


@pytest.mark.parametrize("module", [None, ModuleType("mlflow")])
def test_an_application_that_does_not_log_to_mlflow(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", module)
    assert latest_run() is None


def test_a_store_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Any:
        raise ConnectionError

    module = mlflow(None, None)
    module.last_active_run = gone
    monkeypatch.setitem(sys.modules, "mlflow", module)
    assert latest_run() is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_mlflow_itself_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow as real

    assert {"active_run", "last_active_run", "get_tracking_uri"} <= set(dir(real))
    assert latest_run() is None or isinstance(latest_run(), ActiveRun)
