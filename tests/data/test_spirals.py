import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from lrlab.data.spirals import Spirals


def test_shapes_and_splits() -> None:
    data = Spirals(classes=4, points=100, test=50, validation=30).load()
    assert (data.x.shape, data.x_test.shape, data.y.shape) == ((350, 2), (50, 2), (350,))
    assert [data.x.dtype, data.y.dtype] == [np.dtype(np.float32), np.dtype(np.intp)]
    assert (len(data.train), len(data.validation)) == (320, 30)
    assert not set(data.train) & set(data.validation)
    every = np.concatenate([data.x, data.x_test])
    np.testing.assert_allclose([every.mean(), every.std()], [0, 1], atol=1e-6)
    assert np.bincount(np.concatenate([data.y, data.y_test])).tolist() == [100] * 4
    assert data.pixels()[0] is data.x


def test_without_noise_the_arms_are_the_formula() -> None:
    data = Spirals(classes=3, points=50, noise=0, test=1, validation=1).load()
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    arm, r = np.meshgrid(range(3), np.linspace(0, 1, 50), indexing="ij")
    formula = np.stack([r * np.sin(4 * (arm + r)), r * np.cos(4 * (arm + r))], axis=-1)
    formula = (formula - formula.mean()) / formula.std()
    for k in range(3):
        ours = x[y == k]
        gaps = np.abs(ours[:, None] - formula[k]).max(axis=-1).min(axis=0)
        assert gaps.max() < 1e-6


def test_neighbours_tell_them_apart_and_lines_do_not() -> None:
    data = Spirals().load()
    learn, test = (data.x[data.train], data.y[data.train]), (data.x_test, data.y_test)
    assert LogisticRegression().fit(*learn).score(*test) < 0.65
    assert KNeighborsClassifier(5).fit(*learn).score(*test) > 0.95


def test_the_seed_decides() -> None:
    first, again, other = (Spirals(split_seed=seed).load() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x, again.x)
    assert first.digest == again.digest != other.digest
    small = Spirals(train_size=10).load()
    assert set(small.train) <= set(first.train)
    np.testing.assert_array_equal(small.validation, first.validation)
