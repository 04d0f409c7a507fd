import optuna
import pytest

from lrlab.cli import sweep_end
from lrlab.config.command_line import HERE
from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tracker import UnreachableError


def status_after(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> str:
    """Return the status of the run of a sweep whose end is broken off by an error."""
    tracker = MemoryTracker()
    run_id = tracker.create_run("s")

    def broken_off(*_: object) -> None:
        raise error

    monkeypatch.setattr(sweep_end, "best", broken_off)
    try:
        sweep_end.end(optuna.create_study(), tracker, run_id, [], HERE)
    except type(error):
        pass
    return tracker.get_run(run_id).status


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_an_end_that_is_interrupted_is_not_finished(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    assert status_after(monkeypatch, error) == "KILLED"


@pytest.mark.parametrize("error", [InputError("no trial"), MissingRunError("deleted"), UnreachableError("away")])
def test_a_sweep_of_which_no_best_is_known_is_finished(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    assert status_after(monkeypatch, error) == "FINISHED"
