"""Sweeps on a real Ray cluster: workers that are killed, and what is left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.machines import ray
from tests.machines.sweeping import Sweep

pytestmark = [pytest.mark.machines, pytest.mark.skipif(bool(ray.missing()), reason=ray.missing())]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], str]]:
    with ray.running(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture
def sweep(cluster: tuple[dict[str, str], str], tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    environment, address = cluster
    begun: list[Sweep] = []

    def begin(*overrides: str) -> Sweep:
        begun.append(
            Sweep(tmp_path, environment, "lrlab_ray", f"hydra.launcher.ray.init.address={address}", *overrides)
        )
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.wait()


def tasks(folder: Path) -> list[int]:
    """The processes of a sweep's workers."""
    found = [process for process in psutil.process_iter() if "ray::_run_job" in " ".join(_command(process))]
    return [process.pid for process in found if Path(process.cwd()) == folder]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_undisturbed(sweep: Callable[..., Sweep]) -> None:
    running = sweep()
    running.check_complete()
    assert tasks(running.folder) == []


def test_a_worker_is_killed(sweep: Callable[..., Sweep]) -> None:
    running = sweep()
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    os.kill(tasks(running.folder)[0], signal.SIGKILL)
    running.check_complete()
    assert "launched again" in running.output
    assert tasks(running.folder) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_sweep_is_told_to_stop(sweep: Callable[..., Sweep], signum: int) -> None:
    running = sweep("pause=8")
    running.wait_until(lambda counts: counts.running == 2)
    begun = time.monotonic()
    running.process.send_signal(signum)
    assert running.process.wait(60) == 128 + signum
    assert "Traceback" not in running.output
    while (left := tasks(running.folder)) and time.monotonic() - begun < 10:
        time.sleep(0.2)
    assert left == []
    assert running.counts().running == 0  # all given back
