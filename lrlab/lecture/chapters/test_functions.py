"""Lecture 5.5 to 5.8: functions of the plane that are hard for SGD, and which optimizers do better on them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lrlab.analysis.answers.wording import listed
from lrlab.core.optimizer import SGD, Adam, Momentum, Optimizer, RMSprop
from lrlab.core.schedule import Constant, Cosine, Schedule
from lrlab.core.test_functions import TEST_FUNCTIONS, FunctionName, get_function
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG_Y, Chart, Line, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import number, percent
from lrlab.lecture.wording import steps as in_steps
from lrlab.plotting.figures import Figure, contours
from lrlab.training.methods.test_function import FunctionDescent

LRS = tuple(np.logspace(-4, 0, 9).tolist())
CONDITION = 100.0
STEPS = 200
LAST_STEPS = 50  # of a descent, by which its end is judged
LEVELS = 10  # lines of equal height,
GRID = 48  # found on so many points along each axis
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
    paths = {name: _descend(trainer, name, Constant()) for name in TEST_FUNCTIONS}
    claims = (
        _valley(paths["quadratic"]),
        _zigzag(trainer),
        _saddle(paths["saddle"]),
        _local_minimum_claim(paths["double_well"]),
        *(_hard(name, paths[name], _descend(trainer, name, Cosine())) for name in HARD),
    )
    return ChapterResult(claims, tuple(_picture(name, runs) for name, runs in paths.items()))


HARD: tuple[FunctionName, ...] = ("rosenbrock", "beale")
TITLES: dict[FunctionName, str] = {
    "quadratic": "A narrow valley",
    "saddle": "A saddle",
    "double_well": "A local minimum",
    "rosenbrock": "Rosenbrock's curved valley",
    "beale": "Beale's function",
}
CAPTIONS: dict[FunctionName, str] = {
    "quadratic": f"(x² + {CONDITION:g} y²) / 2, of condition number {CONDITION:g}.",
    "saddle": "x² / 2 - y² / 2 + y⁴ / 4, a saddle at (0, 0), started 0.001 beside the ridge.",
    "double_well": "(x² - 1)² + 0.3 x + y² / 2, with a local minimum at x = 0.96 before the global one at -1.04.",
    "rosenbrock": "The minimum is at (1, 1).",
    "beale": "The minimum is at (3, 0.5).",
}


def _descend(trainer: ChapterTrainer, name: FunctionName, schedule: Schedule) -> dict[str, Trained]:
    """Return every optimizer's path at the learning rate at which it ends lowest."""
    baseline = trainer.preset.experiment(method=FunctionDescent(name, CONDITION, STEPS), schedule=schedule)
    grid = {spec.name: [replace(baseline, optimizer=spec.at(lr)) for lr in LRS] for spec in OPTIMIZERS}
    return {optimizer: best(runs) for optimizer, runs in trainer.train_groups(f"landscape {name}", grid).items()}


def steps_until(values: list[float], level: float) -> float:
    """Return the steps until a value is at or below the level for good; inf if never."""
    above = [t for t, value in enumerate(values, start=1) if not value <= level]
    return float("inf") if above and above[-1] == len(values) else float(above[-1] + 1 if above else 1)


def _valley(paths: dict[str, Trained]) -> Claim:
    steps = {name: steps_until(run.history["val/loss"], TARGET_VALUE) for name, run in paths.items()}
    return Claim(
        "5.6",
        "A valley: momentum",
        "A narrow valley is slow for SGD; momentum builds up speed along its floor",
        f"condition number {CONDITION:g}: momentum is below {TARGET_VALUE:g} in fewer steps, "
        "each at its best learning rate",
        f"{in_steps(steps['momentum'], STEPS)} with momentum, {in_steps(steps['SGD'], STEPS)} with SGD",
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
        "5.5",
        "A valley: oscillation",
        "SGD oscillates across a narrow valley and creeps along it",
        f"at learning rate 1.9 / condition number, 49 crossings in 50 steps with {percent(left, 0)} of the way left",
        f"{crossings} crossings; {percent(x[-1] / -10, 0)} of the way left",
        crossings == 49 and abs(x[-1] / -10 - left) < 0.01,
    )


