"""Run jobs of somebody's own Hydra application again, as a small sweep of their own below a given run."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lrlab.config.command_line import RESUME_PREFIX
from lrlab.config.override import text_override, texts_override
from lrlab.runs.launch import Launch
from lrlab.runtime import child_process
from lrlab.sweeper.study.state import Command
from lrlab.tracking.place import DEFAULT_EXPERIMENT

ADDRESS = f"{RESUME_PREFIX}TRACKING"  # the variable of the tracking URI, which may hold a password
STDERR = 2
LAUNCHER = ("hydra/launcher=", "hydra.launcher.", "hydra.sweeper.n_jobs=")  # how jobs reach their machines


@dataclass(frozen=True)
class Target:
    """Where the application records what is run again.

    Attributes:
        address: the tracking URI, absolute.
        outputs: takes the folders of the jobs.
        experiment: of MLflow's.
    """

    address: str
    outputs: Path
    experiment: str = DEFAULT_EXPERIMENT


def run_again(
    launch: Launch, overrides: Sequence[str], parent: str, target: Target, allow: Sequence[str], command: Command | None
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
            "hydra.sweeper.params=null",
            "hydra.sweeper.conditions=null",
            "hydra.sweeper.enqueue=null",
            "hydra.sweeper.custom_search_space=null",
            "hydra.sweeper.max_failure_rate=1",
            "hydra.sweeper.study_name=again",
            text_override("hydra.sweeper.storage", f"{scratch}/optuna.log"),
            f"hydra.sweeper.tracking=${{oc.env:{ADDRESS}}}",
            text_override("hydra.sweeper.experiment", target.experiment),
            f"hydra.sweeper.parent_run={parent}",
            text_override("hydra.sweep.dir", str((target.outputs / "again" / parent).absolute())),
            texts_override("hydra.sweeper.allow", allow),
        ]
        environment = {**os.environ, ADDRESS: target.address}
        return child_process.run(launch.command([*launchers, *overrides, *settings]), environment, stdout=STDERR)
