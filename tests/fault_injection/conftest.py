import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.cli.main import main
from tests.fault_injection.lab import Lab
from tests.postgres import postgresql, postgresql_server  # noqa: F401

SMALL = ("hydra.sweeper.n_jobs=1", "hydra/launcher=basic", "epochs=1", "data.train_size=200", "batch_size=16,32")
CREATE = "import sys; from lrlab.tracking.mlflow import Mlflow; Mlflow().open(sys.argv[1]).close()"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database, which takes seconds to make."""
    outputs = tmp_path_factory.mktemp("store") / "outputs"
    subprocess.run([sys.executable, "-c", CREATE, str(outputs)], check=True, capture_output=True)
    return outputs / "mlflow.db"


def equip(place: Path, store: Path) -> Lab:
    outputs = place / "outputs"
    outputs.mkdir(parents=True)
    shutil.copy(store, outputs / "mlflow.db")
    db = sqlite3.connect(outputs / "mlflow.db")
    with db:  # without the experiment, whose artifacts lie in the other place
        (experiment,) = db.execute("SELECT experiment_id FROM experiments WHERE name = 'lrlab'").fetchone()
        db.execute("DELETE FROM experiment_tags WHERE experiment_id = ?", (experiment,))
        db.execute("DELETE FROM experiments WHERE name = 'lrlab'")
    db.close()
    return Lab(place)


@pytest.fixture
def lab(tmp_path: Path, store: Path) -> Lab:
    return equip(tmp_path / "lab", store)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a study of six trials."""
    place = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        one = "optimizer.lr=choice(0.05,0.1,0.2)", "schedule.warmup=choice(0)", "regularizer.strength=choice(1e-4)"
        assert main(["sweep", "quickstart", "study=s", "hydra.sweeper.n_trials=null", *one, *SMALL]) == 0
    return place


@pytest.fixture
def place(swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the current directory."""
    shutil.copytree(swept / "outputs", tmp_path / "outputs", dirs_exist_ok=True)
    db = sqlite3.connect(tmp_path / "outputs" / "mlflow.db")
    with db:
        for column in ("runs.artifact_uri", "experiments.artifact_location"):
            table, name = column.split(".")
            db.execute(f"UPDATE {table} SET {name} = replace({name}, ?, ?)", (str(swept), str(tmp_path)))
    db.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    os.environ.pop("LRLAB_RESUME_STORAGE", None)
