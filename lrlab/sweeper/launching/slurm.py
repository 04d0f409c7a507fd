"""Workers as Slurm jobs, or as processes of this machine, by hydra-submitit-launcher and submitit.

The launcher's own `launch` waits for the jobs in their order and ends at the first that fails; here each is waited for
by itself. Which jobs Slurm has is asked of `squeue`: submitit asks `sacct`, which a cluster may not have, and every ten
minutes.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton

from lrlab.errors import InputError
from lrlab.sweeper.launching.jobs import CANCEL_PERIOD, KILL_PERIOD, POLL_INTERVAL, WorkerReport, worker_report

LAUNCHERS = "hydra_plugins.hydra_submitit_launcher."
SLURM = f"{LAUNCHERS}submitit_launcher.SlurmLauncher"
FILE_DELAY = 10.0  # seconds after which a gone job's result is not expected any more: a network file system
ASK_INTERVAL = 5.0  # seconds between two questions to Slurm
LOG_END = 4000  # characters of a log in which to look for the reason of its end
OUT_OF_MEMORY = ("exceeded memory limit", "exceeded job memory limit", "oom-kill", "oom_kill")  # what Slurm logs
GENERAL = (  # parameters that all executors of submitit's have, under these names
    *("timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name"),
    "stderr_to_stdout",
)

log = logging.getLogger(__name__)


class SubmititJobs:
    """The workers of a sweep as jobs of submitit's.

    Args:
        launcher: Hydra's, set up for a worker.
    """

    def __init__(self, launcher: Any) -> None:
        self._launcher = launcher
        self._cluster: str = launcher._EXECUTOR  # noqa: SLF001  the plug-in has no other name for it
        self._running: dict[int, Any] = {}
        self._submitted: list[Any] = []
        self._gone_since: dict[int, float] = {}
        self._withdrawn: set[str] = set()
        self._listed: set[str] | None = None
        self._asked_at = -ASK_INTERVAL

    def submit(self, numbers: Sequence[int]) -> None:
        import submitit

        parameters = dict(self._launcher.params)
        folder = parameters.pop("submitit_folder")
        limits = {f"{self._cluster}_max_num_timeout": parameters.pop("max_num_timeout", 0)}
        try:
            limits = limits if self._cluster == "slurm" else {}
            executor = submitit.AutoExecutor(cluster=self._cluster, folder=folder, **limits)
            named = {(key if key in GENERAL else f"{self._cluster}_{key}"): value for key, value in parameters.items()}
            executor.update_parameters(**named)
            state, count = Singleton.get_state(), len(numbers)
            none: list[list[str]] = [[] for _ in numbers]
            jobs = executor.map_array(
                self._launcher, none, ["hydra.sweep.dir"] * count, numbers, [""] * count, [state] * count
            )
        except (RuntimeError, ValueError, OSError, subprocess.SubprocessError) as error:
            raise InputError(f"hydra/launcher cannot start jobs: {_reason(error)}") from error
        self._submitted += jobs
        self._running |= dict(zip(numbers, jobs, strict=True))

    def ended(self) -> Mapping[int, WorkerReport]:
        reports = {number: self._report(number, job) for number, job in self._running.items()}
        found = {number: report for number, report in reports.items() if report is not None}
        for number in found:
            del self._running[number]
            self._gone_since.pop(number, None)
        return found

    def withdraw(self) -> None:
        if self._cluster != "slurm" or time.monotonic() - self._asked_at < POLL_INTERVAL:
            return
        waiting = listed_jobs("--states=PENDING") or set()
        if left := [job for job in self._running.values() if job.job_id in waiting]:
            self._withdrawn |= {job.job_id for job in left}
            self._scancel(left, "--state=PENDING")  # not one that begins just now

    def cancel(self) -> None:
        for kill, period in (False, CANCEL_PERIOD), (True, KILL_PERIOD):
            left, end = self._alive(self._submitted), time.monotonic() + period
            if left:
                self._cancel(left, kill=kill)
            while left and time.monotonic() < end:
                time.sleep(0.3)
                left = self._alive(left)
            if not left:
                break
        else:
            log.warning("still there: %s; `scancel` them", ", ".join(f"Slurm job {job.job_id}" for job in left))
        self._running.clear()

    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        if self._cluster != "slurm":
            for job in jobs:
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGKILL if kill else signal.SIGTERM)
            return
        self._scancel(jobs, *(["--full", "--signal=KILL"] if kill else []))

    def _scancel(self, jobs: Sequence[Any], *how: str) -> None:
        with suppress(subprocess.SubprocessError, OSError):
            subprocess.run(
                ["scancel", *how, *(job.job_id for job in jobs)], capture_output=True, check=False, timeout=5
            )

    def _alive(self, jobs: Iterable[Any]) -> list[Any]:
        if self._cluster != "slurm":
            return [job for job in jobs if not job.done()]
        listed = listed_jobs()
        return list(jobs) if listed is None else [job for job in jobs if job.job_id in listed]

    def _report(self, number: int, job: Any) -> WorkerReport | None:
        """Return how a job ended; None while it runs, or Slurm still has it: then it may run again."""
        has_result = job.paths.result_pickle.exists()
        if self._cluster == "slurm":
            interval = POLL_INTERVAL if has_result or number in self._gone_since else ASK_INTERVAL
            if time.monotonic() - self._asked_at >= interval:
                self._listed, self._asked_at = listed_jobs(), time.monotonic()
            if self._listed is None or job.job_id in self._listed:
                self._gone_since.pop(number, None)
                return None
            if not has_result and job.job_id in self._withdrawn:
                return WorkerReport()
            since = self._gone_since.setdefault(number, time.monotonic())
            if not has_result and time.monotonic() - since < FILE_DELAY:
                return None
        elif not job.done():
            return None
        return report_of(job) if has_result else WorkerReport(failure=self._lost(job))

    def _lost(self, job: Any) -> str:
        """Return why a job has no result, as far as its system knows."""
        if self._cluster != "slurm":
            return f"process {job.job_id} died; its log is {job.paths.stderr}"
        state, node = state_of(job.job_id)
        where = f" on {node}" if node else ""
        why = "; it took more memory than hydra.launcher.mem_gb" if _is_out_of_memory(state, job.paths.stderr) else ""
        return f"Slurm job {job.job_id}{where} ended as {state}{why}; its log is {job.paths.stderr}"


def report_of(job: Any) -> WorkerReport:
    """Return what a job of submitit's that has a result returned."""
    import submitit

    try:
        returned = job.results()[0]
    except (submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError) as error:
        lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("---")]
        raised = [line for line in lines if not line.startswith((" ", "You can", "  -", "Job "))]
        return WorkerReport(failure=f"job {job.job_id}: {(raised or lines)[-1]}; its log is {job.paths.stderr}")
    return worker_report(returned, f"job {job.job_id}, whose log is {job.paths.stderr}")


