"""Sweeps on a real Ray cluster: workers that are killed, and what is left behind."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.machines import ray
from tests.machines.ray import Cluster
from tests.machines.sweeping import Sweep

pytestmark = [pytest.mark.machines, pytest.mark.skipif(bool(ray.missing()), reason=ray.missing())]


SweepFactory = Callable[..., Sweep]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ray.running(tmp_path_factory.mktemp("ray")) as running:
        yield running


@pytest.fixture
def sweep_on(tmp_path: Path) -> Iterator[SweepFactory]:
    begun: list[Sweep] = []

    def begin(cluster: Cluster, *overrides: str) -> Sweep:
        address = f"hydra.launcher.ray.init.address={cluster.address}"
        begun.append(Sweep(tmp_path, cluster.environment, "lrlab_ray", address, *overrides))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.wait()


@pytest.fixture
def sweep(cluster: Cluster, sweep_on: SweepFactory) -> SweepFactory:
    return partial(sweep_on, cluster)


def tasks(folder: Path) -> list[int]:
    """The processes of a sweep's workers."""
    found = [process for process in psutil.process_iter() if "ray::_run_job" in " ".join(_command(process))]
    return [process.pid for process in found if Path(process.cwd()) == folder]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def test_undisturbed(sweep: SweepFactory) -> None:
    running = sweep()
    running.check_complete()
    assert tasks(running.folder) == []


def test_a_worker_is_killed(sweep: SweepFactory) -> None:
    running = sweep()
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    os.kill(tasks(running.folder)[0], signal.SIGKILL)
    running.check_complete()
    assert "launched again" in running.output
    assert tasks(running.folder) == []


def test_a_node_dies(sweep: SweepFactory, cluster: Cluster) -> None:
    node = ["--num-cpus=2", '--resources={"other": 2}', f"--address={cluster.address}"]
    cluster.start("other", *node)
    running = sweep("+hydra.launcher.ray.remote.resources={other: 1}", "pause=2")
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    cluster.lose("other")
    cluster.start("other", *node)
    running.check_complete()
    cluster.lose("other")
    assert running.output.count("launched again") >= 2
    assert tasks(running.folder) == []


@pytest.mark.parametrize("program", ["gcs_server", ""])
def test_the_head_dies(sweep_on: SweepFactory, tmp_path: Path, program: str) -> None:
    with ray.running(tmp_path) as lost:
        running = sweep_on(lost, "pause=3")
        running.wait_until(lambda counts: counts.done >= 1 and counts.running == 2)
        lost.lose("head", program)
        assert running.process.wait(300) == 1, running.output
        assert re.search(r"^1\d of 16 trials are missing: .*the Ray cluster is gone", running.output, re.MULTILINE)
        assert "lrlab resume s" in running.output
        assert "Traceback" not in running.output
    with ray.running(tmp_path) as new:
        sweep_on(new, "pause=3").check_complete()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_sweep_is_told_to_stop(sweep: SweepFactory, signum: int) -> None:
    running = sweep("pause=8")
    running.wait_until(lambda counts: counts.running == 2)
    begun = time.monotonic()
    running.process.send_signal(signum)
    assert running.process.wait(100) == 128 + signum
    assert "Traceback" not in running.output
    while (left := tasks(running.folder)) and time.monotonic() - begun < 10:
        time.sleep(0.2)
    assert left == []
    assert running.counts().running == 0  # all given back
