"""Run jobs of somebody's own Hydra application again, as a small sweep of their own below a given run."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrlab.runs.launch import Launch
from lrlab.runtime import child_process
from lrlab.sweep.study.state import Command

ADDRESS = "LRLAB_TRACKING"  # the variable of the tracking URI, which may hold a password
STDERR = 2
LAUNCHER = ("hydra/launcher=", "hydra.launcher.", "hydra.sweeper.n_jobs=")  # how jobs reach their machines


def quoted(texts: Sequence[str]) -> str:
    """Return a list as Hydra reads it."""
    return f"[{','.join(repr(text) for text in texts)}]"


@dataclass(frozen=True)
class Places:
    """Where the application records what is run again.

    Attributes:
        address: the tracking URI, absolute.
        outputs: takes the folders of the jobs.
    """

    address: str
    outputs: Path


def run_again(
    launch: Launch, overrides: Sequence[str], parent: str, places: Places, allow: Sequence[str], command: Command | None
) -> int:
    """Run every combination of overrides, record the jobs as children of a run, and return the exit code.

    What the application prints goes to stderr.

    Args:
        launch: the application.
        overrides: of the task.
        allow: prefixes of code and paths to trust. What a record says of that does not count.
        command: that began its sweep: its launcher is used again.

    Raises:
        InputError: the application is not to be trusted, or not here.
    """
    launchers = [text for text in (command.overrides if command else ()) if text.lstrip("+").startswith(LAUNCHER)]
    launch.check_trusted([*launchers, *overrides], allow)
    with tempfile.TemporaryDirectory(prefix="lrlab-") as scratch:
        settings = [
            "hydra/sweeper=lrlab",
            "hydra.sweeper.pruner=null",
            "hydra.sweeper.n_trials=null",
            "hydra.sweeper.custom_search_space=null",
            "hydra.sweeper.max_failure_rate=1",
            "hydra.sweeper.study_name=again",
            f"hydra.sweeper.storage='{scratch}/optuna.log'",
            f"hydra.sweeper.tracking=${{oc.env:{ADDRESS}}}",
            f"hydra.sweeper.parent_run={parent}",
            f"hydra.sweep.dir='{(places.outputs / 'again' / parent).absolute()}'",
            f"hydra.sweeper.allow={quoted(allow)}",
        ]
        environment = {**os.environ, ADDRESS: places.address}
        return child_process.run(launch.command([*launchers, *overrides, *settings]), environment, stdout=STDERR)