def listed_jobs(*which: str) -> set[str] | None:
    """Return the jobs that wait, run or are being ended, or some of them; None if Slurm does not say.

    Args:
        which: options of `squeue`.
    """
    command = ["squeue", "--noheader", "--array", "--me", "--format=%i", *which]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (subprocess.SubprocessError, OSError) as error:
        log.info("squeue does not answer: %s", _reason(error))
        return None
    return set(told.stdout.split())


def state_of(job_id: str) -> tuple[str, str]:
    """Return the state in which a job ended, such as TIMEOUT, and its node; UNKNOWN and "" once Slurm has forgotten."""
    command = ["scontrol", "show", "job", "--oneliner", job_id]
    with suppress(subprocess.SubprocessError, OSError):
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
        fields = dict(word.split("=", 1) for word in told.split() if "=" in word)
        return fields.get("JobState", "UNKNOWN"), fields.get("NodeList", "").replace("(null)", "")
    return "UNKNOWN", ""


def _is_out_of_memory(state: str, log_file: Path) -> bool:
    """Return whether a job was killed for its memory: some ways in which Slurm does so are in its log alone."""
    with suppress(OSError):
        end = log_file.read_text(errors="replace")[-LOG_END:].lower()
        return state == "OUT_OF_MEMORY" or any(words in end for words in OUT_OF_MEMORY)
    return state == "OUT_OF_MEMORY"


def _reason(error: BaseException) -> str:
    said = getattr(error, "stderr", None) or str(error)
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return " ".join(text.split())[:300] or type(error).__name__
