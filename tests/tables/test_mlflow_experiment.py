import math
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tables.mlflow_experiment import read_experiment
from lrlab.tracking.client_settings import client_settings
from lrlab.tracking.client_store import client_class
from lrlab.tracking.tags import Tag

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's libraries


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with mlflow.db: three runs that finished, one that failed, one that diverged."""
    folder = tmp_path_factory.mktemp("mlflow")
    with client_settings:
        client = client_class()(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = client.create_experiment("theirs", artifact_location=str(folder))
        for number in range(5):
            run_id = client.create_run(experiment).info.run_id
            client.log_param(run_id, "optimizer.lr", 10.0**-number)
            client.log_metric(run_id, "val/loss", 5.0, step=0)
            client.log_metric(run_id, "val/loss", float(number), step=1)
            if number == 4:
                client.set_tag(run_id, Tag.DIVERGED, "true")
            client.set_terminated(run_id, "FINISHED" if number < 3 else "FAILED")
        client.create_experiment("empty", artifact_location=str(folder))
    return folder


def test_runs_with_their_last_metrics(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    source = read_experiment("theirs", None, str(folder))
    found = dict(zip(source.columns["params.optimizer.lr"], source.columns["metrics.val/loss"], strict=True))
    assert {lr: loss for lr, loss in found.items() if lr != "0.0001"} == {"1.0": 0.0, "0.1": 1.0, "0.01": 2.0}
    assert math.isnan(float(str(found["0.0001"])))
    assert source.keys == frozenset(["params.optimizer.lr"])
    assert source.left_out == ("1 of 5 runs did not finish",)


def test_an_experiment_on_a_server(folder: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--port", str(port)]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1", *store]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            while True:
                assert server.poll() is None, (tmp_path / "log").read_text()
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
                time.sleep(0.2)
            source = read_experiment("theirs", f"http://127.0.0.1:{port}", "outputs")
        finally:
            server.terminate()
    assert sorted(map(str, source.columns["params.optimizer.lr"])) == ["0.0001", "0.01", "0.1", "1.0"]
    assert source.left_out == ("1 of 5 runs did not finish",)


def test_what_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    here = f"sqlite:///{folder / 'mlflow.db'}"
    for name, uri, said in (
        ("none", here, "has no experiment 'none', only .*'theirs'"),
        ("empty", here, "must have runs that finished, got none of 0"),
        ("theirs", "sqlite:///nowhere.db", "there is no such file"),
        ("theirs", "nowhere", "there is no such folder"),
        ("theirs", None, "there is no such file"),
        ("theirs", "http://me:secret@127.0.0.1:1", "cannot be read"),
        ("theirs", "ftp://host", "cannot be read"),
    ):
        with pytest.raises(InputError, match=said) as refusal:
            read_experiment(name, uri, "outputs")
        assert "secret" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
