import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CREATE = "import sys; from lrlab.tracking.mlflow import Mlflow; Mlflow().open(sys.argv[1]).close()"
SERVE = """
import sys
from lrlab.tracking.server import serve
serve(None, sys.argv[1], int(sys.argv[2]), lambda address: print(address, flush=True))
"""


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output directory whose store two processes created at the same time."""
    outputs = tmp_path_factory.mktemp("fresh") / "outputs"
    racers = [
        subprocess.Popen([sys.executable, "-c", CREATE, str(outputs)], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for racer in racers:
        said = racer.communicate()[1]
        assert racer.returncode == 0, said
        assert not said
    return outputs


@pytest.fixture(scope="session")
def new_outputs(fresh_store: Path) -> Callable[[Path], str]:
    """Makes output directories, each with an MLflow database of its own."""

    def make(place: Path) -> str:
        place.mkdir()
        shutil.copy(fresh_store / "mlflow.db", place / "mlflow.db")
        db = sqlite3.connect(place / "mlflow.db")
        with db:
            db.execute("DELETE FROM experiment_tags")
            db.execute("DELETE FROM experiments WHERE name = 'lrlab'")  # its artifacts lie in the other place
        db.close()
        return str(place)

    return make


@pytest.fixture
def outputs(new_outputs: Callable[[Path], str], tmp_path: Path) -> str:
    return new_outputs(tmp_path / "outputs")


@pytest.fixture(scope="session")
def served(new_outputs: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """An output directory and the port at which `lrlab ui` serves it."""
    outputs = new_outputs(tmp_path_factory.mktemp("served") / "outputs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVE, outputs, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    said = ""
    while "http" not in said:
        line = process.stdout.readline()
        assert line, f"the server ended: {said}"
        said += line
    assert f"http://127.0.0.1:{port}" in said
    yield outputs, port
    process.terminate()
    process.communicate()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
