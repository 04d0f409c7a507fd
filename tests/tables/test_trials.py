"""Which column is what, which rows count, what the settings are."""

import math
from typing import Any

import numpy as np
import pytest

from lrlab.errors import InputError
from lrlab.tables.columns import Cell, Columns, Source
from lrlab.tables.trials import Trials, read_trials

NAMES = ("optimizer.lr", "bs", "depth", "seed", "val loss", "minutes", "updates")


def columns(**changes: Any) -> Columns:
    """Two depths x three batch sizes x two learning rates x two seeds, as a CSV file has them."""
    rows = [
        (lr, size, depth, seed, str(1.0 + number / 7), str(3.1 + number), str(6400 // int(size)))
        for number, (lr, size, depth, seed) in enumerate(
            (lr, size, depth, seed)
            for depth in "24"
            for size in ("16", "32", "64")
            for lr in ("0.1", "1e-2")
            for seed in "01"
        )
    ]
    made: Columns = {name: list(cells) for name, cells in zip(NAMES, zip(*rows, strict=True), strict=True)}
    return {**made, **changes}


def trials(found: Columns | None = None, given: Any = None, **options: Any) -> Trials:
    return read_trials(Source("runs", columns() if found is None else found), given or {}, **options)


def test_roles_are_guessed_and_settings_are_what_varies_across_batch_sizes() -> None:
    read = trials()
    assert read.roles == {"lr": "optimizer.lr", "batch_size": "bs", "seed": "seed", "loss": "val loss"}
    assert read.by == ("depth",)
    assert read.unused == ("minutes", "updates")
    assert list(read.settings) == [(2,), (4,)]
    assert not read.maximize
    table = read.settings[2,]
    assert sorted(set(table.lr)) == [0.01, 0.1]
    assert len(table.lr) == 12
    assert "smaller is better" in read.how_read[0]
    assert "not settings: minutes, updates" in read.how_read[1]


def test_roles_that_are_given() -> None:
    read = trials(given={"loss": "minutes", "seed": "updates"}, by=["depth", "seed"])
    assert read.roles["loss"] == "minutes"
    assert next(iter(read.settings)) == (2, 0)
    prefixed = {f"params.{name}": cells for name, cells in columns().items()}
    assert trials(prefixed, {"lr": "optimizer.lr"}).roles["lr"] == "params.optimizer.lr"


@pytest.mark.parametrize("name", ["val acc", "test_accuracy", "eval/top1", "score", "macro_f1"])
def test_metrics_of_which_larger_is_better(name: str) -> None:
    found = columns()
    found[name] = found.pop("val loss")
    given = {} if "acc" in name else {"loss": name}
    read = trials(found, given)
    assert read.maximize
    assert (read.settings[2,].loss < 0).all()
    assert not trials(found, given, maximize=False).maximize
    assert "larger is better" in read.how_read[0]


def test_the_source_knows_its_objective() -> None:
    found = columns()
    source = Source("study", found, loss="minutes", maximize=True)
    assert (read_trials(source, {}).roles["loss"], read_trials(source, {}).maximize) == ("minutes", True)
    assert not read_trials(source, {"loss": "val loss"}).maximize
    with pytest.raises(InputError, match="must have each trial once"):  # depth is no key of a configuration
        read_trials(Source("experiment", found, keys=frozenset(["bs"])), {})


def test_rows_without_a_result_are_left_out_and_nan_has_diverged() -> None:
    found = columns()
    found["val loss"][:3] = ["", None, "nan"]
    found["val loss"][3] = "inf"
    read = trials(found)
    assert "2 of 24 rows have no val loss" in read.left_out
    assert sum(not math.isfinite(loss) for loss in read.settings[2,].loss) == 2
    assert all(table.loss.dtype == np.float64 for table in read.settings.values())


def test_values_that_are_written_differently_are_one_setting() -> None:
    found = columns()
    found["depth"] = [
        {"2": "2.0", "4": "4e0"}[str(cell)] if row % 2 else cell for row, cell in enumerate(found["depth"])
    ]
    assert list(trials(found).settings) == [(2,), (4,)]


def test_no_seed_counts_repetitions() -> None:
    found = columns()
    del found["seed"]
    read = trials(found)
    assert "no seed" in read.how_read[0]
    assert set(read.settings[2,].seed) == {"0", "1"}


def test_conditions_keep_rows() -> None:
    assert list(trials(where={"depth": "2"}).settings) == [()]
    with pytest.raises(InputError, match="--where depth must be one of '2', '4', got '7'"):
        trials(where={"depth": "7"})


def replaced(name: str, row: int, cell: Cell) -> Columns:
    found = columns()
    found[name][row] = cell
    return found


@pytest.mark.parametrize(
    ("found", "options", "said"),
    [
        ({}, {}, "runs must have rows, got none"),
        ({"lr": [], "bs": []}, {}, "runs must have rows, got none"),
        (columns(), {"given": {"lr": "rate"}}, "--lr must be a column, got 'rate', and there is none: 'optimizer.lr'"),
        (columns(), {"given": {"batch_size": "size"}}, "--batch-size must be a column, got 'size'"),
        (columns(), {"by": ["width"]}, "--by must be a column, got 'width'"),
        (columns(), {"by": ["bs"]}, "--by cannot be 'bs', which is a role already"),
        (columns(), {"given": {"lr": "bs", "batch_size": "bs"}}, "'bs' cannot be lr and batch_size"),
        ({"x": ["1"]}, {}, r"must have a column for the learning rate \(--lr\), got none of a usual name in 'x'"),
        (columns(bs=["32"] * 24), {}, "column 'bs' must hold at least two values, got only 32"),
        (replaced("optimizer.lr", 3, "fast"), {}, "column 'optimizer.lr' must hold numbers, got 'fast' in row 4"),
        (replaced("val loss", 0, "1,5"), {}, "column 'val loss' must hold numbers, got '1,5' in row 1"),
        (replaced("optimizer.lr", 5, True), {}, "column 'optimizer.lr' must hold numbers, got True in row 6"),
        (replaced("optimizer.lr", 2, "-0.1"), {}, "must hold finite numbers > 0, got -0.1 in row 3"),
        (replaced("optimizer.lr", 2, "0"), {}, "must hold finite numbers > 0, got 0 in row 3"),
        (replaced("optimizer.lr", 2, "nan"), {}, "must hold finite numbers > 0, got nan in row 3"),
        (replaced("bs", 0, "32.5"), {}, "column 'bs' must hold whole numbers >= 1, got 32.5 in row 1"),
        (replaced("bs", 0, "1e30"), {}, "column 'bs' must hold whole numbers >= 1"),
        (
            columns(**{"val loss": ["nan"] * 24}),
            {},
            "column 'val loss' must hold a finite number in some row, got none",
        ),
        (columns(**{"val loss": [None] * 24}), {}, "for the loss"),
        (columns(**{"val loss": [None] * 24}), {"given": {"loss": "val loss"}}, "got 24: 24 have no val loss"),
        (
            columns(),
            {"by": []},
            r"must have each trial once, got bs=16, optimizer.lr=0.1, seed=0 in rows 1 and 13: they differ in 'depth'",
        ),
        (columns(seed=["0"] * 24), {"by": ["depth"]}, r"in rows 1 and 2: they differ in 'minutes' \(--by\)"),
        ({**columns(), "train.lr": ["1"] * 24}, {}, "lr: which of 'optimizer.lr', 'train.lr'?"),
    ],
)
def test_bad_tables_are_refused_in_a_line(found: Columns, options: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        trials(found, **options)
    assert "\n" not in str(refusal.value)


def logged(**changes: Any) -> Columns:
    """The runs of `columns`, each with three rows."""
    rows = len(columns()["bs"])
    found: Columns = {name: [cell for cell in cells for _ in range(3)] for name, cells in columns(**changes).items()}
    return found | {"epoch": [1, 2, 3] * rows}


@pytest.mark.parametrize("name", ["epoch", "trainer/global_step", "_step", "training_iteration"])
@pytest.mark.parametrize("seeded", [True, False])
@pytest.mark.parametrize("by", [None, ["depth"]])
def test_the_steps_of_a_run_are_neither_settings_nor_repetitions(name: str, seeded: bool, by: Any) -> None:
    found = logged()
    found[name] = found.pop("epoch")
    if not seeded:
        del found["seed"]
    with pytest.raises(InputError, match=f"one row must be one run, got several that differ in '{name}': .*=3, if all"):
        trials(found, by=by)
    assert trials(found, by=by, where={name: "3"}).by == ("depth",)
    assert trials(found, by=[name, "depth"]).by == (name, "depth")


def test_runs_that_end_at_different_steps_are_repetitions() -> None:
    found = columns()
    del found["seed"]
    found["epoch"] = [(7 * row) % 23 for row in range(24)]
    read = trials(found)
    assert read.by == ("depth",)
    assert "epoch" in read.unused


@pytest.mark.parametrize(
    "name", ["train/acc", "top1", "train loss", "Created", "date", "Unnamed: 0", "", "user", "ppl"]
)
def test_results_and_records_are_no_settings_though_their_values_recur(name: str) -> None:
    found = columns(**{name: [("0.9", "0.8", "0.7")[row // 4 % 2] for row in range(24)]})
    assert trials(found).by == ("depth",)
    if name:
        assert trials(found, by=[name, "depth"]).by == (name, "depth")


def test_a_loss_that_is_a_choice_is_a_setting() -> None:
    found = columns(**{"method.loss": ["hinge", "logistic"] * 12})
    assert trials(found, {"loss": "val loss"}).by == ("depth", "method.loss")


def test_an_index_without_a_name_is_no_seed() -> None:
    found = columns(**{"": list(range(24))})
    del found["seed"]
    assert set(trials(found).settings[2,].seed) == {"0", "1"}


@pytest.mark.parametrize(
    ("name", "ends", "left_out"),
    [
        ("State", ["finished", "crashed", "running"], ("State crashed", "State running")),
        ("info.status", ["FINISHED", "FAILED", "KILLED"], ("info.status failed", "info.status killed")),
        ("state", ["COMPLETE", "PRUNED", ""], ("state pruned",)),
        ("state", ["CA", "NY", "failed"], ()),
    ],
)
def test_runs_that_say_that_they_did_not_finish_are_left_out(
    name: str, ends: list[str], left_out: tuple[str, ...]
) -> None:
    found = columns(**{name: (ends[1:] + [ends[0]] * 22)})
    assert trials(found, by=["depth"]).left_out == tuple(f"1 of 24 rows have {what}" for what in left_out)


def test_the_same_run_twice() -> None:
    found = {name: [*cells, cells[0]] for name, cells in columns().items()}
    with pytest.raises(InputError, match="rows 1 and 25: remove one of them"):
        trials(found)


def test_too_many_settings() -> None:
    size = 2_001
    found: Any = {
        "lr": [0.1, 0.2] * size * 2,
        "bs": [1, 1, 2, 2] * size,
        "loss": [1.0] * size * 4,
        "name": [f"={number}" for number in range(size) for _ in range(4)],
    }
    with pytest.raises(InputError, match="settings must be at most 2000, got 2001 by name"):
        trials(found)
