"""The job of a Hydra application that runs, as its own code reaches it through `lrlab.report`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from lrlab.errors import InputError
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    import optuna

    from lrlab.runs.job_record import JobRecord

Unit = Literal["epochs", "updates"]
UNITS: Final = get_args(Unit)


@dataclass
class RunningJob:
    """A job that runs.

    Attributes:
        trial: that it is; None outside of a sweep.
        record: its run; None if nothing is recorded.
        unit: of the steps that it has reported; None before the first.
    """

    trial: "optuna.Trial | None" = None
    record: "JobRecord | None" = None
    unit: Unit | None = None

    def set_unit(self, unit: Unit) -> None:
        """Note what the steps count.

        Raises:
            InputError: another unit than before, in this job or in another trial of the study.
        """
        known = self.unit
        if known is None and self.trial is not None:
            known = self.trial.study.user_attrs.get(Tag.UNIT)
            if known is None:
                self.trial.study.set_user_attr(Tag.UNIT, unit)
        if known not in (None, unit):
            raise InputError(f"unit of lrlab.report must be {known}, as it was before in this study, got {unit!r}")
        if self.unit is None and self.record:
            self.record.tag({Tag.UNIT: unit})
        self.unit = unit


_running: ContextVar[RunningJob | None] = ContextVar("lrlab.job", default=None)


def current() -> RunningJob | None:
    """Return the trial that runs in this thread."""
    return _running.get()


@contextmanager
def reporting(job: RunningJob) -> Iterator[None]:
    """Have `report`, `log` and `artifact` speak of a job while this lasts."""
    token = _running.set(job)
    try:
        yield
    finally:
        _running.reset(token)
