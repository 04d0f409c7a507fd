"""No space left: a clear error, what was acknowledged is still there, and resume completes once there is space."""

import json
import re
import resource
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from lrlab.cli.main import main
from lrlab.cli.options import Records
from lrlab.tracking.mlflow import Mlflow
from tests.fault_injection.conftest import SMALL
from tests.fault_injection.lab import TWO, Lab, seeded

TRIALS = 16
NARROW = ("epochs=5", "population.width=2")


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
    command = lab.command(TRIALS, *NARROW, *workers)
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


@pytest.fixture(params=["disk", "limit"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """What fills the disk on which ./outputs is, or lets no file grow, for a while."""
    outputs = tmp_path / "outputs"
    outputs.mkdir()

    @contextmanager
    def no_growth() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @contextmanager
    def no_space() -> Iterator[None]:
        file = outputs / "fat"
        with suppress(OSError), file.open("wb", buffering=0) as fat:
            while fat.write(bytes(1 << 12)):
                pass
        yield
        file.unlink()

    if request.param == "limit":
        yield no_growth
        return
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", outputs], capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield no_space
    subprocess.run(["umount", "--lazy", outputs], check=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "epochs=1"),
        ("sweep", "quickstart", "study=t", *SMALL, "hydra.sweeper.n_trials=2"),
        ("resume", "s", "hydra.sweeper.n_trials=8"),
        ("repair",),
        ("report", "s"),
        ("best", "s", "--confirm", "2"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_on_a_full_disk(
    small_disk: Callable[[], AbstractContextManager[None]],
    place: Path,
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with small_disk():
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr().err
    assert code == 2
    line = next(line for line in said.splitlines() if line.startswith("lrlab: "))
    assert re.search(
        rf"{place}\S*,? cannot be written: [^;]+; (free some|check that its disk works and has) space", line
    )
    assert said == f"{line}\n"
    assert main(["best", "s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == "s"
    with Mlflow().open() as tracker:
        study = Records(Path("outputs")).study("s")
        runs = [tracker.get_run(trial.user_attrs["run_id"]) for trial in study.get_trials(deepcopy=False)]
    assert [(run.status, len(run.metrics["val/loss"])) for run in runs] == [("FINISHED", 1)] * 6


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
