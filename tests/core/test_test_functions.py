import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, rosen, rosen_der

from lrlab.core.test_functions import TEST_FUNCTIONS, FunctionName, get_function

plane = st.tuples(st.floats(-3, 3), st.floats(-3, 3)).map(np.array)
EACH = pytest.mark.parametrize("name", TEST_FUNCTIONS)


@EACH
@given(w=plane)
def test_the_gradient_is_the_slope_of_the_value(name: FunctionName, w: np.ndarray) -> None:
    f, h = get_function(name, 30), 1e-6
    slopes = [(f.value(w + step) - f.value(w - step)) / (2 * h) for step in h * np.eye(2)]
    np.testing.assert_allclose(f.gradient(w), slopes, rtol=1e-6, atol=1e-5)


@EACH
def test_the_minima_are_the_lowest_points_there_are(name: FunctionName) -> None:
    f = get_function(name, 30)
    left, right, low, high = f.window
    grid = np.stack(np.meshgrid(np.linspace(left, right, 300), np.linspace(low, high, 300)), axis=-1)
    for minimum in f.minima:
        assert f.value(np.array(minimum)) <= f.value(grid).min() + 1e-12
        np.testing.assert_allclose(f.gradient(np.array(minimum)), 0, atol=1e-3)
        result = minimize(f.value, np.add(minimum, 0.01), jac=f.gradient, tol=1e-12)
        np.testing.assert_allclose(result.x, minimum, atol=1e-4)
    assert f.value(np.array(f.start)) > f.value(np.array(f.minima[0]))
    assert left <= f.start[0] <= right
    assert low <= f.start[1] <= high


@given(w=plane)
def test_rosenbrock_is_scipy_s(w: np.ndarray) -> None:
    f = get_function("rosenbrock", 1)
    assert f.value(w) == pytest.approx(rosen(w), rel=1e-12)
    np.testing.assert_allclose(f.gradient(w), rosen_der(w), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("condition", [1, 7, 1000])
def test_the_quadratic_has_the_condition_number(condition: float) -> None:
    f = get_function("quadratic", condition)
    hessian = np.column_stack([f.gradient(np.eye(2)[i]) for i in range(2)])
    assert np.linalg.cond(hessian) == pytest.approx(condition)


def test_the_saddle_and_the_trap() -> None:
    saddle, trap = get_function("saddle", 1), get_function("double_well", 1)
    np.testing.assert_array_equal(saddle.gradient(np.zeros(2)), 0)
    assert saddle.value(np.array([0.1, 0])) > saddle.value(np.zeros(2)) > saddle.value(np.array([0, 0.1]))
    local = minimize(trap.value, trap.start, jac=trap.gradient).x
    np.testing.assert_allclose(local, [0.9596, 0], atol=1e-3)
    assert trap.value(local) > trap.value(np.array(trap.minima[0])) + 0.5


@EACH
def test_maps_arrays_of_points(name: FunctionName) -> None:
    f, points = get_function(name, 30), np.random.default_rng(0).standard_normal((3, 4, 2))
    assert f.value(points).shape == (3, 4)
    assert f.gradient(points).shape == (3, 4, 2)
    np.testing.assert_allclose(f.value(points)[1, 2], f.value(points[1, 2]))
