"""One training in eager PyTorch on a CSV file that pandas reads, with its run in MLflow."""

import numpy as np
import pandas as pd
import torch
from single import parser, record
from training import Data


def main() -> None:
    given = parser("file", "outputs").parse_args()
    record("rows", given, "momentum", lambda: read(given.file))


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


if __name__ == "__main__":
    main()
