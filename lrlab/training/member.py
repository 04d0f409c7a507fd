"""A member: one training inside a population. It reads and writes its own slices only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lrlab.core.model import Layer
from lrlab.core.optimizer import State
from lrlab.core.schedule import factor
from lrlab.training.evaluation import log_spaced_counts
from lrlab.training.experiment import Experiment
from lrlab.training.gradient_noise import NoiseMeter

Array = np.ndarray

# An update reads and writes up to five arrays; this many elements of each stay in a core's cache together.
BLOCK = 32768

TINY = float(np.finfo(np.float32).tiny)  # instead of a norm of 0 in a denominator


@dataclass(frozen=True)
class Block:
    """A flat piece of one parameter array: what one call of the optimizer updates."""

    w: Array
    gradient: Array  # of the batch so far: the sum over its microbatches
    last_measured: Array  # the part of it that the noise meter has seen
    state: State
    scratch: Array
    is_weight: bool  # biases are not regularized

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
        layers: Sequence[Layer],
        gradients: Sequence[Layer],
    ) -> None:
        """Take the slot's part of ``layers`` and ``gradients``, the population's stacked arrays, K first."""
        self.experiment = experiment
        self.slot = slot
        self.first_epoch = first_epoch
        self.epoch = 0
        self.t = 0
        self.metrics: dict[str, float] = {}
        self.samples = experiment.samples_an_epoch(training_samples)
        self._total = experiment.total_updates(training_samples)
        self._measured_counts = log_spaced_counts(self._total) if experiment.evaluate == "log" else frozenset()
        self._parameters = [array[slot] for layer in layers for array in layer]
        self._blocks = list(_blocks(experiment, slot, layers, gradients))
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

    def accumulate(self, seen: int) -> bool:
        """Count a microbatch, whose gradient has been added; update when it completes a batch, and return whether.

        Args:
            seen: training samples of this epoch up to and including the microbatch.
        """
        if seen > self.samples:
            for block in self._blocks:
                block.gradient.fill(0)  # of a batch that is dropped
            return False
        whole_pass, full = seen == self.samples, seen % self.experiment.batch_size == 0
        measure = self._noise.chooses(seen)
        if measure:
            self._noise.microbatch(sum(block.increment_sq_norm() for block in self._blocks))
        if not (whole_pass or full):
            return False
        if measure:
            self._noise.batch(sum(block.batch_sq_norm() for block in self._blocks), full=full)
        lr = self.experiment.optimizer.lr * factor(self.experiment.schedule, self.t, self._total)
        self.t += 1
        if whole_pass or self.finished:
            self.metrics = self._measured_update(lr) | self._noise.metrics()
        else:
            self._update(lr)
        return True

    def _update(self, lr: float) -> None:
        """Regularize and step block by block, so that each is read into the cache once."""
        for block in self._blocks:
            self._regularize(block)
            self._step(block, lr)

    def _measured_update(self, lr: float) -> dict[str, float]:
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
        """Update a block; the next batch's gradient begins at zero."""
        self.experiment.optimizer.update(block.w, block.gradient, block.state, lr, self.t, block.scratch)
        if block.is_weight:
            self.experiment.regularizer.prox(block.w, lr, block.scratch)
        block.gradient.fill(0)


def _norm(arrays: Sequence[Array]) -> float:
    return float(sum(np.square(a, dtype=np.float64).sum() for a in arrays) ** 0.5)


def _blocks(experiment: Experiment, slot: int, layers: Sequence[Layer], gradients: Sequence[Layer]) -> Iterator[Block]:
    for stacked in zip(layers, gradients, strict=True):
        for name in ("W", "b"):
            w, gradient = (getattr(layer, name)[slot].reshape(-1) for layer in stacked)
            scratch = np.empty_like(w[:BLOCK])
            for i in range(0, len(w), BLOCK):
                piece = w[i : i + BLOCK]
                yield Block(
                    w=piece,
                    gradient=gradient[i : i + BLOCK],
                    last_measured=np.zeros_like(piece),
                    state=experiment.optimizer.init(piece),
                    scratch=scratch[: len(piece)],
                    is_weight=name == "W",
                )
