import math
from typing import Any

import numpy as np
import pytest

from lrlab.errors import InputError
from lrlab.scaling_law.table import read

GOOD: dict[str, list[Any]] = {"batch_size": [32, 64], "lr": [0.1, 0.2], "seed": [0, 0], "loss": [1.0, 2.0]}


def test_rows_and_columns_are_the_same_table() -> None:
    rows = [dict(zip(GOOD, values, strict=True)) for values in zip(*GOOD.values(), strict=True)]
    by_column, by_row = read(GOOD), read(rows)
    for name in GOOD:
        np.testing.assert_array_equal(getattr(by_column, name), getattr(by_row, name))


def test_a_loss_that_is_not_finite_is_kept_as_a_diverged_trial() -> None:
    loss = read({**GOOD, "loss": [math.inf, None]}).loss
    assert not np.isfinite(loss).any()


def test_losses_too_large_to_be_squared_diverged_and_too_small_ones_are_zero() -> None:
    losses = [-1e101, 1e300, 1e-101, -1e-300, 1e99, -1e-99]
    columns: dict[str, list[Any]] = {"batch_size": [32, 64] * 3, "lr": [0.1] * 6, "seed": [0] * 6, "loss": losses}
    np.testing.assert_array_equal(read(columns).loss, [math.inf, math.inf, 0.0, 0.0, 1e99, -1e-99])


def test_seeds_may_have_any_label_and_other_columns_may_be_there() -> None:
    table = read({**GOOD, "seed": ["a", 7], "optimizer": ["sgd", "sgd"]})
    assert list(table.seed) == ["a", "7"]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"batch_size": [32, math.nan]}, "batch_size must hold whole numbers >= 1, got nan in row 1"),
        ({"batch_size": [32.5, 64]}, "batch_size must hold whole numbers >= 1, got 32.5 in row 0"),
        ({"batch_size": [32, math.inf]}, "batch_size must hold whole numbers >= 1, got inf in row 1"),
        ({"batch_size": [0, 64]}, "batch_size must hold whole numbers >= 1, got 0 in row 0"),
        ({"batch_size": ["big", 64]}, "batch_size must hold numbers, got"),
        ({"batch_size": [32, 32]}, "at least two different values of batch_size, got only 32"),
        ({"lr": [0.1, math.nan]}, "lr must hold finite numbers > 0, got nan in row 1"),
        ({"lr": [0.1, math.inf]}, "lr must hold finite numbers > 0, got inf in row 1"),
        ({"lr": [0.1, 0.0]}, "lr must hold finite numbers > 0, got 0 in row 1"),
        ({"lr": [-0.1, 0.1]}, "lr must hold finite numbers > 0, got -0.1 in row 0"),
        ({"loss": [1.0, "low"]}, "loss must hold numbers, got"),
        ({"loss": [1.0]}, "columns must be equally long"),
        ({name: [] for name in GOOD}, "table must have rows, got none"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(changed: dict, complaint: str) -> None:
    with pytest.raises(InputError, match=r"^table ") as refused:
        read({**GOOD, **changed})
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_column_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"got none named {name}"):
        read({other: values for other, values in GOOD.items() if other != name})
    rows = [{other: 1 for other in GOOD}, {other: 1 for other in GOOD if other != name}]
    with pytest.raises(InputError, match=f"row 1 must have .* got no {name}"):
        read(rows)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="must have rows"):
        read([])
