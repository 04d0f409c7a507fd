"""Sweeps through a real Slurm: workers that are killed, cancelled or at their limit, and what is left behind."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from tests.machines import slurm
from tests.machines.slurm import Cluster
from tests.machines.sweeping import Sweep

ABSENT = "" if find_spec("submitit") else "submitit not installed: pip install 'lrlab[slurm]'"
pytestmark = [
    pytest.mark.machines,
    pytest.mark.skipif(bool(slurm.missing() or ABSENT), reason=slurm.missing() or ABSENT),
]
END = 10.0  # seconds within which no job is left after a sweep was told to stop


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with slurm.running(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def sweep(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., Sweep]]:
    begun: list[Sweep] = []

    def begin(*overrides: str) -> Sweep:
        begun.append(Sweep(tmp_path, cluster.environment, "lrlab_slurm", *overrides))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        each.process.wait()
    cluster.cancel_all()
    cluster.start_other()


def workers(folder: Path) -> list[int]:
    """The processes of a sweep's workers, of the one launched last first."""
    found = [
        process
        for process in psutil.process_iter(["cmdline", "create_time"])
        if "submitit.core._submit" in (process.info["cmdline"] or []) and str(folder) in str(process.info["cmdline"])
        if "srun" not in process.info["cmdline"][0]
    ]
    return [process.pid for process in sorted(found, key=lambda each: -each.info["create_time"])]


def test_undisturbed(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    sweep().check_complete()
    assert cluster.jobs() == []


def test_a_job_is_cancelled(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep()
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    cluster.run("scancel", cluster.jobs()[0].split()[0])
    running.check_complete()
    assert "launched again" in running.output
    assert cluster.jobs() == []


def test_a_worker_is_killed(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep()
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    os.kill(workers(running.folder)[0], signal.SIGKILL)
    running.check_complete()
    assert "ended as FAILED; its log is" in running.output
    assert cluster.jobs() == []


def test_workers_reach_their_time_limit(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=45", "pause=4")
    running.check_complete()
    assert "told to stop" in running.output
    assert cluster.jobs() == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_sweep_is_told_to_stop(sweep: Callable[..., Sweep], cluster: Cluster, signum: int) -> None:
    running = sweep("pause=8")
    running.wait_until(lambda counts: counts.running == 2)
    begun = time.monotonic()
    running.process.send_signal(signum)
    assert running.process.wait(100) == 128 + signum
    while (left := cluster.jobs()) and time.monotonic() - begun < END:
        time.sleep(0.2)
    assert left == []
    assert running.counts().running == 0  # all given back
    assert "lrlab resume s" in running.output
    assert "Traceback" not in running.output


def test_waiting_jobs_are_cancelled_too(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.cpus_per_task=3", "pause=8")  # of four: the second one waits
    running.wait_until(lambda counts: counts.running == 1)
    assert any("PENDING" in job for job in cluster.jobs())
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(100) == 128 + signal.SIGINT
    assert cluster.jobs() == []


def test_nobody_can_be_launched(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.setup=['exit 3']", "hydra.sweeper.relaunches=1")
    assert running.process.wait(400) == 1
    assert "16 of 16 trials are missing: workers ended before they did" in running.output
    assert "Traceback" not in running.output
    assert cluster.jobs() == []


@pytest.mark.parametrize("requeues", [True, False])
def test_a_node_dies(sweep: Callable[..., Sweep], cluster: Cluster, requeues: bool) -> None:
    apart = ["hydra.launcher.partition=both", "hydra.launcher.cpus_per_task=3"]  # of four: one worker on each node
    once = [] if requeues else ["+hydra.launcher.additional_parameters.no_requeue=true"]
    running = sweep(*apart, *once, "hydra.sweeper.lease=10", "pause=4")
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    cluster.lose_other()
    running.check_complete()
    assert requeues or f"on {cluster.other} ended as NODE_FAIL; its log is" in running.output
    assert cluster.jobs() == []


@pytest.mark.parametrize(("partition", "workers"), [("again", 2), ("ended", 1)])
def test_workers_are_preempted(sweep: Callable[..., Sweep], cluster: Cluster, partition: str, workers: int) -> None:
    running = sweep(f"hydra.launcher.partition={partition}", "hydra.launcher.cpus_per_task=2", "pause=2")
    running.wait_until(lambda counts: counts.done >= 2 and counts.running == 2)
    urgent = f"--cpus-per-task={2 * workers}"
    cluster.run("sbatch", "--partition=urgent", urgent, "--output=/dev/null", "--wrap=sleep 10")
    running.check_complete()
    assert partition == "again" or "launched again" in running.output
    assert cluster.jobs() == []


def test_a_worker_takes_too_much_memory(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.mem_gb=1", "takes_memory=1")
    running.check_complete()
    assert "it took more memory than hydra.launcher.mem_gb" in running.output
    assert cluster.jobs() == []


def test_all_workers_take_too_much_memory(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.mem_gb=1", "hydra.sweeper.relaunches=1", "takes_memory=1000")
    assert running.process.wait(400) == 1
    assert running.output.count("; launched again") == 2
    last = next(line for line in running.output.splitlines() if line.startswith("16 of 16 trials are missing"))
    assert "it took more memory than hydra.launcher.mem_gb" in last
    assert "Traceback" not in running.output
    assert cluster.jobs() == []


def test_a_job_that_waits_for_others_is_not_waited_for(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    other = cluster.run("sbatch", "--parsable", "--cpus-per-task=3", "--output=/dev/null", "--wrap=sleep 1000").strip()
    sweep().check_complete()
    assert cluster.jobs() == [f"{other} RUNNING"]


def test_a_partition_that_there_is_not(sweep: Callable[..., Sweep], cluster: Cluster) -> None:
    running = sweep("hydra.launcher.partition=gpu")
    assert running.process.wait(100) != 0
    assert "hydra/launcher cannot start jobs:" in running.output
    assert "Traceback" not in running.output


def test_the_doctor_asks_every_node(cluster: Cluster, tmp_path: Path) -> None:
    from lrlab.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for name in ("PATH", "SLURM_CONF"):
            patch.setenv(name, cluster.environment[name])
        forced = ["hydra/launcher=lrlab_slurm", "hydra.sweeper.shared_file=true"]
        assert main.main(["doctor", *forced]) == 0
        assert main.main(["doctor", "hydra/launcher=lrlab_slurm"]) == 1
    assert list(tmp_path.iterdir()) == []
    assert cluster.jobs() == []
