"""One member alone: a single training, and the replay of a member that once had company."""

from collections.abc import Iterator

from lrlab.data.datasets import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.method import Cohort, Event
from lrlab.training.population import microbatch_for


def solo(
    experiment: Experiment,
    dataset: Dataset,
    *,
    width: int = 1,
    slot: int = 0,
    microbatch: int | None = None,
    first_epoch: int = 0,
) -> Cohort:
    """A cohort with this experiment as its only member.

    Args:
        experiment: what to train.
        dataset: its loaded data.
        width, slot, microbatch, first_epoch: where the member sits; for a replay, those on record.
    """
    experiment.check_fits(dataset)
    cohort = experiment.method.cohort(
        experiment,
        dataset,
        width=width,
        microbatch=microbatch or microbatch_for([experiment.batch_size]),
        first_epoch=first_epoch,
    )
    cohort.admit(experiment, slot)
    return cohort


def epochs(cohort: Cohort) -> Iterator[Event]:
    """Train the only member to its end, epoch by epoch; a diverged one ends at once."""
    (member,) = cohort.members
    while not member.finished:
        (event,) = cohort.epoch()
        yield event
        if event.diverged:
            return
