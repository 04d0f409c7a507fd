"""MLflow's user interface on this machine: what `lrlab ui` runs."""

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runtime.signals import handle_signals
from lrlab.tracking import database

logger = logging.getLogger(__name__)

SETTINGS = {
    **database.QUIET,
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # it would start a process for each kind of job
    "PYTHONWARNINGS": "ignore",
}


def serve(uri: str | None, outputs: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve the store at `uri` (default: the one in `outputs`) on 127.0.0.1 until Ctrl-C or SIGTERM.

    Only requests that name localhost or 127.0.0.1 as their host are answered: no web page can read the runs through a
    host name that it points at this machine.

    Args:
        announce: called with the address once MLflow answers there.

    Raises:
        InputError: the port is taken, the store cannot be used, or its server is elsewhere.
    """
    validation.integer("port", port, at_least=1, at_most=65535)
    store = database.address(uri, outputs)
    if store.startswith("http"):
        raise InputError(f"the runs are on a server already: open {store} in a browser")
    _refuse_taken(port)
    root = database.artifact_root(outputs)
    if file := database.sqlite_file(store):
        database.create_database(file, root)
    server = subprocess.Popen(_command(store, str(root), port), env={**SETTINGS, **os.environ})
    try:
        with handle_signals() as signals, signals.interruptible():
            _wait_until_it_answers(server, port)
            announce(f"http://127.0.0.1:{port}")
            server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


def _command(store: str, artifacts: str, port: int) -> list[str]:
    hosts = (f"localhost:{port}", f"127.0.0.1:{port}")
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", store, "--default-artifact-root", artifacts),
        *("--allowed-hosts", ",".join(hosts)),
        *("--cors-allowed-origins", ",".join(f"http://{host}" for host in hosts)),
        *("--workers", "1", "--uvicorn-opts", "--log-level warning"),
    ]


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(f"port must be free, got {port} ({error.strerror})") from error


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int) -> None:
    logger.info("starting MLflow")
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise InputError("MLflow's server ended at once; what it printed says why")
