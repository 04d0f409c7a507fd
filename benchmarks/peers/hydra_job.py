"""One Hydra job: train a configuration, log it, return the validation loss."""

from functools import cache

import configurations
from omegaconf import DictConfig
from records import Records, now
from training import Config, load, threads, train


def job(config: DictConfig) -> float:
    threads(1)
    point = configurations.read(config.configurations)[config.index] if config.configurations else config.point
    wanted = Config(hidden=tuple(config.hidden), optimizer=config.optimizer, epochs=config.epochs, **point)
    records = _records(config.store, config.name)
    run = records.start("trial")
    epochs = [(now(), metrics) for metrics in train(wanted, load(config.data))]
    records.end(run, wanted.params(), epochs)
    return epochs[-1][1]["val/loss"]


_records = cache(Records)
