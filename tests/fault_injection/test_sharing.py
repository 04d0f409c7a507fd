"""Several processes at one study, or in one fresh directory, at the same time."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import optuna
import pytest

from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import parse
from tests.fault_injection.lab import SPACE, STUDY, Lab, seeded

faults = pytest.mark.faults
TAKE = """
import random, sys, time
from pathlib import Path
import optuna
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.storage import parse
optuna.logging.set_verbosity(optuna.logging.ERROR)
storage = parse(sys.argv[1], Path.cwd())
queue = Queue(storage, "s", optuna.samplers.RandomSampler(int(sys.argv[2])))
while trial := queue.claim():
    x = trial.suggest_float("x", 0, 1)
    print(trial.number, flush=True)
    if random.random() < 0.1:
        queue.requeue([queue.trials()[trial.number]])
    else:
        queue.complete(trial, [x])
"""


@pytest.mark.parametrize(
    ("kind", "processes", "trials"),
    [
        ("journal", 4, 40),
        ("sqlite", 4, 12),
        ("postgresql", 4, 20),
        pytest.param("journal", 8, 500, marks=faults),
        pytest.param("sqlite", 8, 500, marks=faults),
        pytest.param("postgresql", 8, 500, marks=faults),
    ],
)
def test_every_trial_is_taken_once(
    kind: str, processes: int, trials: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = {"journal": "optuna.log", "sqlite": "sqlite:///x.db"}.get(kind) or request.getfixturevalue("postgresql")
    storage = parse(url, tmp_path)
    name = "s"
    if kind == "postgresql" and name in optuna.get_all_study_names(storage.open()):
        optuna.delete_study(study_name=name, storage=storage.open())
    optuna.create_study(storage=storage.open(), study_name=name)
    queue = Queue(storage, name)
    queue.enqueue_missing([{}] * trials)
    command = [sys.executable, "-c", TAKE, url]
    takers = [
        subprocess.Popen([*command, str(seed)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for seed in range(processes)
    ]
    said = [taker.communicate() for taker in takers]
    assert [error for _, error in said if error] == []
    taken = Counter(int(number) for out, _ in said for number in out.split())
    duplicates = [number for number, count in taken.items() if count > 1]
    assert duplicates == []
    assert queue.counts() == TrialCounts(complete=trials)
    print(f"{kind}: {processes} processes, {trials} trials, {len(taken)} taken, {len(duplicates)} duplicates")


STORED = ["journal", *(pytest.param(kind, marks=faults) for kind in ("sqlite", "postgresql"))]


@pytest.mark.parametrize("kind", STORED)
def test_several_sweeps_begin_and_share_one_study(lab: Lab, kind: str, request: pytest.FixtureRequest) -> None:
    """All of them start at once with a name that nobody has used, so they also make the study together."""
    url = {"journal": None, "sqlite": "sqlite:///outputs/studies.db"}.get(kind, "")
    shared = Lab(lab.place, request.getfixturevalue("postgresql") if url == "" else url)
    trials = 12
    place: tuple[str, ...] = ()
    if shared.storage_url:
        place = ("hydra.sweeper.storage=${oc.env:LRLAB_TEST_STORAGE}",)
        os.environ["LRLAB_TEST_STORAGE"] = shared.storage_url
    command = shared.command(trials, "epochs=20", "population.width=2", *place)
    sweeps = [
        subprocess.Popen(command, cwd=lab.place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(3)
    ]
    said = [sweep.communicate(timeout=300)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0, 0], said
    shared.check(trials)
    queue = shared.queue()
    assert queue is not None
    assert len(queue.trials()) == trials  # none was given back


COLD = ("epochs=1", "data.train_size=200")


@pytest.mark.parametrize(("folders", "processes"), [(1, 2), pytest.param(20, 8, marks=faults)])
def test_a_cold_start_together(tmp_path: Path, folders: int, processes: int) -> None:
    """Nothing is there: neither a store nor a study nor a directory; half of them train, half of them sweep."""
    seeded("none: it is the system that schedules")
    sweep = [f"study={STUDY}", "hydra.sweeper.n_trials=4", *SPACE]
    kinds = [["train", *COLD], ["sweep", "quickstart", *COLD, *sweep]]
    for folder in range(folders):
        place = tmp_path / str(folder)
        place.mkdir()
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "lrlab.cli.main", *kinds[number % 2]],
                cwd=place,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in range(processes)
        ]
        said = [process.communicate(timeout=300)[0] for process in started]
        failed = [
            (process.returncode, output) for process, output in zip(started, said, strict=True) if process.returncode
        ]
        assert not failed, "\n".join(f"exit code {code}\n{output}" for code, output in failed)
        assert len(list(place.glob("outputs/train/*"))) == -(-processes // 2)
        assert len(list(place.glob("outputs/sweeps/*"))) == processes // 2
        queue = Lab(place).queue()
        assert queue is not None
        assert queue.counts().done == 4
    print(f"{folders} fresh directories, {processes} processes each: no error, {processes} directories of their own")
