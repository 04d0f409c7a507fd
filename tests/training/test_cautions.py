"""A caution is one line, and there is none about an ordinary configuration."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lrlab.core.optimizer import Adam, AdamW, Optimizer
from lrlab.core.regularizer import L1, L2, ElasticNet, L1Proximal, NoRegularizer, Regularizer
from lrlab.core.schedule import Cosine
from lrlab.training.cautions import cautions, log_cautions, log_unmeasured_noise
from lrlab.training.experiment import Experiment
from lrlab.training.methods.random_search import RandomSearch


@pytest.mark.parametrize("regularizer", [L2(1e-4), ElasticNet(1e-5)], ids=str)
def test_adamw_with_a_second_decay_through_the_moments(
    experiment: Callable[..., Experiment], regularizer: Regularizer
) -> None:
    (line,) = cautions(experiment(optimizer=AdamW(weight_decay=0.03), regularizer=regularizer), 203)
    assert line.startswith(
        f"training with both AdamW's weight_decay=0.03 and a regularizer of strength {regularizer.strength:g}"
    )
    assert "\n" not in line


@pytest.mark.parametrize(
    ("optimizer", "regularizer"),
    [
        (AdamW(), NoRegularizer()),
        (AdamW(), L2(0)),
        (AdamW(), L1(1e-4)),
        (AdamW(), L1Proximal(1e-4)),
        (AdamW(weight_decay=0), L2(1e-4)),
        (Adam(), L2(1e-4)),
    ],
    ids=str,
)
def test_one_decay_is_nothing_to_say(
    experiment: Callable[..., Experiment], optimizer: Optimizer, regularizer: Regularizer
) -> None:
    assert list(cautions(experiment(optimizer=optimizer, regularizer=regularizer), 203)) == []


@pytest.mark.parametrize(
    ("warmup", "epochs", "told"),
    [(0.0, 1, False), (0.01, 1, True), (0.03, 1, True), (0.05, 1, False), (0.01, 5, False)],  # 13 updates an epoch
)
def test_a_warmup_of_less_than_an_update(
    experiment: Callable[..., Experiment], warmup: float, epochs: int, told: bool
) -> None:
    lines = list(cautions(experiment(schedule=Cosine(warmup=warmup), epochs=epochs), 203))
    line = f"schedule.warmup={warmup:g} comes to no update of 13: the first has the full learning rate"
    assert lines == [line] * told


def test_a_method_that_makes_no_such_updates_is_not_told_of_them(experiment: Callable[..., Experiment]) -> None:
    wanted = experiment(optimizer=AdamW(), regularizer=L2(1e-4), schedule=Cosine(warmup=1e-9))
    assert len(list(cautions(wanted, 203))) == 2
    assert not list(cautions(replace(wanted, method=RandomSearch()), 203))


def test_each_line_is_logged_once(experiment: Callable[..., Experiment], caplog: pytest.LogCaptureFixture) -> None:
    twice = [experiment(optimizer=AdamW(lr), regularizer=L2(1e-4)) for lr in (0.1, 0.2)]
    log_cautions([*twice, experiment()])
    assert caplog.messages == list(cautions(twice[0], 203))


@pytest.mark.parametrize(
    ("batch_size", "microbatch", "told"), [(1, 1, None), (16, 16, None), (27, 9, None), (27, 27, 9), (13, 13, 1)]
)
def test_how_the_noise_of_an_odd_batch_is_measured(
    experiment: Callable[..., Experiment],
    caplog: pytest.LogCaptureFixture,
    batch_size: int,
    microbatch: int,
    told: int | None,
) -> None:
    log_unmeasured_noise(experiment(batch_size=batch_size), microbatch)
    lines = [
        f"no gradient noise scale of an odd batch_size={batch_size}; population.microbatch={told} would measure it"
    ]
    assert caplog.messages == lines * (told is not None)
