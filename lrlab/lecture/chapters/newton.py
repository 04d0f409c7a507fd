"""Lecture 7.3: Newton's method, only feasible for small models."""

import time
import tracemalloc
from dataclasses import replace

import numpy as np

from lrlab.core.hessian import softmax_hessian
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L2
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, Chart, Line, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.lecture.wording import number
from lrlab.lecture.wording import steps as in_steps
from lrlab.plotting.figures import Figure
from lrlab.training.methods.newton import Newton

STRENGTH = 0.1
TOLERANCE = 1e-8
LRS = (0.4, 0.5, 0.6)  # up to 2 / the largest curvature
DESCENT_STEPS = 5000
INPUTS = (32, 64, 128, 256, 400)
SAMPLES, CLASSES = 200, 10


def measure(trainer: ChapterTrainer) -> ChapterResult:
    """Measure on digits, whatever data the rest is about: anything larger is refused."""
    baseline = trainer.preset.experiment(data=Digits(), regularizer=L2(STRENGTH), dtype="float64", epochs=DESCENT_STEPS)
    samples = len(trainer.load(baseline.data).train)
    (newton,) = trainer.train("Newton", [replace(baseline, method=Newton(tolerance=TOLERANCE))])
    descents = trainer.train(
        "gradient descent to 1e-8", [replace(baseline, batch_size=samples, optimizer=SGD(lr)) for lr in LRS]
    )
    quickest = min(descents, key=steps)
    sizes = [cost(inputs) for inputs in INPUTS]
    claims = _fewer(newton, quickest), _memory(sizes), _refused(trainer, baseline.regularizer)
    return ChapterResult(claims, (_picture(newton, quickest, sizes),))


def steps(run: Trained) -> float:
    """Return the steps until the gradient's norm is at most the tolerance; inf if it never was."""
    reached = np.flatnonzero(np.array(run.history["gradient_norm"]) <= TOLERANCE)
    return float(reached[0] + 1) if len(reached) else float("inf")


def cost(inputs: int) -> tuple[int, float, int]:
    """Return parameters, seconds and peak bytes of a Newton step's Hessian and solution on made-up numbers."""
    rng = np.random.default_rng(0)
    x, p = rng.standard_normal((SAMPLES, inputs + 1)), rng.dirichlet(np.ones(CLASSES), SAMPLES)
    parameters = CLASSES * (inputs + 1)
    tracemalloc.start()
    started = time.perf_counter()
    H = softmax_hessian(p, x)
    H[np.diag_indices(parameters)] += 1
    np.linalg.solve(H, np.ones(parameters))
    seconds = time.perf_counter() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return parameters, seconds, peak


def _fewer(newton: Trained, quickest: Trained) -> Claim:
    few, many = steps(newton), steps(quickest)
    return Claim(
        "7.3",
        "Newton's method takes few steps",
        "Newton's method takes far fewer steps than gradient descent",
        f"to a gradient of {number(TOLERANCE)} at most a tenth of the steps of descent at its best learning rate",
        f"{in_steps(few, DESCENT_STEPS)} against {in_steps(many, DESCENT_STEPS)}",
        few <= many / 10,
    )


def _memory(sizes: list[tuple[int, float, int]]) -> Claim:
    parameters, seconds, bytes_ = (np.array(column, dtype=float) for column in zip(*sizes, strict=True))
    slope = float(np.polyfit(np.log(parameters), np.log(bytes_), 1)[0])
    return Claim(
        "7.3",
        "Memory of the Hessian",
        "The Hessian takes memory in proportion to the square of the number of parameters",
        "a power of 2 ± 0.2",
        f"a power of {slope:.2f}; {bytes_[-1] / 1e6:.0f} MB and {seconds[-1]:.2g} s a step at {parameters[-1]:,.0f} "
        "parameters",
        abs(slope - 2) <= 0.2,
        Failure(
            f"From {bytes_[0] / 1e6:.3g} MB at {parameters[0]:,.0f} parameters it grows with the power {slope:.2f}."
        ),
    )


def _refused(trainer: ChapterTrainer, regularizer: object) -> Claim:
    """Try images of the size of CIFAR-10's; there is no need for the images themselves."""
    dataset = replace(trainer.load(Digits()), name="images of 32 x 32 x 3", x=np.zeros((2000, 3072), np.float32))
    parameters = CLASSES * (dataset.x.shape[1] + 1)
    try:
        trainer.preset.experiment(method=Newton(), regularizer=regularizer).check_fits(dataset)
        refused = False
    except InputError:
        refused = True
    return Claim(
        "7.3",
        "Newton's method for large models",
        "It is impractical for large models",
        "refused for a linear model of CIFAR-10's images",
        f"{'refused' if refused else 'not refused'}: {parameters:,} parameters have a Hessian of "
        f"{8 * parameters**2 / 1e9:.1f} GB",
        refused,
    )


def _picture(newton: Trained, quickest: Trained, sizes: list[tuple[int, float, int]]) -> Figure:
    descent = f"gradient descent, rate {quickest.experiment.optimizer.lr:g}"
    norms = [curve(name, run.history["gradient_norm"]) for name, run in (("Newton", newton), (descent, quickest))]
    parameters, seconds, bytes_ = zip(*sizes, strict=True)
    megabytes = [each / 1e6 for each in bytes_]
    return line_figure(
        Chart("steps", "norm of the gradient", norms, "Steps", axes={**LOG, "ylim": (1e-10, 10)}),
        Chart("parameters", "seconds of one step", [Line("", parameters, seconds)], "Time", LOG, markers=True),
        Chart("parameters", "memory (MB)", [Line("", parameters, megabytes)], "Memory", LOG, markers=True),
        title="Few steps, each of which costs much",
        caption=f"Steps: softmax on digits, lambda {STRENGTH}. Time and memory: {CLASSES} classes, {SAMPLES} samples.",
    )
