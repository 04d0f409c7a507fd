"""Lecture 5.8 and 5.9: Adam's bias correction, and AdamW against Adam with an L2 regularizer."""

from dataclasses import dataclass, replace

import numpy as np

from lrlab.analysis.answers.wording import listed
from lrlab.core.model import MLP, Layer, Linear
from lrlab.core.optimizer import Adam, AdamW, Optimizer, State
from lrlab.core.regularizer import L2
from lrlab.lecture.chapters.gradient_noise import gradient
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG_X, Chart, Line, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.plotting.figures import Figure

STEPS = 20
LR = 1e-3
DECAYS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
HIDDEN = 50
Array = np.ndarray


@dataclass(frozen=True)
class Uncorrected:
    """Adam without bias correction: w -= lr m / (sqrt(v) + eps)."""

    lr: float = LR
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def init(self, w: Array) -> State:
        return np.zeros_like(w), np.zeros_like(w)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        m, v = state
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g**2 - v)
        w -= lr * m / (np.sqrt(v) + self.eps)


def measure(trainer: ChapterTrainer) -> ChapterResult:
    bias, steps = _bias(trainer)
    decay, norms = _decay(trainer)
    return ChapterResult((bias, *decay), (steps, norms))


def _bias(trainer: ChapterTrainer) -> tuple[Claim, Figure]:
    corrected, raw = (_step_sizes(trainer, optimizer) for optimizer in (Adam(LR), Uncorrected(LR)))
    first = (1 - 0.9) / np.sqrt(1 - 0.999)
    claim = Claim(
        "5.8",
        "Adam's bias correction",
        "Bias correction keeps Adam's first steps from being too large",
        f"first steps of 1 and, without it, {first:.2f} learning rates (± 1 %)",
        f"{corrected[0]:.3f} and {raw[0]:.3f} learning rates; of the first {STEPS} steps, at most {max(corrected):.2f} "
        f"and {max(raw):.2f}",
        abs(corrected[0] - 1) < 0.01 and abs(raw[0] / first - 1) < 0.01,
    )
    lines = [curve("with bias correction", corrected), curve("without", raw)]
    chart = Chart(
        "update",
        "root mean square step (learning rates)",
        lines,
        axes={"ylim": (0, 1.1 * max(*corrected, *raw))},
        markers=True,
    )
    return claim, line_figure(
        chart,
        title="Without bias correction Adam's first steps are too large",
        caption="A linear model's first updates on mini-batches, over all weights.",
    )


def _step_sizes(trainer: ChapterTrainer, optimizer: Optimizer) -> list[float]:
    """Return the root mean square of the change of W over lr, for the first updates on mini-batches."""
    data = trainer.load(trainer.preset.subset)
    rng = np.random.default_rng(0)
    (layer,) = Linear().init(rng, data.x.shape[1], len(data.classes))
    W = layer.W.reshape(-1)
    moved = np.array([np.ptp(data.x[data.train], axis=0) > 0] * len(data.classes)).ravel()
    state, sizes = optimizer.init(W), []
    for t in range(1, STEPS + 1):
        g = gradient(
            data, [Layer(W.reshape(layer.W.shape), layer.b)], rng.choice(data.train, trainer.preset.batch_size)
        )
        before = W.copy()
        optimizer.update(W, g, state, LR, t, np.empty_like(W))
        sizes.append(float(np.sqrt(np.mean(((W - before)[moved] / LR) ** 2))))
    return sizes


def _decay(trainer: ChapterTrainer) -> tuple[tuple[Claim, ...], Figure]:
    """Compare decays of the same nominal strength: lr * decay * W outside the moments, or decay * W in the gradient."""
    baseline = trainer.preset.experiment(model=MLP([HIDDEN]), epochs=2 * trainer.preset.epochs)
    grid = {
        "AdamW": [replace(baseline, optimizer=AdamW(lr=LR, weight_decay=decay)) for decay in DECAYS],
        "Adam + L2": [replace(baseline, optimizer=Adam(lr=LR), regularizer=L2(decay / 2)) for decay in DECAYS],
    }
    trained = trainer.train_groups("weight decay", grid)
    same = DECAYS.index(0.1)
    norms = [runs[same].last("weight_norm") for runs in trained.values()]
    bests = [best(runs) for runs in trained.values()]
    losses = [run.last("val/loss") for run in bests]
    found = [DECAYS[runs.index(run)] for runs, run in zip(trained.values(), bests, strict=True)]
    better = [
        decay
        for decay, ours, theirs in zip(DECAYS, *trained.values(), strict=True)
        if ours.last("val/loss") < theirs.last("val/loss")
    ]
    claims = (
        Claim(
            "5.9",
            "AdamW is not Adam with L2",
            "AdamW's decay does not pass through the moments, Adam's L2 does: they are not the same",
            "norms of the weights that differ by more than 10 % at the same nominal decay of 0.1",
            f"a norm of {norms[0]:.2f} with AdamW, {norms[1]:.2f} with Adam + L2",
            abs(norms[0] / norms[1] - 1) > 0.1,
        ),
        Claim(
            "5.9",
            "AdamW against Adam with L2",
            "AdamW outperforms Adam (on many tasks)",
            "a lower validation loss than Adam + L2, each at its best decay",
            f"validation loss {losses[0]:.4f} with AdamW, {losses[1]:.4f} with Adam + L2",
            losses[0] < losses[1],
            Failure(
                f"At its best decay, {found[0]:g}, AdamW ends no lower than Adam with L2 at {found[1]:g}.",
                f"at the same decay of {listed(better)}" if better else "",
                bool(better),
            ),
        ),
    )
    return claims, _norms(trained, same)


def _norms(trained: dict[str, list[Trained]], same: int) -> Figure:
    norms = [
        curve(f"{name}, decay {DECAYS[same]}", runs[same].history["weight_norm"]) for name, runs in trained.items()
    ]
    losses = [Line(name, DECAYS, [run.last("val/loss") for run in runs]) for name, runs in trained.items()]
    return line_figure(
        Chart("epochs", "norm of all parameters", norms, markers=True),
        Chart("decay (weight_decay, or 2 lambda)", "validation loss (nats)", losses, axes=LOG_X, markers=True),
        title="Decay outside the moments, and L2 through them",
        caption=f"A two-layer network with {HIDDEN} hidden units at learning rate {LR}.",
    )
