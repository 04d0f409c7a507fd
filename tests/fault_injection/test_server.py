"""An MLflow server that is killed during a sweep, answers 500, or hangs: every metric is there once, later."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, chdir, contextmanager
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.sweeper.study.state import STATE
from lrlab.tracking.mlflow import Mlflow
from tests.fault_injection.lab import Lab
from tests.tracking.faulty_proxy import FaultyProxy, Mode

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
TRIALS, EPOCHS = 24, 40
EVERY_EPOCH = {"train/loss", "train/accuracy", "val/loss", "val/accuracy", "lr"}
EVERY_EPOCH |= {"gradient_norm", "weight_norm", "update_ratio", "updates"}
NOISE = {"gradient_signal", "gradient_noise", "noise_scale"}


class Server:
    """MLflow's, over a store that is there, at one port for all its lives."""

    def __init__(self, store: Path, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        hosts = f"localhost:{self.port},127.0.0.1:{self.port}"
        self._command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{store}", "--default-artifact-root", str(folder / "artifacts")),
            *("--allowed-hosts", hosts, "--workers", "1"),
        ]
        self._folder = folder

    def start(self) -> None:
        with (self._folder / "server").open("a") as said:
            self._process = subprocess.Popen(self._command, stdout=said, stderr=said, start_new_session=True)
        for _ in range(3000):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError

    def kill(self) -> None:
        import os

        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def served(lab: Lab) -> Iterator[Server]:
    server = Server(lab.place / "outputs" / "mlflow.db", lab.place)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def timed(lab: Lab, uri: str, *further: str) -> "AbstractContextManager[subprocess.Popen[str]]":
    return lab.running(lab.command(TRIALS, f"epochs={EPOCHS}", "population.width=4", f"tracking.uri={uri}", *further))


def complete(lab: Lab) -> int:
    """How many metrics there are: all of them, each once."""
    queue = lab.queue()
    assert queue
    assert queue.counts().done == TRIALS
    with Mlflow().open(str(lab.place / "outputs")) as tracker:
        parents = [queue.study().user_attrs[STATE]["run_id"]]
        runs = [run for parent in parents for run in tracker.child_runs(parent)]
        assert tracker.unfinished_runs() == []
    assert sorted(int(run.tags["lrlab.trial"]) for run in runs) == list(range(TRIALS))
    points: Counter[str] = Counter()
    for run in runs:
        trial = queue.trials()[int(run.tags["lrlab.trial"])]
        epochs = EPOCHS if trial.value is not None else max(step for step, _ in run.metrics["val/loss"])
        assert run.status == ("FINISHED" if trial.value is not None else "FAILED")
        assert EVERY_EPOCH <= set(run.metrics) <= EVERY_EPOCH | NOISE
        for name, history in run.metrics.items():
            steps = [step for step, _ in history]
            # the gradient noise is there where a batch is several microbatches, its scale where a gradient stands out
            assert steps == (list(range(1, epochs + 1)) if name != "noise_scale" else sorted(set(steps)))
            points["metrics"] += len(history)
    return points["metrics"]


def repaired(lab: Lab, uri: str) -> None:
    with chdir(lab.place):
        assert main(["repair", "--tracking-uri", uri]) == 0
        assert list(Path("outputs/spool").glob("*.jsonl")) == []


@pytest.mark.parametrize("seconds", [0, 30, 120])
def test_a_server_that_is_killed(lab: Lab, seconds: int) -> None:
    with served(lab) as server:
        uri = f"http://127.0.0.1:{server.port}"
        with timed(lab, uri) as process:
            assert lab.wait(lab.workers, process, 600)
            time.sleep(1)
            server.kill()
            start = time.monotonic()
            if seconds == 0:
                server.start()
            code, said = process.wait(900), (lab.place / "said").read_text()
            assert code == int("records wait in outputs/spool until" in said), said
            assert code or not seconds  # one that is started again at once may be back in time
            ended = time.monotonic() - start
            time.sleep(max(0.0, seconds - ended))
        if seconds:
            server.start()
        repaired(lab, uri)
    print(f"down for {seconds} s: the sweep took {ended:.1f} s more, {complete(lab)} metrics present once")


@pytest.mark.parametrize("mode", ["error", "hang", "slow"])
def test_a_server_that_does_not_do_its_work(lab: Lab, mode: Mode) -> None:
    took = {}
    modes: tuple[Mode, ...] = ("open", mode)
    with served(lab) as server, FaultyProxy(server.port) as gate:
        for each in modes:
            place = Lab(lab.place / each)
            place.place.mkdir()
            start = time.monotonic()
            with timed(place, gate.uri, "tracking.wait=false") as process:
                assert place.wait(place.workers, process, 600)
                gate.mode = each
                assert process.wait(900) in (0, 1), (place.place / "said").read_text()
                took[each] = time.monotonic() - start
            gate.mode = "open"
            repaired(place, gate.uri)
    (place.place / "outputs" / "mlflow.db").unlink(missing_ok=True)
    (place.place / "outputs" / "mlflow.db").symlink_to(lab.place / "outputs" / "mlflow.db")
    delay = took[mode] - took["open"]
    print(json.dumps({"mode": mode, "seconds": took, "delay": round(delay, 1), "metrics": complete(place)}))
