"""Lecture 5.5 to 5.8: functions of the plane that are hard for SGD, and which optimizers do better on them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lrlab.core.optimizer import SGD, Adam, Momentum, Optimizer, RMSprop
from lrlab.core.test_functions import TEST_FUNCTIONS, FunctionName, get_function
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import COLOURS, LOG_Y, Chart, curve, draw
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.plotting.figures import Figure, figure, png
from lrlab.training.methods.test_function import FunctionDescent

LRS = tuple(np.logspace(-4, 0, 9).tolist())
CONDITION = 100.0
STEPS = 200
TARGET_VALUE = 1e-3  # the value at which a descent has arrived


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer that is compared, at any learning rate."""

    name: str
    make: type
    options: dict[str, Any]

    def at(self, lr: float) -> Optimizer:
        optimizer: Optimizer = self.make(lr=lr, **self.options)
        return optimizer


OPTIMIZERS = (
    OptimizerSpec("SGD", SGD, {}),
    OptimizerSpec("momentum", Momentum, {"rho": 0.9}),
    OptimizerSpec("Nesterov", Momentum, {"rho": 0.9, "nesterov": True}),
    OptimizerSpec("RMSprop", RMSprop, {"beta": 0.9}),
    OptimizerSpec("Adam", Adam, {}),
)


def measure(trainer: ChapterTrainer) -> ChapterResult:
    paths = {name: _descend(trainer, name) for name in TEST_FUNCTIONS}
    claims = (
        _valley(paths["quadratic"]),
        _zigzag(trainer),
        _saddle(paths["saddle"]),
        _local_minimum_claim(paths["double_well"]),
        *(_hard(name, paths[name]) for name in ("rosenbrock", "beale")),
    )
    pictures = tuple(Figure(_picture(name, runs), CAPTIONS[name]) for name, runs in paths.items())
    return ChapterResult(claims, pictures)


CAPTIONS: dict[FunctionName, str] = {
    "quadratic": f"A valley of condition number {CONDITION:g}: (x^2 + {CONDITION:g} y^2) / 2.",
    "saddle": "A saddle at (0, 0): x^2 / 2 - y^2 / 2 + y^4 / 4, started 0.001 beside the ridge.",
    "double_well": "A local minimum at x = 0.96 before the global one at -1.04: (x^2 - 1)^2 + 0.3 x + y^2 / 2.",
    "rosenbrock": "Rosenbrock's curved valley, minimum at (1, 1).",
    "beale": "Beale's function, minimum at (3, 0.5).",
}


def _descend(trainer: ChapterTrainer, name: FunctionName) -> dict[str, Trained]:
    """Return every optimizer's path at the learning rate at which it ends lowest."""
    baseline = trainer.preset.experiment(method=FunctionDescent(name, CONDITION, STEPS))
    grid = {spec.name: [replace(baseline, optimizer=spec.at(lr)) for lr in LRS] for spec in OPTIMIZERS}
    return {optimizer: best(runs) for optimizer, runs in trainer.train_groups(f"landscape {name}", grid).items()}


def steps_until(values: list[float], level: float) -> float:
    """Return the steps until a value is at or below the level for good; inf if never."""
    above = [t for t, value in enumerate(values, start=1) if not value <= level]
    return float("inf") if above and above[-1] == len(values) else float(above[-1] + 1 if above else 1)


def _valley(paths: dict[str, Trained]) -> Claim:
    steps = {name: steps_until(run.history["val/loss"], TARGET_VALUE) for name, run in paths.items()}
    return Claim(
        "A narrow valley is slow for SGD; momentum builds up speed along its floor",
        f"condition number {CONDITION:g}: momentum is below {TARGET_VALUE:g} in fewer steps, "
        "each at its best learning rate",
        f"{steps['momentum']:g} steps against {steps['SGD']:g} (inf: not within {STEPS})",
        steps["momentum"] < steps["SGD"],
    )


