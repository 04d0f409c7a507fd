"""One training in eager PyTorch on a CSV file that pandas reads, with its run in MLflow."""

import argparse

import numpy as np
import pandas as pd
import torch
from records import Records, now
from training import Config, Data, threads, train


def main() -> None:
    given = parser().parse_args()
    threads(given.threads)
    config = Config(
        hidden=tuple(given.hidden),
        optimizer="momentum",
        lr=given.lr,
        batch_size=given.batch_size,
        warmup=0.0,
        strength=given.strength,
        epochs=given.epochs,
    )
    records = Records(f"{given.outputs}/mlflow.db", "rows")
    run = records.start("rows")
    records.end(run, config.params(), [(now(), metrics) for metrics in train(config, read(given.file))])


def read(file: str) -> Data:
    """A fifth is kept for a test, a fifth of all for validation; standardized by the rest."""
    table = pd.read_csv(file, engine="pyarrow")
    y = torch.from_numpy(table.pop("label").to_numpy(np.int64))
    x = torch.from_numpy(table.to_numpy(np.float32))
    del table
    order = np.random.default_rng(0).permutation(len(y))
    fifth = len(y) // 5
    validation, train_rows = torch.from_numpy(order[fifth : 2 * fifth]), order[2 * fifth :]
    mean, deviation = _moments(x, torch.from_numpy(train_rows))
    x.sub_(mean).div_(deviation)
    return Data(x, y, train_rows, x[validation], y[validation])


def _moments(x: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the columns over some rows, a block at a time."""
    sums = torch.zeros(2, x.shape[1], dtype=torch.float64)
    for chosen in rows.split(50_000):
        block = x[chosen].double()
        sums += torch.stack([block.sum(0), block.square().sum(0)])
    mean, square = sums / len(rows)
    return mean.float(), (square - mean.square()).sqrt().float()


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser()
    for name in ("file", "outputs"):
        given.add_argument(f"--{name}", required=True)
    for name in ("batch-size", "epochs", "threads"):
        given.add_argument(f"--{name}", type=int, required=True)
    for name in ("lr", "strength"):
        given.add_argument(f"--{name}", type=float, required=True)
    given.add_argument("--hidden", type=int, nargs="*", default=[])
    return given


if __name__ == "__main__":
    main()
