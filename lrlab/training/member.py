"""A member: one training inside a population. It reads and writes its own slices only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrlab.core.optimizer import State
from lrlab.core.schedule import warmup_factor, warmup_updates
from lrlab.training.evaluation import log_spaced_counts
from lrlab.training.experiment import Experiment
from lrlab.training.gradient_noise import NoiseMeter
from lrlab.training.parameter import Parameter

Array = np.ndarray

# An update reads and writes up to five arrays; this many elements of each stay in a core's cache together.
BLOCK = 32768

TINY = float(np.finfo(np.float32).tiny)  # instead of a norm of 0 in a denominator


@dataclass(frozen=True)
class Block:
    """A flat piece of one parameter array: what one call of the optimizer updates."""

    w: Array
    gradient: Array  # of the batch so far: the sum over its microbatches
    state: State
    scratch: Array
    is_weight: bool  # biases are not regularized

    @cached_property
    def last_measured(self) -> Array:
        """The part of the gradient that the noise meter has seen; most members never have one."""
        return np.zeros_like(self.w)

    def increment_sq_norm(self) -> float:
        """Return |g|² of the gradient's increment since the last call."""
        np.subtract(self.gradient, self.last_measured, out=self.scratch)
        self.last_measured[:] = self.gradient
        return float(self.scratch @ self.scratch)

    def batch_sq_norm(self) -> float:
        """Return |g|² of the whole batch's gradient; the next batch's increments begin at zero."""
        self.last_measured.fill(0)
        return float(self.gradient @ self.gradient)


class StackedMember:
    """One experiment in one slot of a population.

    Attributes:
        experiment: its configuration.
        slot: its index on the population's K axis.
        first_epoch: the epoch of the population's shuffles in which it started.
        samples: how many it takes in an epoch.
        epoch: epochs it has completed.
        t: updates it has made.
    """

    def __init__(
        self,
        experiment: Experiment,
        slot: int,
        first_epoch: int,
        training_samples: int,
        parameters: Sequence[Parameter],
    ) -> None:
        """Take the slot's part of the population's parameters."""
        self.experiment = experiment
        self.slot = slot
        self.first_epoch = first_epoch
        self.epoch = 0
        self.t = 0
        self.metrics: dict[str, float] = {}
        self.samples = experiment.samples_an_epoch(training_samples)
        self._batch_size = experiment.batch_size
        self._total = experiment.total_updates(training_samples)
        self._warmup = warmup_updates(experiment.schedule, self._total)
        self._at_end = False  # of a pass
        self._measured_counts = log_spaced_counts(self._total) if experiment.evaluate == "log" else frozenset()
        self._parameters = [parameter.array[slot] for parameter in parameters]
        self._blocks = list(_blocks(experiment, slot, parameters))
        self._noise = NoiseMeter(experiment.batch_size)

    @property
    def finished(self) -> bool:
        return self.t == self._total

    @property
    def is_due(self) -> bool:
        """Return whether its validation loss is to be measured after the updates that it has made."""
        return self.t in self._measured_counts

    def weights(self) -> dict[str, Array]:
        """Return copies of the parameters: W1 (out, in), b1 (out,), W2, ..."""
        names = [f"{kind}{i // 2 + 1}" for i, kind in enumerate("Wb" * (len(self._parameters) // 2))]
        return {name: array.copy() for name, array in zip(names, self._parameters, strict=True)}

    def state_dict(self) -> dict[str, Array]:
        """Return the arrays from which training goes on after an epoch, parameters and optimizer state: not copies."""
        state = {f"state{i}_{j}": array for i, block in enumerate(self._blocks) for j, array in enumerate(block.state)}
        return {f"parameter{i}": array for i, array in enumerate(self._parameters)} | state

    @property
    def is_observed(self) -> bool:
        """Return whether the metrics of the update that is due are those of the epoch."""
        return self._at_end or self.t + 1 == self._total

    @property
    def has_ended(self) -> bool:
        """Return whether the update just made was its last one of the epoch."""
        return self._at_end or self.finished

    def accumulate(self, seen: int, samples: int) -> bool:
        """Count a microbatch, whose gradient has been added; return whether it completes a batch: an update is due.

        Args:
            seen: training samples of this epoch up to and including the microbatch.
            samples: those of the microbatch.
        """
        if seen > self.samples:  # of a batch that is dropped
            return False
        over = seen % self._batch_size
        self._at_end = seen == self.samples
        is_due = over == 0 or self._at_end
        if self._noise.chooses(seen) and (over or samples < self._batch_size):  # a batch in parts
            self._noise.microbatch(sum(block.increment_sq_norm() for block in self._blocks))
            if is_due:
                self._noise.batch(sum(block.batch_sq_norm() for block in self._blocks), full=over == 0)
        return is_due

    def begin_update(self) -> float:
        """Count the update that is due; return its learning rate."""
        t, warmup, experiment = self.t, self._warmup, self.experiment
        self.t = t + 1
        if t < warmup:
            return experiment.optimizer.lr * warmup_factor(t, warmup)
        return experiment.optimizer.lr * experiment.schedule.decay(t - warmup, self._total - warmup)

    def update(self) -> None:
        """Make the update that is due."""
        if self.is_observed:
            self.metrics = self._observed_update(self.begin_update()) | self._noise.metrics()
        else:
            self._update(self.begin_update())

    def _update(self, lr: float) -> None:
        """Regularize and step block by block, so that each is read into the cache once."""
        for block in self._blocks:
            self._regularize(block)
            self._step(block, lr)

    def _observed_update(self, lr: float) -> dict[str, float]:
        """Do what `_update` does; return the metrics of this update."""
        before = [array.copy() for array in self._parameters]
        for block in self._blocks:
            self._regularize(block)
        gradient_norm = _norm([block.gradient for block in self._blocks])
        for block in self._blocks:
            self._step(block, lr)
        change = [w - old for w, old in zip(self._parameters, before, strict=True)]
        return {
            "lr": lr,
            "gradient_norm": gradient_norm,
            "weight_norm": _norm(self._parameters),
            "update_ratio": _norm(change) / max(_norm(before), TINY),
        }

    def _regularize(self, block: Block) -> None:
        if block.is_weight:
            self.experiment.regularizer.add_gradient(block.w, block.gradient, block.scratch)

    def _step(self, block: Block, lr: float) -> None:
        """Follow a block's gradient."""
        self.experiment.optimizer.update(block.w, block.gradient, block.state, lr, self.t, block.scratch)
        if block.is_weight:
            self.experiment.regularizer.prox(block.w, lr, block.scratch)


def _norm(arrays: Sequence[Array]) -> float:
    return float(sum(np.square(a, dtype=np.float64).sum() for a in arrays) ** 0.5)


def _blocks(experiment: Experiment, slot: int, parameters: Sequence[Parameter]) -> Iterator[Block]:
    for parameter in parameters:
        w, gradient = parameter.w[slot], parameter.gradient[slot]
        state, scratch = parameter.begin(slot, experiment.optimizer), np.empty_like(w[:BLOCK])
        for i in range(0, len(w), BLOCK):
            piece = w[i : i + BLOCK]
            yield Block(
                w=piece,
                gradient=gradient[i : i + BLOCK],
                state=tuple(array[i : i + BLOCK] for array in state),
                scratch=scratch[: len(piece)],
                is_weight=parameter.is_weight,
            )
