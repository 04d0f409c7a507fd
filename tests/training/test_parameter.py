import numpy as np

from lrlab.core.model import MLP, zeros
from lrlab.core.optimizer import SGD, Adam, Momentum
from lrlab.training.parameter import parameters

F32 = np.dtype(np.float32)


def test_w_and_b_of_every_layer_are_views() -> None:
    layers, gradients = (zeros(MLP([3]).widths(4, 2), 5, F32) for _ in range(2))
    found = parameters(layers, gradients)
    assert [(each.w.shape, each.is_weight) for each in found] == [
        ((5, 12), True),
        ((5, 3), False),
        ((5, 6), True),
        ((5, 2), False),
    ]
    found[0].w[1] = 7
    found[3].gradient[2] = 8
    assert (layers[0].W[1] == 7).all()
    assert (gradients[1].b[2] == 8).all()


def test_states_are_rows_of_arrays_that_the_members_share_and_begin_anew() -> None:
    layers, gradients = (zeros([4, 2], 3, F32) for _ in range(2))
    weights = parameters(layers, gradients)[0]
    assert weights.begin(0, SGD()) == ()
    assert weights.states == []
    first, second = weights.begin(1, Adam())
    (velocity,) = weights.begin(2, Momentum())
    assert len(weights.states) == 2
    first[:], second[:], velocity[:] = 1, 2, 3
    assert [state[:, 0].tolist() for state in weights.states] == [[0, 1, 3], [0, 2, 0]]
    weights.begin(1, Adam())
    assert [state[:, 0].tolist() for state in weights.states] == [[0, 0, 3], [0, 0, 0]]
