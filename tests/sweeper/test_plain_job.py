"""What a Hydra job that is no trial leaves on record."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra.version
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

import lrlab
from lrlab.config.hydra_compat import Hydra, create_config_search_path, job_around, restored_logging
from lrlab.sweeper import job_tracking, plain_job
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tracker import RunRecord

Run = Callable[..., RunRecord | None]


@pytest.fixture
def run(own_folder: None, hydra_restore_singletons: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a task once, and return its record."""
    tracker = MemoryTracker()
    monkeypatch.setattr(job_tracking.JobTracking, "open", lambda self: tracker)

    def once(task: Callable[[Any], Any], *overrides: str, **config: Any) -> RunRecord | None:
        hydra.version.setbase("1.3")
        ConfigStore.instance().store(name="plain_app", node=config)
        application = Hydra.create_main_hydra2("plain_app", create_config_search_path(None))
        try:
            application.run("plain_app", task, ["hydra.run.dir=job", *overrides], with_log_configuration=False)
        finally:
            GlobalHydra.instance().clear()
            plain_job._end()
        runs = [tracker.get_run(run_id) for run_id in tracker.files]
        return runs[-1] if runs else None

    with restored_logging():
        yield once


def reporting(config: Any) -> float:
    for step in range(3):
        lrlab.report(step, config.x * step, unit="updates")
    return float(config.x)


def test_an_application_with_this_sweeper_is_recorded(run: Run) -> None:
    record = run(reporting, "hydra/sweeper=lrlab", "x=2", x=1, token="t")
    assert record is not None
    assert (record.name, record.status, record.parent) == ("plain_app", "FINISHED", None)
    assert record.params == {"x": "2", "token": "(not recorded)"}
    assert record.metrics == {"reported": [(0, 0), (1, 2), (2, 4)], "objective": [(2, 2)]}


def test_another_is_not_unless_it_asks(run: Run) -> None:
    assert run(reporting, x=1) is None

    def asking(config: Any) -> str:
        Path("note.txt").write_text("text")
        lrlab.report(0, 1.0)
        lrlab.log({"a": 1}, 2)
        lrlab.report(1, 1.0)
        lrlab.artifact("note.txt")
        return "text"

    record = run(asking, x=1)
    assert record is not None
    assert record.metrics == {"a": [(2, 1)], "reported": [(1, 1)]}


@pytest.mark.parametrize("asked", [True, False])
def test_one_that_wants_no_record_has_none(run: Run, asked: bool) -> None:
    def task(config: Any) -> None:
        (lrlab.log({"a": 1}) if asked else lrlab.report(0, 1.0))

    assert run(task, "hydra/sweeper=lrlab", "hydra.sweeper.tracking=none", x=1) is None


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_job_that_fails(run: Run, error: type[BaseException]) -> None:
    def failing(config: Any) -> None:
        lrlab.log({"a": 1})
        raise error

    with pytest.raises(error):
        run(failing, x=1)
    record = run(reporting, x=1)
    assert record is not None
    assert (record.status, record.metrics) == ("FAILED", {"a": [(0, 1)]})


def test_a_thread_of_the_job_is_told(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def task(config: Any) -> None:
        threads = [
            threading.Thread(target=call) for call in (lambda: lrlab.log({"a": 1}), lambda: lrlab.report(0, 1.0))
        ]
        for thread in threads:
            thread.start()
            thread.join()

    assert run(task, "hydra/sweeper=lrlab", x=1) is None
    assert caplog.text.count("lrlab.log records nothing here") == 1


def test_without_hydra_there_is_no_job(caplog: pytest.LogCaptureFixture) -> None:
    assert job_around() is None
    lrlab.report(0, 1.0)
    lrlab.log({"a": 1})
    assert "lrlab.log records nothing here: no Hydra job runs in this thread" in caplog.text
