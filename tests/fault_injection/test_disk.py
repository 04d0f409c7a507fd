"""No space left: a clear error, what was acknowledged is still there, and resume completes once there is space."""

import resource
import sqlite3
import threading

import optuna
import pytest
from optuna.trial import TrialState

from tests.fault_injection.lab import TWO, Lab, seeded

TRIALS = 16
SMALL = ("epochs=5", "population.width=2")


def limited(size: int):
    """A process of which no file may grow beyond this, as on a disk that is full then."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return limit


@pytest.mark.parametrize(
    ("file", "room", "workers"),
    [
        ("optuna.log", 12_000, ()),
        *(
            pytest.param(file, room, workers, marks=pytest.mark.faults)
            for file in ("optuna.log", "mlflow.db")
            for room in (3_000, 9_000, 20_000)
            for workers in ((), TWO)
        ),
    ],
)
def test_a_full_disk(lab: Lab, file: str, room: int, workers: tuple[str, ...]) -> None:
    chance = seeded("room", room)
    at = lab.place / "outputs" / file
    if file == "optuna.log":  # longer than the database, so that it is the first to be full
        fat = optuna.create_study(storage=lab.storage.open(), study_name="another")
        fat.set_user_attr("fat", "x" * 4_000_000)
    size = at.stat().st_size + room + chance.randrange(1000)
    command = lab.command(TRIALS, *SMALL, *workers)
    with lab.running(command, preexec_fn=limited(size)) as process:
        code = process.wait(120)
    said = (lab.place / "said").read_text()
    queue = lab.queue()
    before = {trial.number: trial.value for trial in queue.trials(TrialState.COMPLETE)} if queue else {}
    print(f"{file} full at {size} bytes, exit {code}, {len(before)} acknowledged")
    if code:
        assert any(line.startswith("lrlab: ") for line in said.splitlines()), said
        assert "Traceback" not in said, said
    if queue is None or not queue.trials():
        with lab.running(command) as process:
            assert process.wait(120) == 0
    else:
        assert lab.resume() == 0
    lab.check(TRIALS)
    queue = lab.queue()
    assert queue
    after = {trial.number: trial.value for trial in queue.trials(TrialState.COMPLETE)}
    assert before.items() <= after.items()


@pytest.mark.parametrize("seconds", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_a_database_that_is_locked_for_a_while_is_waited_for(lab: Lab, seconds: int) -> None:
    db = sqlite3.connect(lab.place / "outputs" / "mlflow.db", check_same_thread=False, isolation_level=None)
    with lab.running(lab.command(TRIALS, "epochs=30", "population.width=2")) as process:
        assert lab.wait(lab.workers, process)
        db.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(seconds, lambda: db.execute("ROLLBACK"))
        release.start()
        assert process.wait(180) == 0
        release.join()
    db.close()
    lab.check(TRIALS)
