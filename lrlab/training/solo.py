"""One member alone: a single training, and the replay of a member that once had company."""

from collections.abc import Iterator

from lrlab.data.datasets import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.population import Event, Population, microbatch_for


def solo(
    experiment: Experiment,
    dataset: Dataset,
    *,
    width: int = 1,
    slot: int = 0,
    microbatch: int | None = None,
    first_epoch: int = 0,
) -> Population:
    """A population with this experiment as its only member.

    Args:
        experiment: what to train.
        dataset: its loaded data.
        width, slot, microbatch, first_epoch: where the member sits; for a replay, those on record.
    """
    experiment.check_fits(len(dataset.train))
    population = Population(
        dataset,
        experiment.model,
        experiment.loss,
        width=width,
        microbatch=microbatch or microbatch_for([experiment.batch_size]),
        seed=experiment.seed,
        dtype=experiment.dtype,
        first_epoch=first_epoch,
    )
    population.admit(experiment, slot)
    return population


def epochs(population: Population) -> Iterator[Event]:
    """Train the only member to its end, epoch by epoch; a diverged one ends at once."""
    (member,) = population.members
    while not member.finished:
        (event,) = population.epoch()
        yield event
        if event.diverged:
            return
