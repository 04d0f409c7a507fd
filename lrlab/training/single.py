"""One member alone: a single training, and the replay of a member that once had company."""

from collections.abc import Iterator

from lrlab.data.datasets import Dataset
from lrlab.training.experiment import EpochResult, Experiment, Population
from lrlab.training.population import microbatch_for


def single(
    experiment: Experiment,
    dataset: Dataset,
    *,
    width: int = 1,
    slot: int = 0,
    microbatch: int | None = None,
    first_epoch: int = 0,
) -> Population:
    """A cohort with this experiment as its only member.

    Args:
        experiment: what to train.
        dataset: its loaded data.
        width, slot, microbatch, first_epoch: where the member sits; for a replay, those on record.
    """
    experiment.check_fits(dataset)
    cohort = experiment.method.new_population(
        experiment,
        dataset,
        width=width,
        microbatch=microbatch or microbatch_for([experiment.batch_size]),
        first_epoch=first_epoch,
    )
    cohort.admit(experiment, slot)
    return cohort


def train_epochs(cohort: Population) -> Iterator[EpochResult]:
    """Train the only member to its end, epoch by epoch; a diverged one ends at once."""
    (member,) = cohort.members
    while not member.finished:
        (event,) = cohort.train_epoch()
        yield event
        if event.diverged:
            return
