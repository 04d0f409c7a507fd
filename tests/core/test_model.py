from itertools import pairwise

import numpy as np
import pytest

from lrlab.core.model import MLP, Layer, Linear, Model, backward, forward, output_buffers, zeros
from tests import mixed_experiments
from tests.parity import naive

MEMBERS, INPUTS, CLASSES, BATCH = 3, 6, 4, 7


def stack(model: Model, rng: np.random.Generator) -> list[Layer]:
    """Random parameters, biases too, of several members."""
    layers = zeros(model.widths(INPUTS, CLASSES), MEMBERS, np.dtype("float64"))
    for layer in layers:
        for array in layer:
            array[...] = rng.standard_normal(array.shape)
    return layers


def member(layers: list[Layer], k: int) -> list[np.ndarray]:
    return [array[k] for layer in layers for array in layer]


@pytest.mark.parametrize("model", mixed_experiments.MODELS, ids=str)
def test_every_member_computes_what_it_would_alone(model: Model) -> None:
    rng = np.random.default_rng(0)
    layers, x, y = stack(model, rng), rng.standard_normal((BATCH, INPUTS)), rng.integers(CLASSES, size=BATCH)
    widths = model.widths(INPUTS, CLASSES)
    out = output_buffers(widths, MEMBERS, BATCH, x.dtype)
    gradients = [Layer(W + 1, b + 1) for W, b in zeros(widths, MEMBERS, x.dtype)]  # of earlier samples

    scores = forward(layers, x, out)
    assert scores is out[-1]
    expected = [naive.forward(member(layers, k), x) for k in range(MEMBERS)]
    np.testing.assert_allclose(scores, [values[-1].T for values in expected], rtol=1e-12)

    dscores = np.array([(naive.softmax(values[-1]) - np.eye(CLASSES)[y]).T / BATCH for values in expected])
    backward(layers, x, out, dscores, gradients)
    for k, values in enumerate(expected):
        for ours, theirs in zip(member(gradients, k), naive.gradients(member(layers, k), values, y), strict=True):
            np.testing.assert_allclose(ours, 1 + theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("model", "widths"),
    [(Linear(), [48, 10]), (MLP(), [48, 100, 10]), (MLP([20]), [48, 20, 10]), (MLP([20, 30, 5]), [48, 20, 30, 5, 10])],
    ids=str,
)
def test_shapes(model: Model, widths: list[int]) -> None:
    assert model.widths(48, 10) == widths
    initial = model.init(np.random.default_rng(0), 48, 10)
    for layers, members in ((initial, 1), (zeros(widths, 5, np.dtype("float32")), 5)):
        assert [layer.W.shape for layer in layers] == [(members, m, n) for n, m in pairwise(widths)]
        assert [layer.b.shape for layer in layers] == [(members, m) for m in widths[1:]]
    assert [out.shape for out in output_buffers(widths, 5, 9, np.dtype("float32"))] == [(5, m, 9) for m in widths[1:]]


@pytest.mark.parametrize(
    ("model", "deviations"),
    [
        (Linear(init_scale=0.01), [0.01]),
        (Linear(init_scale=0), [0]),
        (MLP([400, 100]), [(2 / 300) ** 0.5, (2 / 400) ** 0.5, (2 / 100) ** 0.5]),
    ],
    ids=str,
)
def test_initial_parameters_are_gaussian_and_the_biases_zero(model: Model, deviations: list[float]) -> None:
    layers = model.init(np.random.default_rng(1), 300, 200)
    for (W, b), deviation in zip(layers, deviations, strict=True):
        standard_error = deviation / np.sqrt(W.size)
        assert abs(W.mean()) <= 4 * standard_error
        assert abs(W.std() - deviation) <= 4 * standard_error
        assert abs((np.abs(W) < deviation).mean() - 0.6827) < 0.02 or deviation == 0
        assert not b.any()


@pytest.mark.parametrize("model", mixed_experiments.MODELS, ids=str)
def test_initial_parameters_depend_on_the_seed_alone(model: Model) -> None:
    one, same, other = (model.init(np.random.default_rng(seed), 5, 3)[0].W for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)


def test_widths_are_kept_as_a_tuple() -> None:
    assert MLP([20, 10]) == MLP((20, 10))
    assert hash(MLP([20, 10])) == hash(MLP((20, 10)))
