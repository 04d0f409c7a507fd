"""The best configurations of a search, to be trained again, and seeds that it has not had."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrlab.commands.best import read_run, trained_settings
from lrlab.runs.recorder import config_of
from lrlab.sweeper.search.space import SEED
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import from_record
from lrlab.training.experiment import Experiment

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Candidate:
    """A configuration of the search.

    Attributes:
        trial: that stands for its seeds.
        value: its mean objective over the seeds of the search.
        experiment: the whole configuration, with the seed of the trial.
    """

    trial: int
    value: float
    experiment: Experiment


def best_configurations(
    study: "optuna.Study", tracker: Tracker, top: int, allow: Sequence[str] = ()
) -> list[Candidate]:
    """Return the best `top` configurations of a study by their means over the seeds, each of them once.

    Raises:
        InputError: as of `trained_settings` and `read_run`.
    """
    found: dict[Experiment, Candidate] = {}
    for setting in trained_settings(study):
        record = config_of(read_run(study, tracker, setting.trial))
        experiment = from_record(record, allow)
        found.setdefault(replace(experiment, seed=0), Candidate(setting.trial, setting.mean, experiment))
        if len(found) == top:
            break
    return list(found.values())


def fresh_seeds(study: "optuna.Study", candidates: Sequence[Candidate], count: int) -> list[int]:
    """Return seeds that no trial of the search has had."""
    used = {trial.params[SEED] for trial in study.get_trials(deepcopy=False) if SEED in trial.params}
    used |= {candidate.experiment.seed for candidate in candidates}
    return seeds_after(map(int, used), count)


def seeds_after(used: Iterable[int], count: int) -> list[int]:
    """Return the seeds that follow those that were used, from 0 where there were none."""
    first = max(used, default=-1) + 1
    return list(range(first, first + count))
