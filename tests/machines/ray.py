"""A Ray cluster of the test's own: on this host alone, with a token of its own, gone with the test."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil

PROGRAM = Path(sys.executable).with_name("ray")


def missing() -> str:
    """Why there is no cluster here, or ""."""
    absent = [name for name in ("ray", "hydra_plugins.hydra_ray_launcher") if find_spec(name) is None]
    return f"{', '.join(absent)} not installed: pip install 'lrlab[ray]'" if absent else ""


@dataclass
class Cluster:
    """A cluster that runs. `ray stop` would end those of others too: here each node is ended by its processes.

    Attributes:
        folder: of the nodes' logs.
        environment: in which Ray lets a driver in.
        address: of the head.
    """

    folder: Path
    environment: dict[str, str]
    address: str
    _nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *options: str) -> None:
        """Start a node, and return when it runs."""
        log_file = self.folder / f"{name}.log"
        options = (*options, "--block", "--object-store-memory=100000000")
        with log_file.open("wb") as log:
            self._nodes[name] = node = subprocess.Popen(
                [str(PROGRAM), "start", *options], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(1000):
            assert node.poll() is None, log_file.read_text()
            if "Ray runtime started" in log_file.read_text():
                return
            time.sleep(0.2)
        raise RuntimeError(log_file.read_text())

    def lose(self, name: str, program: str = "") -> None:
        """Kill a node with all its processes, or one program of it."""
        node = self._nodes[name]
        tree = [psutil.Process(node.pid), *psutil.Process(node.pid).children(recursive=True)]
        for process in tree:
            with suppress(psutil.Error):
                if program in process.name():
                    process.kill()
        if not program:
            self._nodes.pop(name).wait()

    def stop(self) -> None:
        for node in self._nodes.values():
            node.terminate()
        for name, node in list(self._nodes.items()):
            try:
                node.wait(20)
            except subprocess.TimeoutExpired:
                self.lose(name)


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster of one node, its head."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    cluster = Cluster(folder, {**os.environ, **own}, f"127.0.0.1:{port}")
    try:
        options = [f"--port={port}", "--num-cpus=4", "--include-dashboard=false", "--node-ip-address=127.0.0.1"]
        cluster.start("head", "--head", *options)
        yield cluster
    finally:
        cluster.stop()
