"""One Hydra job: train a configuration, log it, return the validation loss."""

from functools import cache

from omegaconf import DictConfig
from records import Records, now
from training import Config, load, threads, train


def job(config: DictConfig) -> float:
    threads(1)
    wanted = Config(
        hidden=tuple(config.hidden),
        optimizer=config.optimizer,
        lr=config.lr,
        batch_size=config.batch_size,
        warmup=config.warmup,
        strength=config.strength,
        epochs=config.epochs,
    )
    records = _records(config.store, config.name)
    run = records.start("trial")
    epochs = [(now(), metrics) for metrics in train(wanted, load(config.data))]
    records.end(run, wanted.params(), epochs)
    return epochs[-1][1]["val/loss"]


_records = cache(Records)
