"""Workers as tasks of a Ray cluster, by hydra-ray-launcher.

The launcher's own `launch` waits for the tasks in their order and ends at the first that fails; here each is waited for
by itself.
"""

import math
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import setup_globals
from omegaconf import OmegaConf, open_dict

from lrlab.errors import InputError
from lrlab.sweeper.launching.jobs import CANCEL_PERIOD, KILL_PERIOD, WorkerReport, worker_report
from lrlab.sweeper.study.objective import short

LAUNCHERS = "hydra_plugins.hydra_ray_launcher.ray_launcher."
AWAY = 20.0  # seconds without an answer after which a cluster is gone; Ray ends the process of the sweep after 60
ANSWER = 2.0  # seconds for an answer
ADDRESS = re.compile(r"[^/]+:\d+")  # HOST:PORT, not ray://HOST:PORT
SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ray handles the second one itself, where it may


class RayJobs:
    """The workers of a sweep as tasks of Ray's.

    Args:
        launcher: Hydra's, set up for a worker.
    """

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher
        self._running: dict[int, Any] = {}
        self._head = ""  # HOST:PORT, where it can be asked
        self._answered = 0.0

    def submit(self, numbers: Sequence[int]) -> None:
        import ray
        from hydra_plugins.hydra_ray_launcher._launcher_util import launch_job_on_ray

        launcher = self._launcher
        if self._head and not answers(self._head):
            ray.shutdown()  # or Ray ends this process; a new cluster can be connected to
            self._answered = -math.inf  # so that the other workers are lost, too: to ask for them would start Ray anew
            raise InputError(f"the Ray cluster is gone: its head {self._head} does not answer")
        _connect(launcher.ray_cfg.init)
        self._head, self._answered = _head(), time.monotonic()
        setup_globals()
        for number in numbers:
            config = launcher.hydra_context.config_loader.load_sweep_config(launcher.config, [])
            with open_dict(config):
                config.hydra.job.id = f"worker_{number}"
                config.hydra.job.num = number
            self._running[number] = launch_job_on_ray(
                launcher.hydra_context, launcher.ray_cfg.remote, config, launcher.task_function, Singleton.get_state()
            )

    def ended(self) -> Mapping[int, WorkerReport]:
        import ray

        if not self._running:
            return {}
        try:
            self._check_head()
            ready, _ = ray.wait(list(self._running.values()), num_returns=len(self._running), timeout=0)
        except (ray.exceptions.RayError, ConnectionError) as error:
            gone = WorkerReport(failure=f"the Ray cluster is gone: {short(error, str)}")
            lost, self._running = dict.fromkeys(self._running, gone), {}
            return lost
        ended = [number for number, task in self._running.items() if task in ready]
        return {number: _report(self._running.pop(number)) for number in ended}

    def withdraw(self) -> None:
        pass  # Ray does not say which they are

    def _check_head(self) -> None:
        """Ask the head, which Ray's own calls wait for in silence.

        Raises:
            ConnectionError: it has not answered for a while.
        """
        if not self._head or answers(self._head):
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > AWAY:
            raise ConnectionError(f"its head {self._head} does not answer")

    def cancel(self) -> None:
        import ray

        if self._head and not answers(self._head):
            self._running.clear()
        left = list(self._running.values())
        for force, period in (False, CANCEL_PERIOD), (True, KILL_PERIOD):
            for task in left:
                ray.cancel(task, force=force)
            end = time.monotonic() + period
            while left and time.monotonic() < end:
                _, left = ray.wait(left, num_returns=len(left), timeout=0.3)
        self._running.clear()


def _report(task: Any) -> WorkerReport:
    import ray

    try:
        returned = ray.get(task)
    except ray.exceptions.RayError as error:
        return WorkerReport(failure=f"a task of Ray's: {type(error).__name__}: {short(error, str)}")
    return worker_report(returned, "a task of Ray's")


def _connect(init: Any) -> None:
    """Connect to the cluster, or start one on this host; leave the handlers of signals as they were.

    Raises:
        InputError: the cluster does not answer.
    """
    import ray

    if ray.is_initialized():
        return
    options: Any = OmegaConf.to_container(init, resolve=True)
    address = str(options.get("address"))
    if ADDRESS.fullmatch(address) and not answers(_without_loopback(address)):  # Ray would wait for minutes
        raise InputError(f"hydra.launcher.ray.init.address must be that of a running cluster, got {address}: no answer")
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError, TypeError) as error:
        told = short(error, str)
        raise InputError(f"hydra.launcher.ray.init cannot connect, got {options!r}: {told}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            for signum, handler in before.items():
                signal.signal(signum, handler)


def _head() -> str:
    """Return the head of the cluster that this process is connected to; "" for one that only Ray's client reaches."""
    import ray

    return "" if ray.util.client.ray.is_connected() else str(ray.get_runtime_context().gcs_address)


def _without_loopback(address: str) -> str:
    """Return HOST:PORT as Ray takes it: this host by the address that others use."""
    import ray

    host, _, port = address.rpartition(":")
    is_loopback = host in ("localhost", "[::1]") or host.startswith("127.")
    return f"{ray.util.get_node_ip_address()}:{port}" if is_loopback else address


def answers(address: str) -> bool:
    """Return whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except OSError:
        return False
    return True


def nodes(init: Any) -> list[str]:
    """Return the addresses of a cluster's living nodes.

    Raises:
        InputError: the cluster does not answer.
    """
    import ray

    _connect(init)
    return [str(node["NodeManagerAddress"]) for node in ray.nodes() if node["Alive"]]


def address_of(launcher: Mapping[str, Any]) -> str:
    """Return the cluster that a launcher's config names; "" for one of its own, on this host."""
    init = (launcher.get("ray") or {}).get("init") or {}
    address = init.get("address") or os.environ.get("RAY_ADDRESS") or ""
    return "" if address == "local" else str(address)
