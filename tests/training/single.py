"""One member alone, off the record."""

from collections.abc import Iterator

from lrlab.data.dataset import Dataset
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
    """Return a population with this experiment as its only member."""
    experiment.check_fits(dataset)
    microbatch = microbatch or microbatch_for([experiment.batch_size])
    population = experiment.new_population(dataset, width=width, microbatch=microbatch, first_epoch=first_epoch)
    population.admit(experiment, slot)
    return population


def train_epochs(population: Population) -> Iterator[EpochResult]:
    """Train the only member to its end, epoch by epoch; a diverged one ends at once."""
    (member,) = population.members
    while not member.finished:
        (result,) = population.train_epoch()
        yield result
        if result.diverged:
            return