def _saddle(paths: dict[str, Trained]) -> Claim:
    steps = {name: steps_until([-abs(y) for y in run.history["y"]], -0.5) for name, run in paths.items()}
    return Claim(
        "5.6",
        "A saddle",
        "At a saddle the gradient nearly vanishes; momentum passes it sooner than SGD",
        "fewer steps until |y| stays above 0.5, each at its best learning rate",
        f"{in_steps(steps['momentum'], STEPS)} with momentum, {in_steps(steps['SGD'], STEPS)} with SGD",
        steps["momentum"] < steps["SGD"],
    )


def _local_minimum_claim(paths: dict[str, Trained]) -> Claim:
    ends = {name: paths[name].last("x") for name in ("SGD", "momentum")}
    return Claim(
        "5.6",
        "A local minimum",
        "SGD ends in a local minimum through which momentum rolls",
        "x = 0.96 for SGD, -1.04 for momentum (± 0.1)",
        f"SGD ends at x = {ends['SGD']:.2f}, momentum at {ends['momentum']:.2f}",
        abs(ends["SGD"] - 0.96) < 0.1 and abs(ends["momentum"] + 1.04) < 0.1,
    )


def _hard(name: FunctionName, paths: dict[str, Trained], decayed: dict[str, Trained]) -> Claim:
    """Judge constant learning rates; those under a schedule are for the condition, if they do not do."""
    ends = {optimizer: run.last("val/loss") for optimizer, run in paths.items()}
    ahead = [optimizer for optimizer, value in ends.items() if value < ends["SGD"]]
    behind = [optimizer for optimizer in ends if optimizer not in ("SGD", *ahead)]
    met = [f"for {listed(ahead)}"] if ahead else []
    for optimizer in behind:
        value = decayed[optimizer].last("val/loss")
        if value < ends["SGD"]:
            met.append(f"for {optimizer} under a cosine schedule, with which it ends at {number(value)}")
    return Claim(
        "5.8",
        f"{name.capitalize()}: beyond SGD",
        f"{name.capitalize()}: momentum and adaptive steps get further than SGD",
        f"every one of them ends lower after {STEPS} steps, each at its best learning rate",
        "values at the end: " + ", ".join(f"{optimizer} {number(value)}" for optimizer, value in ends.items()),
        len(ahead) == len(ends) - 1,
        Failure(" ".join(_detour(optimizer, paths[optimizer]) for optimizer in behind), "; ".join(met), bool(met)),
    )


def _detour(optimizer: str, run: Trained) -> str:
    """Say how much of the last way that an optimizer goes leads anywhere."""
    points = np.column_stack([run.history["x"], run.history["y"]])[-LAST_STEPS:]
    way = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
    gained = float(np.linalg.norm(points[-1] - points[0]))
    return (
        f"{optimizer}'s last {len(points)} steps add up to {number(way)} and bring it {number(gained)} further: "
        f"{'it jumps to and fro, at steps that do not shrink' if way > 2 * gained else 'it is still on its way'}."
    )


def _picture(name: FunctionName, paths: dict[str, Trained]) -> Figure:
    f = get_function(name, CONDITION)
    left, right, low, high = f.window
    grid = np.stack(np.meshgrid(np.linspace(left, right, GRID), np.linspace(low, high, GRID)), axis=-1)
    lowest = min(float(f.value(np.array(minimum))) for minimum in f.minima)
    heights = np.log10(f.value(grid) - lowest + 1e-3)
    ways = []
    for optimizer, run in paths.items():
        x, y = ([start, *run.history[key]] for start, key in zip(f.start, "xy", strict=True))
        ways.append(Line(optimizer, x, y))
    minima = np.array(f.minima)
    ways.append(Line("minimum", minima[:, 0], minima[:, 1], "marked"))
    values = [curve(optimizer, np.array(run.history["val/loss"]) - lowest) for optimizer, run in paths.items()]
    rates = ", ".join(f"{optimizer} {run.experiment.optimizer.lr:.2g}" for optimizer, run in paths.items())
    return line_figure(
        Chart(
            "x",
            "y",
            ways,
            "The way, on lines of equal height",
            {"xlim": (left, right), "ylim": (low, high)},
            contours=contours(grid[..., 0], grid[..., 1], heights, LEVELS),
        ),
        Chart("steps", "value above the minimum", values, "Height", LOG_Y),
        title=TITLES[name],
        caption=f"{CAPTIONS[name]} Red circles: minima. Each at its best learning rate: {rates}.",
    )
