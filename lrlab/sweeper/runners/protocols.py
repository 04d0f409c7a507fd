"""The interface between the sweeper's loop and what is trained.

A Hydra task function that carries the methods of `Application` is swept through its own runner; every other
task function gets `lrlab.sweeper.runners.hydra_job.JobApplication`: one ordinary Hydra job per trial.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from lrlab.sweeper.search.bracket import Precision
from lrlab.sweeper.study.lease import LEASE

if TYPE_CHECKING:
    import optuna
    from omegaconf import DictConfig

    from lrlab.runtime.signals import SignalHandler
    from lrlab.sweeper.compose import Composer
    from lrlab.sweeper.study.queue import TrialCounts
    from lrlab.sweeper.study.state import SweepState


@dataclass(frozen=True)
class IntermediateValue:
    """An intermediate objective value of a running trial."""

    trial: int
    step: int
    value: float


@dataclass(frozen=True)
class TrialEnd:
    """A trial that is over; it has diverged if its objective is not finite, and is lost if others have taken it over.

    `value` holds the objective, one number per direction; one that is not finite makes the trial a failed one.
    `result`, if not None, is returned to Hydra from the sweep, in trial order.
    """

    trial: int
    state: Literal["complete", "pruned", "diverged", "failed", "lost"]
    value: Any = None
    reason: str = ""
    result: Any = None


class Runner(Protocol):
    """Trains trials inside one worker. All calls come from one thread."""

    @property
    def free_slots(self) -> int:
        """How many more trials can be started now."""

    def start(self, trial: "optuna.Trial", overrides: Sequence[str]) -> None:
        """Start a trial. `InputError` fails this trial alone; any other exception ends the sweep."""

    def advance(self) -> Sequence[IntermediateValue | TrialEnd]:
        """Train for a while (an epoch of a population, one whole job); return what happened, in order.

        `WorkerContext.signals` may interrupt it only during training, so that what has happened is always recorded.
        """

    def prune(self, trial: int) -> None:
        """Stop a running trial: free its slot, end its run. No `TrialEnd` follows."""

    def close(self) -> None:
        """Release everything. Trials that still run are interrupted: end their runs as killed."""


@dataclass(frozen=True)
class Sweep:
    """What is the same in the whole sweep, in the parent and in every worker. Pickled to the workers."""

    config: "DictConfig"  # the composed config of the application, with its hydra node
    composer: "Composer"  # overrides of one trial -> its resolved config as a dict
    study: str
    directory: Path  # hydra.sweep.dir, absolute; once the sweep has begun, the folder that is its own
    trials: int  # of the study in total, those of earlier sweeps included
    workers: int
    boundary_overrides: tuple[tuple[str, ...], ...]  # overrides that touch every choice and both ends of every range
    state: "SweepState | None" = None  # what `prepare` returned for this study before; None for a new study
    swept: tuple[str, ...] = ()  # keys
    directions: tuple[str, ...] = ("minimize",)  # or maximize: one per objective
    precision: Precision = field(default_factory=Precision)  # at which brackets are done
    max_failure_rate: float = 0.0  # the fraction of all trials that may fail before the sweep stops
    relaunches: int = 3  # how often a worker that died is launched again, while no trial is done in between
    deadline: float = math.inf  # seconds since 1970, which other machines count, too: when the sweep stops
    question: str = ""  # that it is to answer; "" is the usual one of what is swept
    lease: float = LEASE  # seconds without a sign of life after which the trials of a worker are others' to run
    learns: bool = True  # whether earlier trials decide on the values, or the ends, of later ones
    reuse: bool = False  # whether a trial with the values of a complete one is told its objective, and not run

    def too_many_failed(self, counts: "TrialCounts") -> bool:
        """Return whether the sweep has to stop."""
        return counts.failed > self.max_failure_rate * counts.total

    def is_overdue(self) -> bool:
        """Return whether the time of the sweep is over."""
        return time.time() >= self.deadline


@dataclass(frozen=True)
class WorkerContext:
    """What a runner is made from, inside a worker process."""

    sweep: Sweep
    state: "SweepState"  # what `prepare` returned
    signals: "SignalHandler"  # delays signals while results are stored
    elsewhere: bool = False  # on another machine than the sweep, which delivers the records that are left on its own
    lost: Callable[[], Collection[int]] = tuple  # trials that others have taken over; to be asked before one is ended
    past: int = 0  # trials of the study that were done or running before this sweep


@runtime_checkable
class Application(Protocol):
    """The hooks of a task function that trains trials in its own way. It is pickled to the workers."""

    @property
    def resume_ignored_keys(self) -> tuple[str, ...]:
        """Top-level keys that decide nothing about a trial: they may differ when a study is resumed."""

    def terms(self, composer: "Composer", overrides: Sequence[str]) -> Mapping[str, Any]:
        """Return what decides the trial with these overrides, by key: a study is resumed with the same alone.

        Raises:
            InputError: it cannot be composed.
        """

    def directions(self, config: "DictConfig", given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return minimize or maximize for each objective.

        Args:
            config: the composed config of the application, with its hydra node.
            given: what `hydra.sweeper.direction` says; None where it says nothing.

        Raises:
            InputError: that contradicts the objective.
        """

    def description(self, sweep: Sweep) -> Mapping[str, str]:
        """Return for a dry run what the "objective" is, and where the "runs" would be."""

    def check(self, sweep: Sweep) -> None:
        """Once in the parent: after the sweeper's checks, before anything is written.

        Compose `sweep.boundary_overrides`, look at the data, and raise `InputError` if something cannot be used.
        """

    def prepare(self, sweep: Sweep) -> "SweepState":
        """Once in the parent, before a worker starts; no other sweep of this storage does so at the same time.

        The state that is returned is stored with the study; it reaches every runner and `on_sweep_end`.
        """

    def check_host(self, sweep: Sweep, state: "SweepState") -> None:
        """Once in every worker on another host, before its runner: look for the data and the record of runs there.

        Raises:
            InputError: they are missing, or others; nothing has been written.
        """

    def runner(self, context: WorkerContext) -> Runner:
        """Once in every worker."""

    def on_nothing_left(self, sweep: Sweep, study: "optuna.Study") -> "SweepState | None":
        """Once in the parent, instead of all that follows, where all trials of a study are done already.

        Say so, and return the state to be stored with the study; or return None if the end of the sweep is not on
        record, which is then made up for.
        """

    def on_sweep_end(
        self, sweep: Sweep, state: "SweepState", study: "optuna.Study", error: BaseException | None
    ) -> None:
        """Once in the parent, after the last worker; `error` is why the sweep did not reach its end, if it did not."""
