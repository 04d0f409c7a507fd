"""Lecture 5.6: the two forms of momentum."""

from dataclasses import dataclass, replace

import numpy as np

from lrlab.core.optimizer import Momentum, State
from lrlab.core.schedule import Constant, Cosine
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG_Y, Chart, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.lecture.wording import agreement, number
from lrlab.training.methods.test_function import FunctionDescent

LR, RHO, STEPS = 0.001, 0.9, 200
Array = np.ndarray


@dataclass(frozen=True)
class Velocity:
    """Momentum in the lecture's other form: v = rho v - lr g; w += v. lrlab's is v = rho v + g; w -= lr v."""

    lr: float = LR
    rho: float = RHO

    def init(self, w: Array) -> State:
        return (np.zeros_like(w),)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        (v,) = state
        v *= self.rho
        v -= lr * g
        w += v


def measure(trainer: ChapterTrainer) -> ChapterResult:
    baseline = trainer.preset.experiment(method=FunctionDescent("rosenbrock", steps=STEPS))
    forms, schedules = (Momentum(LR, RHO), Velocity(LR, RHO)), (Constant(), Cosine())
    grid = [replace(baseline, optimizer=form, schedule=schedule) for schedule in schedules for form in forms]
    trained = trainer.train("forms of momentum", grid)
    paths = [np.column_stack([run.history["x"], run.history["y"]]) for run in trained]
    apart = [np.linalg.norm(paths[i] - paths[i + 1], axis=1) for i in (0, 2)]
    constant, cosine = (float(distance.max()) for distance in apart)
    claims = (
        Claim(
            "5.6",
            "Two forms of momentum",
            "The two forms of momentum are equivalent",
            "the same path at a constant learning rate, to 10 decimals",
            f"{STEPS} steps on Rosenbrock's function, {agreement(constant)}",
            constant < 1e-10,
        ),
        Claim(
            "5.6",
            "Two forms under a schedule",
            "Under a schedule they are not: one applies the learning rate to the gradient, the other to the velocity",
            "paths that part by more than 0.001 under a cosine",
            f"{number(cosine)} is the largest distance",
            cosine > 1e-3,
        ),
    )
    lines = [curve(name, distance) for name, distance in zip(("constant", "cosine"), apart, strict=True)]
    chart = Chart("steps", "distance between the two paths", lines, axes=LOG_Y)
    drawn = line_figure(
        chart,
        title="The two forms of momentum part under a schedule",
        caption=f"On Rosenbrock's function, learning rate {LR}, rho {RHO}. Distances of exactly 0 are not on the axis.",
    )
    return ChapterResult(claims, (drawn,))
