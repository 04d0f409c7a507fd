"""Trials that diverge: FAIL within an epoch, never best, and the sweep goes on to its end."""

from contextlib import chdir
from dataclasses import replace

import numpy as np
import pytest

from lrlab.cli.main import main
from lrlab.core.optimizer import SGD
from lrlab.sweeper.study.queue import TrialCounts
from lrlab.training.population import StackedPopulation
from tests.fault_injection.lab import Lab


def test_a_learning_rate_of_a_million(lab: Lab) -> None:
    space = ["optimizer.lr=choice(1e6,1e38,0.01)", "hydra.sweeper.n_trials=null", "hydra/sweeper/sampler=grid"]
    fixed = ["optimizer=sgd", "model=mlp", "batch_size=32", "schedule.warmup=0", "regularizer.strength=0.1"]
    with chdir(lab.place):
        assert main(["sweep", "quickstart", "study=faults", "epochs=4", *space, *fixed]) == 0
    queue = lab.queue()
    assert queue is not None
    assert queue.counts() == TrialCounts(complete=1, diverged=2)
    assert queue.study().best_trial.params == {"optimizer.lr": 0.01}
    for trial in queue.trials():
        assert len(trial.intermediate_values) <= (4 if trial.value else 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_value_in_the_data_ends_every_member_in_its_first_epoch(dataset, experiment, bad) -> None:
    x = dataset.x.copy()
    x[dataset.train[5], 3] = bad
    plain = experiment(optimizer=SGD(lr=0.1))
    population = StackedPopulation(replace(dataset, x=x), plain.model, plain.loss, width=2, microbatch=8)
    population.admit(plain)
    population.admit(plain)
    assert [event.diverged for event in population.train_epoch()] == [True, True]
