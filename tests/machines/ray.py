"""A Ray cluster of the test's own: on this host alone, with a token of its own, gone with the test."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("ray")


def missing() -> str:
    """Why there is no cluster here, or ""."""
    absent = [name for name in ("ray", "hydra_plugins.hydra_ray_launcher") if find_spec(name) is None]
    return f"{', '.join(absent)} not installed: pip install 'lrlab[ray]'" if absent else ""


@contextmanager
def running(folder: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The environment in which Ray lets a driver in, and the address of the cluster.

    `ray stop` would end the clusters of others too: the processes of this one are a group of their own.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    environment = {**os.environ, **own}
    options = [f"--port={port}", "--num-cpus=4", "--include-dashboard=false", "--object-store-memory=100000000"]
    command = [str(PROGRAM), "start", "--head", "--block", "--node-ip-address=127.0.0.1", *options]
    with (folder / "ray.log").open("wb") as log:
        head = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(300):
            assert head.poll() is None, (folder / "ray.log").read_text()
            if "Ray runtime started" in (folder / "ray.log").read_text():
                break
            time.sleep(0.2)
        yield environment, f"127.0.0.1:{port}"
    finally:
        head.send_signal(signal.SIGTERM)
        try:
            head.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, signal.SIGKILL)
            head.wait()
