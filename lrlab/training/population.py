"""The population: K small models trained on the same microbatches, so that their matrix multiplies are one.

The engine walks the shuffled training set in microbatches. Forward and backward passes run stacked over all K slots;
the gradients of the microbatches add up until a member's batch is whole and it updates. Members come and go at epoch
boundaries; after its last update one rests. No slot can touch another: a row of a product depends on that row alone.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from lrlab.core.loss import Loss
from lrlab.core.model import Model, aligned_zeros, backward, forward, output_buffers, zeros
from lrlab.core.random_streams import stream
from lrlab.data.dataset import Dataset
from lrlab.training.evaluation import EVALUATION_BATCH, evaluate
from lrlab.training.experiment import EpochResult, Experiment, Member
from lrlab.training.gradient_noise import can_halve, is_measured
from lrlab.training.member import StackedMember as StackedMember
from lrlab.training.parameter import parameters
from lrlab.training.updates import Updates

Array = np.ndarray
Curves = dict[StackedMember, list[tuple[int, float]]]  # (updates, validation loss in nats) of one epoch

MAX_MICROBATCH = 1024  # more does not multiply faster
MIN_EFFICIENT_MICROBATCH = 64  # less is slow
MIN_WIDTH, MAX_WIDTH = 32, 96  # members of one worker at most, of large models and of small ones
MEMORY = 64 << 20  # bytes of the members of one worker, from MIN_WIDTH on
ARRAYS = 4  # of a member: weights, gradient, two moments
EFFICIENT_WEIGHTS = 1 << 20  # of all members: more do not multiply faster; 32 linear classifiers of CIFAR-10 have them
MAX_BATCH_RATIO = 4  # batch sizes of one microbatch: the largest is at most so many times the smallest


def microbatch_for(batch_sizes: Iterable[int]) -> int:
    """Return the largest microbatch up to MAX_MICROBATCH of which every batch size is a multiple, if it is efficient.

    A common size without an efficient divisor (a large prime, say) is taken whole: more memory, but fewer multiplies.
    """
    common = math.gcd(*batch_sizes)
    largest = next(m for m in range(min(common, MAX_MICROBATCH), 0, -1) if common % m == 0)
    return largest if common <= MAX_MICROBATCH or largest >= MIN_EFFICIENT_MICROBATCH else common


def microbatches(batch_sizes: Iterable[int]) -> list[tuple[int, int]]:
    """Return which batch sizes of a search share populations: (smallest of them, microbatch), in rising order.

    One microbatch for all would be that of the smallest, and small multiplies are slow.
    """
    shared, left = [], sorted(set(batch_sizes))
    while left:
        smallest, together = left[0], [size for size in left if size <= MAX_BATCH_RATIO * left[0]]
        shared.append((smallest, microbatch_for(together)))
        left = left[len(together) :]
    return shared


def max_width(model: Model, dataset: Dataset, dtype: np.dtype) -> int:
    """Return how many members of a model one worker trains at once at most.

    They share populations by batch size and by the order of the samples, and a narrow population is slow.
    """
    widths = model.widths(dataset.x.shape[1], len(dataset.classes))
    size = dtype.itemsize * sum((n + 1) * m for n, m in pairwise(widths))
    return min(max(MEMORY // (ARRAYS * size), MIN_WIDTH), MAX_WIDTH)


def search_width(model: Model, dataset: Dataset) -> int:
    """Return how many members of a model one worker of a search trains at once at most.

    As few as multiply efficiently: trials learn from those that have ended, and fewer end sooner.
    """
    widths = model.widths(dataset.x.shape[1], len(dataset.classes))
    weights = sum(n * m for n, m in pairwise(widths))
    return min(-(-EFFICIENT_WEIGHTS // weights), MIN_WIDTH)


class StackedPopulation:
    """K slots for members that share data, architecture, loss, dtype and the order of the samples.

    Args:
        dataset: the loaded data.
        model, loss: shared by all members.
        width: K, the number of slots; fixed, because the shapes of the multiplies decide how they round.
        microbatch: samples per multiply; every member's batch size is a multiple of it.
        seed: of the order of the samples.
        dtype: float32 or float64.
        first_epoch: how many epochs of the shared shuffle have passed, for a replay.
    """

    def __init__(
        self,
        dataset: Dataset,
        model: Model,
        loss: Loss,
        *,
        width: int,
        microbatch: int,
        seed: int = 0,
        dtype: str = "float32",
        first_epoch: int = 0,
    ) -> None:
        self.dataset = dataset
        self.width = width
        self.microbatch = microbatch
        self.epochs_done = first_epoch
        self._model, self._loss, self._seed = model, loss, seed
        self._dtype = np.dtype(dtype)
        self._widths = model.widths(dataset.x.shape[1], len(dataset.classes))
        self._layers = zeros(self._widths, width, self._dtype)
        self._gradients = zeros(self._widths, width, self._dtype)  # of each member's batch so far
        self._parameters = parameters(self._layers, self._gradients)
        self._updates = Updates(self._parameters)
        self._rows = aligned_zeros((max(microbatch, EVALUATION_BATCH), dataset.x.shape[1]), dataset.x.dtype)
        self._outputs: dict[int, list[Array]] = {}  # per batch length
        self._slots: list[StackedMember | None] = [None] * width

    @property
    def members(self) -> list[StackedMember]:
        return [member for member in self._slots if member is not None]

    @property
    def free_slots(self) -> int:
        return self._slots.count(None)

    def admit(self, experiment: Experiment, slot: int | None = None) -> StackedMember:
        if experiment.batch_size % self.microbatch:
            raise ValueError(f"batch size {experiment.batch_size} is no multiple of {self.microbatch}")
        slot = self._slots.index(None) if slot is None else slot
        if self._slots[slot] is not None:
            raise ValueError(f"slot {slot} is taken")
        initial = self._model.init(stream(experiment.seed, "weights"), self._widths[0], self._widths[-1])
        for layer, start in zip(self._layers, initial, strict=True):
            layer.W[slot], layer.b[slot] = start.W[0], start.b[0]
        member = StackedMember(experiment, slot, self.epochs_done, len(self.dataset.train), self._parameters)
        self._slots[slot] = member
        return member

    def release(self, member: Member) -> None:
        """Free a member's slot and zero its parameters."""
        self._slots[member.slot] = None
        for layer in self._layers:
            layer.W[member.slot] = 0
            layer.b[member.slot] = 0

    def train_epoch(self) -> list[EpochResult]:
        """Train the members that have updates to make for one pass over the training set, then validate them."""
        curves: Curves = {member: [] for member in self.members if not member.finished}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # divergence is reported per member
            train_loss, train_accuracy = self._train(curves)
            val_loss, val_accuracy = self._validate()
        self.epochs_done += 1
        results = []
        for member, curve in curves.items():
            k = member.slot
            member.epoch += 1
            metrics = {
                "val/loss": float(val_loss[k]),  # first: MLflow opens a comparison on the first metric
                "val/accuracy": float(val_accuracy[k]),
                "train/loss": float(train_loss[k]),
                "train/accuracy": float(train_accuracy[k]),
                "updates": float(member.t),
                **member.metrics,
            }
            diverged = not all(map(math.isfinite, metrics.values()))
            results.append(EpochResult(member, member.epoch, metrics, diverged, tuple(curve)))
        return results

    def test(self, member: Member) -> dict[str, float]:
        data = self.dataset
        loss, accuracy = self._evaluate(data.x_test, data.y_test, np.arange(len(data.y_test)))
        return {"test/loss": float(loss[member.slot]), "test/accuracy": float(accuracy[member.slot])}

    def _train(self, curves: Curves) -> Array:
        """Make one pass of updates, extend the curves; return mean loss and accuracy (2, K) up to the last update."""
        order = stream(self._seed, "order", self.epochs_done).permutation(self.dataset.train)
        batch_sizes = np.array([m.experiment.batch_size if m else self.microbatch for m in self._slots])
        sums, means = np.zeros((2, self.width)), np.zeros((2, self.width))  # of loss and of right answers
        samples, training, seen = len(order), list(curves), 0
        self._extend(curves, [member for member in training if member.t == 0])
        for x, y in self._batches(self.dataset.x, self.dataset.y, self._pieces(order)):
            if not training:
                break
            before = seen % batch_sizes  # samples of each member's batch so far (K,)
            accumulate = bool(before.any())
            if accumulate and not before.all():
                self._gradients_to_zero(before == 0)
            in_batch = np.minimum(batch_sizes, samples - seen + before)
            out = self._output_buffers(len(y))
            scores = forward(self._layers, x, out)
            losses, hits = self._loss.value_and_grad(scores, y, in_batch.astype(self._dtype))
            backward(self._layers, x, out, scores, self._gradients, accumulate=accumulate)
            sums += losses.sum(axis=1, dtype=np.float64), hits.sum(axis=1)
            seen += len(y)
            updated = [member for member in training if member.accumulate(seen, len(y))]
            self._updates.make(updated)
            self._extend(curves, updated)
            if ended := [member.slot for member in updated if member.has_ended]:
                means[:, ended] = sums[:, ended] / seen
                training = [member for member in training if not member.finished]
        return means

    def _gradients_to_zero(self, slots: Array) -> None:
        for parameter in self._parameters:
            parameter.gradient[slots] = 0

    def _extend(self, curves: Curves, members: Iterable[StackedMember]) -> None:
        """Add the validation loss of the members that are due, all slots stacked: shapes decide how it rounds."""
        if due := [member for member in members if member.is_due]:
            loss, _ = self._validate()
            for member in due:
                curves[member].append((member.t, float(loss[member.slot])))

    def _validate(self) -> tuple[Array, Array]:
        """Return mean loss (K,) and accuracy (K,) of all slots on the validation set."""
        return self._evaluate(self.dataset.x, self.dataset.y, self.dataset.validation)

    def _evaluate(self, images: Array, labels: Array, rows: Array) -> tuple[Array, Array]:
        """Return mean loss (K,) and accuracy (K,) of all slots on some rows."""
        pieces = (rows[i : i + EVALUATION_BATCH] for i in range(0, len(rows), EVALUATION_BATCH))
        batches = self._batches(images, labels, pieces)
        return evaluate(self._layers, self._loss, batches, self._output_buffers)

    def _pieces(self, order: Array) -> Iterator[Array]:
        """Yield the rows of each multiply: a microbatch, of which the last may be smaller.

        The noise meter compares parts of a batch with the whole. A microbatch that is all of its batch is halved where
        it is measured, if there is one slot only: companions would make other cuts, and a replay is without them.
        """
        undivided = self.width == 1 and all(m.experiment.batch_size == self.microbatch for m in self.members)
        for i in range(0, len(order), self.microbatch):
            rows = order[i : i + self.microbatch]
            if undivided and can_halve(len(rows)) and is_measured(i // self.microbatch):
                yield rows[: len(rows) // 2]
                rows = rows[len(rows) // 2 :]
            yield rows

    def _batches(self, images: Array, labels: Array, pieces: Iterable[Array]) -> Iterator[tuple[Array, Array]]:
        """Yield images and labels of each piece of rows, the images copied next to each other."""
        for chosen in pieces:
            x = np.take(images, chosen, axis=0, out=self._rows[: len(chosen)], mode="clip")
            yield x.astype(self._dtype, copy=False), labels[chosen]

    def _output_buffers(self, length: int) -> list[Array]:
        if length not in self._outputs:
            self._outputs[length] = output_buffers(self._widths, self.width, length, self._dtype)
        return self._outputs[length]
