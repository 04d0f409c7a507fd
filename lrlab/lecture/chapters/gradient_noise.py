"""Lecture 5.5: the noise of mini-batch gradients."""

import numpy as np

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Layer, backward, forward, output_buffers, zeros
from lrlab.core.optimizer import Momentum
from lrlab.data.dataset import Dataset
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer

BATCHES = 200
MIN_BATCHES_PER_EPOCH = 10  # times smaller than the training set, so that what a batch leaves out hardly matters


def measure(trainer: ChapterTrainer) -> ChapterResult:
    """Measure at the weights after one epoch, over batches as training draws them."""
    data = trainer.load(trainer.preset.subset)
    (run,) = trainer.train("weights for the noise", [trainer.preset.experiment(optimizer=Momentum(lr=0.003), epochs=1)])
    layers = [Layer(run.weights["W1"][None].astype(float), run.weights["b1"][None].astype(float))]
    sizes = 2 ** np.arange(int(np.log2(len(data.train) / MIN_BATCHES_PER_EPOCH)) + 1)
    full = gradient(data, layers, data.train)
    noise = np.array([gradient_noise(data, layers, full, int(size)) for size in sizes])
    slope = float(np.polyfit(np.log(sizes), np.log(noise), 1)[0])
    claim = Claim(
        "5.5",
        "Noise of mini-batches",
        "Mini-batches make the gradient noisy; larger batches less so",
        "noise in proportion to 1 / √(batch size): a power of -0.5 ± 0.05",
        f"a power of {slope:.3f} from {sizes[0]} to {sizes[-1]} samples",
        abs(slope + 0.5) <= 0.05,
        Failure(
            f"From {sizes[0]} to {sizes[-1]} samples the noise falls by a factor of {noise[0] / noise[-1]:.3g}, not by "
            f"{np.sqrt(sizes[-1] / sizes[0]):.3g}."
        ),
    )
    lines = [
        Line("measured", sizes, noise),
        Line("1 / √(batch size)", sizes, noise[0] / np.sqrt(sizes), "reference"),
    ]
    chart = Chart(
        "batch size (samples)",
        "|batch gradient - full gradient| / |full gradient|",
        lines,
        axes={**LOG, "xticks": sizes.tolist()},
        markers=True,
    )
    drawn = line_figure(
        chart,
        title="How noisy a mini-batch's gradient is",
        caption=f"Root mean square over {BATCHES} batches of each size. Dashed: in proportion to 1 / √(batch size).",
    )
    return ChapterResult((claim,), (drawn,))


def gradient_noise(data: Dataset, layers: list[Layer], full: np.ndarray, size: int) -> float:
    """Return the root mean square of |g_B - g| / |g| over batches drawn without replacement; ``full`` is g."""
    rng = np.random.default_rng(size)
    deviations = [
        np.square(gradient(data, layers, rng.choice(data.train, size, replace=False)) - full).sum()
        for _ in range(BATCHES)
    ]
    return float(np.sqrt(np.mean(deviations) / np.square(full).sum()))


def gradient(data: Dataset, layers: list[Layer], rows: np.ndarray) -> np.ndarray:
    """Return the gradient of the mean loss on some rows with respect to W, flat."""
    x, y = data.x[rows].astype(float), data.y[rows]
    widths = [x.shape[1], len(data.classes)]
    out, gradients = output_buffers(widths, 1, len(x), x.dtype), zeros(widths, 1, x.dtype)
    scores = forward(layers, x, out)
    SoftmaxCrossEntropy().value_and_grad(scores, y, np.array([float(len(x))]))
    backward(layers, x, out, scores, gradients)
    return gradients[0].W.ravel()
