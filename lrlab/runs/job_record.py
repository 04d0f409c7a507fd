"""What one job of somebody's own Hydra application leaves on record: a run in MLflow."""

import json
import logging
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lrlab.config.flatten import flatten
from lrlab.config.secrets import HIDDEN, without_secret, without_secrets
from lrlab.errors import InputError
from lrlab.runs.job_folder import read_folder
from lrlab.runs.launch import Launch
from lrlab.runtime.packages import installed
from lrlab.tracking.active_run import ActiveRun, latest_run
from lrlab.tracking.source_tags import program_tags
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, TerminalStatus, Tracker
from lrlab.training.configuration import to_yaml

log = logging.getLogger(__name__)

REPORTED: Final = "reported"  # the metric of what `lrlab.report` is given
OBJECTIVE: Final = "objective"  # the metric of what the task returns; objective_1, … of several
METRIC_NAME: Final = re.compile(r"[\w\-. :/]+")
NOT_IN_NAMES: Final = re.compile(r"[^\w\-. :/]")
MAX_TEXT: Final = 500  # characters of what a task returned


@dataclass(frozen=True)
class Job:
    """A job that is to be recorded.

    Attributes:
        name: of its run.
        launch: the application.
        overrides: of the task, as Hydra reads them.
        config: resolved, as plain values.
        written: the same with its interpolations.
        parent: run id of the sweep; None for a job of its own.
        tags: further ones of its run.
    """

    name: str
    launch: Launch
    overrides: Sequence[str]
    config: Mapping[str, Any]
    written: Mapping[str, Any]
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class JobRecord:
    """The run of a job.

    It is created with the first value recorded, or at the end of the job. If the application has opened a run of its
    own in the same MLflow by then, that one is used.

    Args:
        tracker: takes the run.
        uri: its tracking URI, absolute.
        job: what is recorded.
    """

    def __init__(self, tracker: Tracker, uri: str, job: Job) -> None:
        self._tracker, self._uri, self._job = tracker, uri, job
        self._start = time.monotonic()
        self._run_before = latest_run()
        self._config: dict[str, Any] = without_secrets(job.config, job.written)
        self._params = {NOT_IN_NAMES.sub("_", key): value for key, value in flatten(self._config).items()}
        self._overrides = [without_secret(override) for override in job.overrides]
        self._run_id: str | None = None
        self._metrics: dict[str, int] = {}

    @property
    def run_id(self) -> str:
        """Return the id of the run; create it if there is none yet."""
        if self._run_id is None:
            own = self._run_of_the_application()
            if own:
                self._tracker.set_tags(own.run_id, self._tags() | ({Tag.PARENT: p} if (p := self._job.parent) else {}))
                self._tracker.add_params(own.run_id, self._params)
                self._tracker.log_artifacts(own.run_id, {"config.yaml": to_yaml(self._config).encode()})
                self._run_id = own.run_id
            else:
                self._run_id = self._tracker.create_run(
                    self._job.name,
                    parent=self._job.parent,
                    params=self._params,
                    tags=self._tags(),
                    config=to_yaml(self._config),
                )
        return self._run_id

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Record values at a step."""
        self._tracker.log_metrics(self.run_id, step, metrics)
        self._metrics.update(dict.fromkeys(metrics, step))

    def log_reported(self, step: int, value: float) -> None:
        """Record the objective so far."""
        self.log(step, {REPORTED: value})

    def attach(self, path: Path) -> None:
        """Attach a file, or a folder with all that is in it.

        Raises:
            InputError: there is none, or it cannot be read.
        """
        try:
            if path.is_dir():
                files = {
                    f"{path.name}/{p.relative_to(path).as_posix()}": p for p in sorted(path.rglob("*")) if p.is_file()
                }
            else:
                files = {path.name: path}
            self._tracker.log_artifacts(self.run_id, {name: file.read_bytes() for name, file in files.items()})
        except OSError as error:
            raise InputError(f"path of lrlab.artifact must be readable, got {str(path)!r}: {error.strerror}") from error

    def tag(self, tags: Mapping[str, str]) -> None:
        """Add tags to the run."""
        self._tracker.set_tags(self.run_id, tags)

    def end(
        self,
        status: TerminalStatus,
        *,
        objective: Sequence[float] = (),
        returned: str = "",
        folder: Path | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """End the run.

        Args:
            objective: the numbers that the task returned.
            returned: what it returned, as text.
            folder: of the job, to be attached.
            tags: further ones.
        """
        names = [OBJECTIVE] if len(objective) == 1 else [f"{OBJECTIVE}_{index}" for index in range(len(objective))]
        if objective:
            self.log(max(self._metrics.values(), default=0), dict(zip(names, objective, strict=True)))
        if folder and (files := read_folder(folder, skip_configs=self._has_secrets())):
            self._tracker.log_artifacts(self.run_id, files)
        seconds = f"{time.monotonic() - self._start:.3f}"
        ended = {Tag.SECONDS: seconds, Tag.RETURNED: returned[:MAX_TEXT], Tag.RECORDED: json.dumps(list(self._metrics))}
        self._tracker.set_tags(self.run_id, {**ended, **(tags or {})})
        self._tracker.end_run(self.run_id, status)

    def _tags(self) -> dict[str, str]:
        job = {"launch": self._job.launch.to_json(), "overrides": self._overrides}
        source = program_tags(self._job.launch.program)
        environment = {Tag.PYTHON: platform.python_version(), Tag.PACKAGES: installed()}
        overrides = {Tag.OVERRIDES: " ".join(self._overrides)}
        return {**source, **environment, **overrides, Tag.JOB: json.dumps(job), **self._job.tags}

    def _run_of_the_application(self) -> ActiveRun | None:
        run = latest_run()
        if run is None or run == self._run_before:
            return None
        if run.uri != self._uri:
            log.info(
                "The job logs to MLflow at %s, and is recorded at %s, too; "
                "hydra.sweeper.tracking=%s makes one run of both",
                *(run.uri, self._uri, run.uri),
            )
            return None
        return run

    def _has_secrets(self) -> bool:
        values = [*self._params.values(), *self._overrides]
        return any(HIDDEN in str(value) for value in values)


def read_job(run: RunRecord) -> tuple[Launch, list[str]]:
    """Return the application of a recorded job, and its overrides.

    Raises:
        InputError: a secret was among the overrides, which is not recorded, or another version wrote the record.
    """
    try:
        stored = json.loads(run.tags[Tag.JOB])
        launch, overrides = Launch.from_json(stored["launch"]), [str(override) for override in stored["overrides"]]
    except (KeyError, TypeError, ValueError):
        raise InputError(f"run {run.run_id} was recorded by another version of lrlab, and cannot be repeated") from None
    check_complete(overrides)
    return launch, overrides


def check_complete(overrides: Sequence[str]) -> None:
    """Refuse overrides of which a value was not recorded.

    Raises:
        InputError: names the key.
    """
    for override in overrides:
        if HIDDEN in override:
            key = override.lstrip("+~").partition("=")[0]
            raise InputError(f"{key} was typed, and is not recorded: put it in the environment, {key}=${{oc.env:NAME}}")


def check_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return metrics as numbers.

    Raises:
        InputError: a name that MLflow does not take or lrlab uses itself, or a value that is no number.
    """
    if not isinstance(metrics, Mapping):
        raise InputError(f"metrics of lrlab.log must be a mapping from names to numbers, got {metrics!r}")
    numbers = {}
    for name, value in metrics.items():
        if not isinstance(name, str) or not METRIC_NAME.fullmatch(name):
            raise InputError(f"a name of lrlab.log must be made of letters, digits and _-. :/, got {name!r}")
        if name == REPORTED or name.partition("_")[0] == OBJECTIVE:
            raise InputError(f"a name of lrlab.log must not be lrlab's own, {REPORTED} or {OBJECTIVE}, got {name!r}")
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise InputError(f"{name} of lrlab.log must be a number, got {value!r}") from None
    return numbers
