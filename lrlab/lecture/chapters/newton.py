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
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG, Chart, Line, charts, curve
from lrlab.lecture.trainer import ChapterTrainer, Trained
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
        "Newton's method takes far fewer steps than gradient descent",
        f"to a gradient of {TOLERANCE:g} at most a tenth of the steps of descent at its best learning rate",
        f"{few:g} against {many:g} (inf: not within {DESCENT_STEPS})",
        few <= many / 10,
    )


def _memory(sizes: list[tuple[int, float, int]]) -> Claim:
    parameters, seconds, bytes_ = (np.array(column, dtype=float) for column in zip(*sizes, strict=True))
    slope = float(np.polyfit(np.log(parameters), np.log(bytes_), 1)[0])
    return Claim(
        "The Hessian takes memory in proportion to the square of the number of parameters",
        "slope 2 +- 0.2 in logarithms",
        f"{slope:.2f}; {bytes_[-1] / 1e6:.0f} MB and {seconds[-1]:.2g} s a step at {parameters[-1]:.0f} parameters",
        abs(slope - 2) <= 0.2,
    )


def _refused(trainer: ChapterTrainer, regularizer: object) -> Claim:
    """Try images of the size of CIFAR-10's; there is no need for the images themselves."""
    dataset = replace(trainer.load(Digits()), name="images of 32 x 32 x 3", x=np.zeros((2000, 3072), np.float32))
    try:
        trainer.preset.experiment(method=Newton(), regularizer=regularizer).check_fits(dataset)
        said = "not refused"
    except InputError as error:
        said = str(error)
    return Claim(
        "It is impractical for large models",
        "refused for a linear model of CIFAR-10's images, with the reason",
        said,
        said != "not refused",
    )


def _picture(newton: Trained, quickest: Trained, sizes: list[tuple[int, float, int]]) -> Figure:
    norms = [
        curve(name, run.history["gradient_norm"])
        for name, run in (("Newton", newton), (f"gradient descent, lr {quickest.experiment.optimizer.lr:g}", quickest))
    ]
    parameters, seconds, bytes_ = zip(*sizes, strict=True)
    marked = {"marker": "o"}
    picture = charts(
        Chart("steps", "norm of the gradient", norms, axes={**LOG, "ylim": (1e-10, 10)}),
        Chart("parameters", "time of one step (s)", [Line("", parameters, seconds, marked)], axes=LOG),
        Chart("parameters", "memory (MB)", [Line("", parameters, [b / 1e6 for b in bytes_], marked)], axes=LOG),
    )
    return Figure(picture, f"Left: softmax on digits, lambda {STRENGTH}. Others: {CLASSES} classes, {SAMPLES} samples.")
