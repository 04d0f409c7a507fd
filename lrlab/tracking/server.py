"""MLflow's user interface on this machine: what `lrlab ui` runs."""

import json
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runtime.signals import handle_signals
from lrlab.tracking import database, run_table
from lrlab.tracking.artifacts import location
from lrlab.tracking.client_settings import environment
from lrlab.tracking.database import without_password
from lrlab.tracking.place import REGISTRY, uri_of

logger = logging.getLogger(__name__)
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

SETTINGS = {
    **database.QUIET,
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # it would start a process for each kind of job
    "PYTHONWARNINGS": "ignore",
}


def serve(uri: str | None, outputs: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve the store at `uri` (default: the one in `outputs`) on 127.0.0.1 until Ctrl-C or SIGTERM.

    If `outputs` was moved or copied, its store is told first where the artifacts are now.

    Only requests that name localhost or 127.0.0.1 as their host are answered: no web page can read the runs through a
    host name that it points at this machine.

    Args:
        announce: called with the address of the newest runs once MLflow answers there.

    Raises:
        InputError: the port is taken, the store cannot be used, or its server is elsewhere.
    """
    validation.integer("port", port, at_least=1, at_most=65535)
    store = database.address(uri, outputs)
    if store.startswith("http"):
        raise InputError(f"the runs are on a server already: open {without_password(store)} in a browser")
    _refuse_taken(port)
    root = database.artifact_root(outputs)
    if url := database.sqlite_url(store, outputs):
        database.create_database(url.file, root)
        database.relocate_artifacts(outputs)
    with database.plain_address(store) as address:
        command = [*_command(address, location(root), port), *_registry()]
        server = subprocess.Popen(command, env={**SETTINGS, **os.environ, **environment()})
        try:
            with handle_signals() as signals, signals.interruptible():
                _wait_until_it_answers(server, port)
                announce(newest_runs(f"http://127.0.0.1:{port}"))
                server.wait()
        except KeyboardInterrupt:
            pass
        finally:
            server.terminate()
            server.wait()


def newest_runs(server: str) -> str:
    """Return the address of the experiment with the newest run; of the whole user interface where there is none."""
    try:
        experiments = {
            each["experiment_id"]: each for each in _ask(server, "experiments", max_results=1000).get("experiments", ())
        }
        order = ["attributes.start_time DESC"]
        runs = _ask(server, "runs", experiment_ids=list(experiments), max_results=1, order_by=order).get("runs", ())
        if not runs:
            return server
        newest = runs[0]["info"]["experiment_id"]
        tags = {tag["key"] for tag in experiments[newest].get("tags", ())}
    except (OSError, ValueError, KeyError):  # the address is a convenience: MLflow's own first page does, too
        return server
    return run_table.address(server, newest, has_view=run_table.TAG in tags)


def _ask(server: str, what: str, **query: object) -> dict[str, Any]:
    """Return what MLflow's REST interface finds."""
    body, header = json.dumps(query).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/api/2.0/mlflow/{what}/search", body, header)
    with DIRECT.open(request, timeout=30) as response:
        found: dict[str, Any] = json.load(response)
    return found


def _command(store: str, artifacts: str, port: int) -> list[str]:
    hosts = (f"localhost:{port}", f"127.0.0.1:{port}")
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", store, "--default-artifact-root", artifacts),
        *("--allowed-hosts", ",".join(hosts)),
        *("--cors-allowed-origins", ",".join(f"http://{host}" for host in hosts)),
        *("--workers", "1", "--uvicorn-opts", "--log-level warning"),
    ]


def _registry() -> list[str]:
    """Return the option that shows the models of another registry, if MLFLOW_REGISTRY_URI names one."""
    registry = uri_of(REGISTRY)
    if registry and registry.startswith("http"):
        logger.info("%s does not count here: open %s in a browser", REGISTRY, without_password(registry))
    elif registry:
        logger.info("%s: the models are those of %s", REGISTRY, without_password(registry))
        return ["--registry-store-uri", registry]
    return []


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
            DIRECT.open(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise InputError("MLflow's server ended at once; what it printed says why")
