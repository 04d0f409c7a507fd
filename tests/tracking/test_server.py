import http.client
import json
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import client_store
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.place import Place
from lrlab.tracking.server import _registry, _wait_until_it_answers, serve
from lrlab.tracking.tracker import DatasetInfo


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def search(port: int, host: str, **further: str) -> tuple[int, str]:
    """Ask the server at `port` for the runs as a browser that calls it `host` would."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": host, "Content-Type": "application/json", **further}
    body = json.dumps({"experiment_ids": ["1"], "max_results": 10})
    connection.request("POST", "/api/2.0/mlflow/runs/search", body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_the_runs_of_the_store_and_their_files_are_shown(served: tuple[str, int]) -> None:
    outputs, port = served
    with Mlflow().open(outputs) as tracker:
        run_id = tracker.create_run("shown", config="seed: 0\n")
    for name in ("localhost", "127.0.0.1"):
        status, text = search(port, f"{name}:{port}")
        assert (status, run_id in text) == (200, True)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/get-artifact?path=config.yaml&run_uuid={run_id}")
    assert connection.getresponse().read() == b"seed: 0\n"
    connection.close()


@pytest.mark.parametrize("host", ["10.evil.com", "192.168.0.1", "localhost:1", "evil.com"])
def test_another_host_name_is_refused(served: tuple[str, int], host: str) -> None:
    status, text = search(served[1], host)
    assert status == 403
    assert "run_id" not in text


@pytest.mark.parametrize("origin", ["http://evil.com", "http://10.evil.com", "http://localhost.evil.com", "null"])
def test_a_page_of_another_origin_is_refused(served: tuple[str, int], origin: str) -> None:
    port = served[1]
    status, text = search(port, f"localhost:{port}", Origin=origin)
    assert status == 403
    assert "run_id" not in text
    assert search(port, f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_server_keeps_runs_as_well(served: tuple[str, int], tmp_path: Path) -> None:
    outputs, port = served
    data = DatasetInfo("digits", "0f" * 32, sizes={"train": 9})
    with Mlflow(f"http://127.0.0.1:{port}").open(str(tmp_path)) as tracker:
        parent = tracker.create_run("sweep")
        run_id = tracker.create_run("run", parent=parent, params={"lr": 0.1}, config="seed: 1\n", dataset=data)
        tracker.log_metrics(run_id, 0, {"loss": float("inf"), "lr": 0.1})
        tracker.end_run(run_id, "FAILED")
        over_http = tracker.child_runs(parent)
        with pytest.raises(InputError, match=r"^run_id '0+' is not in http://127"):
            tracker.get_run("0" * 32)
    with Mlflow().open(outputs) as tracker:
        assert tracker.child_runs(parent) == over_http
    assert over_http[0].metrics == {"loss": [(0, float("inf"))], "lr": [(0, 0.1)]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("most_points", [5, 1000], ids=["more than one answer holds", "one answer"])
def test_many_histories_come_from_a_server(
    served: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_points: int
) -> None:
    monkeypatch.setattr(client_store, "MOST_RUNS", 2)
    monkeypatch.setattr(client_store, "MOST_POINTS", most_points)
    outputs, port = served
    with Mlflow().open(outputs) as tracker:
        parent = tracker.create_run("sweep")
        for trial in range(5):
            run_id = tracker.create_run(f"trial {trial}", parent=parent)
            for step in range(3):
                tracker.log_metrics(run_id, step, {"loss": trial + step / 10, f"only/{trial}": float("nan")})
            tracker.end_run(run_id)
        expected = tracker.child_runs(parent)
    with Mlflow(f"http://127.0.0.1:{port}").open(str(tmp_path)) as tracker:
        found = tracker.child_runs(parent)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert sum(len(points) for record in found for points in record.metrics.values()) == 30


def test_a_server_that_is_down_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^tracking\.uri must name an MLflow store that answers, [^\n]*$"):
        Mlflow(f"http://me:secret@127.0.0.1:{free_port()}").verify(str(tmp_path))


def test_a_port_that_is_taken_is_refused(outputs: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"^port must be free, got "):
            serve(None, outputs, taken.getsockname()[1], print)


def test_what_is_on_a_server_needs_no_other(outputs: str) -> None:
    with pytest.raises(InputError, match="open http://host:5000 in a browser"):
        serve("http://host:5000", outputs, 5000, print)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_runs_of_any_experiment_are_found_and_repeated_beside_each_other(
    served: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):  # no request to this machine goes there
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    uri = f"http://localhost:{served[1]}"
    with Mlflow(uri, "bobs").open(str(tmp_path)) as tracker:
        parent = tracker.create_run("sweep")
        child = tracker.create_run("trial", parent=parent)
    with Mlflow(uri).open(str(tmp_path)) as tracker:  # a study of an earlier version does not say where its runs are
        assert [run.run_id for run in tracker.child_runs(parent)] == [child]
        assert tracker.get_run(child).experiment == "bobs"
    with Mlflow(uri).open_beside(child, str(tmp_path)) as tracker:
        assert tracker.get_run(tracker.create_run("again")).experiment == "bobs"
    Mlflow(uri, "bobs").check_same(Place("http://moved", "bobs"), parent, str(tmp_path))
    with pytest.raises(InputError, match=r"^tracking\.uri must be where the runs of the study are"):
        Mlflow(uri, "bobs").check_same(Place("http://moved", "bobs"), "0" * 32, str(tmp_path))


def test_its_health_is_asked_for_through_no_proxy(served: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")

    class Server:
        def poll(self) -> None:
            return None

    _wait_until_it_answers(Server(), served[1])  # type: ignore[arg-type]


def test_a_moved_output_directory_is_told_to_mlflow_before_it_is_served(
    outputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Served(Exception):
        pass

    def popen(command: list[str], **_: object) -> None:
        raise Served(*command)

    with Mlflow().open(outputs) as tracker:
        run_id = tracker.create_run("run", config="seed: 0\n")
    moved = str(tmp_path / "moved to?")
    shutil.move(outputs, moved)
    monkeypatch.setattr("subprocess.Popen", popen)
    with pytest.raises(Served) as command:
        serve(None, moved, free_port(), print)
    with closing(sqlite3.connect(Path(moved) / "mlflow.db")) as db:
        (uri,) = db.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", (run_id,)).fetchone()
    assert uri.startswith(f"file://{tmp_path}/moved%20to%3F/mlartifacts/")
    assert f"file://{tmp_path}/moved%20to%3F/mlartifacts" in command.value.args


@pytest.mark.parametrize(
    ("registry", "expected"),
    [("", []), ("sqlite:///m.db", ["--registry-store-uri", "sqlite:///m.db"]), ("http://h", [])],
)
def test_the_models_of_another_registry(registry: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", registry)
    assert _registry() == expected
