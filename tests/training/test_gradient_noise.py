import numpy as np
import pytest

from lrlab.training.gradient_noise import MEASURE_EVERY, NoiseMeter


def test_one_batch_in_so_many_is_measured_from_its_first_sample_to_its_last():
    meter = NoiseMeter(8)
    chosen = [seen for seen in range(1, 2 * MEASURE_EVERY * 8 + 1) if meter.chooses(seen)]
    assert chosen == [*range(1, 9), *range(MEASURE_EVERY * 8 + 1, MEASURE_EVERY * 8 + 9)]


@pytest.mark.parametrize(("parts", "full"), [(1, True), (4, False)])
def test_a_batch_of_one_part_or_cut_short_says_nothing(parts, full):
    meter = NoiseMeter(8)
    for _ in range(parts):
        meter.microbatch(1.0)
    meter.batch(1.0, full=full)
    assert meter.metrics() == {}


def test_the_averages_are_those_of_gaussian_gradients():
    """|G|² = 9 and tr(Σ) = 40: gradients in 10 dimensions, of variance 4 each, about a mean of 3 in one of them."""
    rng, meter = np.random.default_rng(0), NoiseMeter(16)
    for _ in range(20_000):
        parts = (np.eye(10)[0] * 3 + rng.standard_normal((4, 10)) * 2 / np.sqrt(4)) / 4  # of 4 samples each
        for part in parts:
            meter.microbatch(part @ part)
        meter.batch(float(parts.sum(axis=0) @ parts.sum(axis=0)), full=True)
    metrics = meter.metrics()
    assert metrics["gradient_signal"] == pytest.approx(9, rel=0.02)
    assert metrics["gradient_noise"] == pytest.approx(40, rel=0.02)
    assert metrics["noise_scale"] == metrics["gradient_noise"] / metrics["gradient_signal"]
    assert meter.metrics() == {}  # every epoch begins anew


def test_a_scale_is_named_only_where_a_gradient_stands_out_and_all_is_finite():
    for square, names in [(0.3, {"gradient_signal", "gradient_noise"}), (np.inf, set())]:
        meter = NoiseMeter(8)
        for _ in range(2):
            meter.microbatch(0.5)
        meter.batch(square, full=True)
        assert set(meter.metrics()) == names