def _zigzag(trainer: ChapterTrainer) -> Claim:
    baseline = trainer.preset.experiment(method=FunctionDescent("quadratic", CONDITION, 50))
    lr = 1.9 / CONDITION  # below 2 / condition, above which it diverges
    (run,) = trainer.train("zigzag", [replace(baseline, optimizer=SGD(lr))])
    y, x = np.array(run.history["y"]), np.array(run.history["x"])
    left = (1 - lr) ** 50  # along the valley the curvature is 1
    crossings = int(np.sum(np.sign(y[1:]) != np.sign(y[:-1])))
    return Claim(
        "SGD oscillates across a narrow valley and creeps along it",
        f"at learning rate 1.9 / condition number, 49 crossings in 50 steps with {left:.0%} of the way still to go",
        f"{crossings} crossings; {x[-1] / -10:.0%} of the way left",
        crossings == 49 and abs(x[-1] / -10 - left) < 0.01,
    )


def _saddle(paths: dict[str, Trained]) -> Claim:
    steps = {name: steps_until([-abs(y) for y in run.history["y"]], -0.5) for name, run in paths.items()}
    return Claim(
        "At a saddle the gradient nearly vanishes; momentum passes it sooner than SGD",
        "fewer steps until |y| stays above 0.5, each at its best learning rate",
        f"{steps['momentum']:g} steps against {steps['SGD']:g}",
        steps["momentum"] < steps["SGD"],
    )


def _local_minimum_claim(paths: dict[str, Trained]) -> Claim:
    ends = {name: paths[name].last("x") for name in ("SGD", "momentum")}
    return Claim(
        "SGD ends in a local minimum through which momentum rolls",
        "x = 0.96 for SGD, -1.04 for momentum (+- 0.1)",
        f"{ends['SGD']:.2f} and {ends['momentum']:.2f}",
        abs(ends["SGD"] - 0.96) < 0.1 and abs(ends["momentum"] + 1.04) < 0.1,
    )


def _hard(name: str, paths: dict[str, Trained]) -> Claim:
    ends = {optimizer: run.last("val/loss") for optimizer, run in paths.items()}
    others = {optimizer: value for optimizer, value in ends.items() if optimizer != "SGD"}
    return Claim(
        f"{name.capitalize()}: momentum and adaptive steps get further than SGD",
        f"every one of them ends lower after {STEPS} steps, each at its best learning rate",
        ", ".join(f"{optimizer} {value:.2g}" for optimizer, value in ends.items()),
        all(value < ends["SGD"] for value in others.values()),
    )


def _picture(name: FunctionName, paths: dict[str, Trained]) -> bytes:
    f = get_function(name, CONDITION)
    left, right, low, high = f.window
    grid = np.stack(np.meshgrid(np.linspace(left, right, 200), np.linspace(low, high, 200)), axis=-1)
    drawing, (plane, values) = figure(9.6, 3.8, ncols=2)
    heights = np.log10(f.value(grid) - min(f.value(np.array(m)) for m in f.minima) + 1e-3)
    plane.contourf(*np.moveaxis(grid, -1, 0), heights, levels=24, cmap="Greys_r", alpha=0.8)
    for colour, (optimizer, run) in zip(COLOURS, paths.items(), strict=False):
        x, y = ([start, *run.history[key]] for start, key in zip(f.start, "xy", strict=True))
        plane.plot(x, y, color=colour, linewidth=1.2, marker=".", markersize=3, label=optimizer)
    plane.plot(*np.transpose(f.minima), "w*", markersize=12, markeredgecolor="black", linestyle="")
    plane.set(xlabel="x", ylabel="y", xlim=(left, right), ylim=(low, high))
    lowest = min(float(f.value(np.array(m))) for m in f.minima)
    lines = [
        curve(
            f"{optimizer}, lr {run.experiment.optimizer.lr:.2g}",
            np.array(run.history["val/loss"]) - lowest + 1e-16,
        )
        for optimizer, run in paths.items()
    ]
    draw(values, Chart("steps", "value above the minimum", lines, axes=LOG_Y))
    return png(drawing)
