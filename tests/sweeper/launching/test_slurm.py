"""What the log of a job tells of its end."""

from pathlib import Path

import pytest

from lrlab.sweeper.launching.slurm import _is_out_of_memory


@pytest.mark.parametrize(
    ("state", "log", "expected"),
    [
        ("OUT_OF_MEMORY", "", True),
        ("FAILED", "slurmstepd-n1: error: StepId=1.0 exceeded memory limit (2 > 1), being killed", True),
        ("CANCELLED", "slurmstepd-n1: error: Exceeded job memory limit", True),
        (
            "FAILED",
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0.",
            True,
        ),
        ("FAILED", "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0", True),
        ("FAILED", "srun: error: n1: task 0: Killed", False),
        ("TIMEOUT", "slurmstepd: error: *** STEP 1.0 ON n1 CANCELLED DUE TO TIME LIMIT ***", False),
        ("FAILED", "exceeded memory limit" + 9999 * "\n", False),  # long ago
    ],
)
def test_a_job_killed_for_its_memory(state: str, log: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "log.err").write_text(log)
    assert _is_out_of_memory(state, tmp_path / "log.err") == expected


@pytest.mark.parametrize(("state", "expected"), [("OUT_OF_MEMORY", True), ("FAILED", False)])
def test_a_log_that_is_not_there(state: str, expected: bool, tmp_path: Path) -> None:
    assert _is_out_of_memory(state, tmp_path / "log.err") == expected
