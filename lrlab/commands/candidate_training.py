"""Candidates trained on fresh seeds, in populations whose multiplies are efficient."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from lrlab.commands.candidates import Candidate
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.tracking.tracker import Tracker
from lrlab.training.experiment import Experiment
from lrlab.training.population import MIN_EFFICIENT_MICROBATCH, microbatch_for

Watch = Callable[[int, int], None]  # member epochs done, and in all


@dataclass(frozen=True)
class ConfirmedTraining:
    """A candidate trained on one fresh seed."""

    candidate: Candidate
    training: RecordedTraining

    def last(self, metric: str) -> float:
        """Return the value after the last epoch, NaN if the training diverged."""
        return math.nan if self.training.diverged else self.training.history.last(metric)

    def test(self) -> dict[str, float]:
        """Return loss and accuracy on the test split."""
        return self.training.population.test(self.training.member)


def train_candidates(
    candidates: Sequence[Candidate], seeds: Sequence[int], tracker: Tracker, parent: str, watch: Watch
) -> list[ConfirmedTraining]:
    """Train every candidate on every seed, in as few populations as is efficient.

    The members of a population take equally many epochs, so that all keep their slots for the test.
    """
    groups: dict[Hashable, list[tuple[Candidate, Experiment]]] = defaultdict(list)
    shared = population_batch_sizes(candidate.experiment.batch_size for candidate in candidates)
    total = 0
    for seed in seeds:
        for candidate in candidates:
            experiment = replace(candidate.experiment, seed=seed)
            n_epochs = experiment.n_epochs(experiment.data.load())
            sizes = next(sizes for sizes in shared if experiment.batch_size in sizes)
            groups[n_epochs, experiment.compatibility_key(), sizes].append((candidate, experiment))
            total += n_epochs
    trained: list[ConfirmedTraining] = []
    done = 0
    for group in groups.values():
        first = group[0][1]
        microbatch = microbatch_for([experiment.batch_size for _, experiment in group])
        population = first.new_population(first.data.load(), width=len(group), microbatch=microbatch)
        with training_loop(tracker) as loop:
            for candidate, experiment in group:
                name = f"trial {candidate.trial}, seed {experiment.seed}"
                training = loop.start(experiment, population, name=name, parent=parent)
                trained.append(ConfirmedTraining(candidate, training))
            while loop.open:
                done += len(loop.train_epoch())
                watch(done, total)
    return trained


def population_batch_sizes(batch_sizes: Iterable[int]) -> list[tuple[int, ...]]:
    """Return which batch sizes share populations.

    The microbatch of a population divides its batch sizes: 64 and 251 would be trained one sample at a time.
    """
    shared: list[tuple[int, ...]] = []
    for size in sorted(set(batch_sizes)):
        for i, sizes in enumerate(shared):
            if math.gcd(size, *sizes) >= min(sizes[0], MIN_EFFICIENT_MICROBATCH):
                shared[i] = (*sizes, size)
                break
        else:
            shared.append((size,))
    return shared
