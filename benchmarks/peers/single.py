"""One training in eager PyTorch, all cores, with its run in MLflow."""

import argparse
from collections.abc import Callable

from records import Records, now
from training import Config, Data, load, threads, train


def main() -> None:
    given = parser("data", "outputs", "optimizer").parse_args()
    record("single", given, given.optimizer, lambda: load(given.data))


def record(name: str, given: argparse.Namespace, optimizer: str, read: Callable[[], Data]) -> None:
    """Read the data and train on them, in a run of that name."""
    threads(given.threads)
    config = Config(
        hidden=tuple(given.hidden),
        optimizer=optimizer,
        lr=given.lr,
        batch_size=given.batch_size,
        warmup=0.0,
        strength=given.strength,
        epochs=given.epochs,
    )
    records = Records(f"{given.outputs}/mlflow.db", name)
    run = records.start(name)
    records.end(run, config.params(), [(now(), metrics) for metrics in train(config, read())])


def parser(*texts: str) -> argparse.ArgumentParser:
    """The options of a training, and these besides."""
    given = argparse.ArgumentParser()
    for name in texts:
        given.add_argument(f"--{name}", required=True)
    for name in ("batch-size", "epochs", "threads"):
        given.add_argument(f"--{name}", type=int, required=True)
    for name in ("lr", "strength"):
        given.add_argument(f"--{name}", type=float, required=True)
    given.add_argument("--hidden", type=int, nargs="*", default=[])
    return given


if __name__ == "__main__":
    main()
