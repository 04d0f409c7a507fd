"""One training in eager PyTorch, all cores, with its run in MLflow."""

import argparse

from records import Records, now
from training import Config, load, threads, train


def main() -> None:
    given = parser().parse_args()
    threads(given.threads)
    config = Config(
        hidden=tuple(given.hidden),
        optimizer=given.optimizer,
        lr=given.lr,
        batch_size=given.batch_size,
        warmup=0.0,
        strength=given.strength,
        epochs=given.epochs,
    )
    records = Records(f"{given.outputs}/mlflow.db", "single")
    run = records.start("single")
    records.end(run, config.params(), [(now(), metrics) for metrics in train(config, load(given.data))])


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser()
    for name in ("data", "outputs", "optimizer"):
        given.add_argument(f"--{name}", required=True)
    for name in ("batch-size", "epochs", "threads"):
        given.add_argument(f"--{name}", type=int, required=True)
    for name in ("lr", "strength"):
        given.add_argument(f"--{name}", type=float, required=True)
    given.add_argument("--hidden", type=int, nargs="*", default=[])
    return given


if __name__ == "__main__":
    main()
