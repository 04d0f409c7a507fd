"""Functions of the plane on which optimizers are compared: a valley, a saddle, a trap, and two classic tests.

Every function maps points (..., 2) to values (...), and its gradient to (..., 2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Array = np.ndarray
Point = tuple[float, float]
FunctionName = Literal["quadratic", "saddle", "double_well", "rosenbrock", "beale"]


@dataclass(frozen=True)
class Function2D:
    """A function, where a descent starts, and where it should end.

    Attributes:
        value: (..., 2) -> (...).
        gradient: (..., 2) -> (..., 2).
        start: of a descent.
        minima: all global minima.
        window: (x from, x to, y from, y to): the part worth drawing.
    """

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    start: Point
    minima: tuple[Point, ...]
    window: tuple[float, float, float, float]


def get_function(name: FunctionName, condition: float) -> Function2D:
    """Return the function of a name in TEST_FUNCTIONS.

    Args:
        name: which one.
        condition: of the quadratic; no other has a choice.
    """
    return quadratic(condition) if name == "quadratic" else FIXED[name]


def quadratic(condition: float) -> Function2D:
    """Return (x^2 + condition y^2) / 2: a valley, ``condition`` being the condition number of its Hessian."""
    scales = np.array([1.0, condition])
    return Function2D(
        value=lambda w: (scales * w**2).sum(axis=-1) / 2,
        gradient=lambda w: scales * w,
        start=(-10.0, 1.0),
        minima=((0.0, 0.0),),
        window=(-11.0, 3.0, -1.6, 1.6),
    )


def _saddle(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    value: Array = x**2 / 2 - y**2 / 2 + y**4 / 4
    return value


def _saddle_gradient(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    return np.stack([x, y**3 - y], axis=-1)


def _double_well(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    value: Array = (x**2 - 1) ** 2 + 0.3 * x + y**2 / 2
    return value


def _double_well_gradient(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    return np.stack([4 * x * (x**2 - 1) + 0.3, y], axis=-1)


def _rosenbrock(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    value: Array = (1 - x) ** 2 + 100 * (y - x**2) ** 2
    return value


def _rosenbrock_gradient(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    return np.stack([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)], axis=-1)


BEALE = (1.5, 2.25, 2.625)


def _beale(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    value: Array = sum(((c - x + x * y**n) ** 2 for n, c in enumerate(BEALE, start=1)), np.zeros(()))
    return value


def _beale_gradient(w: Array) -> Array:
    x, y = w[..., 0], w[..., 1]
    rests = [(n, c - x + x * y**n) for n, c in enumerate(BEALE, start=1)]
    dx = sum(2 * rest * (y**n - 1) for n, rest in rests)
    dy = sum(2 * rest * n * x * y ** (n - 1) for n, rest in rests)
    return np.stack([dx, dy], axis=-1)


FIXED: dict[FunctionName, Function2D] = {
    # x^2 / 2 - y^2 / 2 + y^4 / 4: flat at (0, 0), which is a minimum along x and a maximum along y
    "saddle": Function2D(_saddle, _saddle_gradient, (1.5, 1e-3), ((0.0, 1.0), (0.0, -1.0)), (-1.0, 1.8, -0.6, 1.6)),
    # (x^2 - 1)^2 + 0.3 x + y^2 / 2: the descent meets the local minimum at x = 0.96 before the global one
    "double_well": Function2D(
        _double_well, _double_well_gradient, (1.8, 1.0), ((-1.03557871, 0.0),), (-1.7, 2.0, -1.2, 1.4)
    ),
    # Rosenbrock 1960: a curved valley
    "rosenbrock": Function2D(_rosenbrock, _rosenbrock_gradient, (-1.2, 1.0), ((1.0, 1.0),), (-1.8, 1.6, -0.6, 2.2)),
    # Beale 1958: flat, with steep corners
    "beale": Function2D(_beale, _beale_gradient, (1.0, 1.5), ((3.0, 0.5),), (-0.5, 4.2, -1.8, 2.0)),
}

TEST_FUNCTIONS: tuple[FunctionName, ...] = get_args(FunctionName)
