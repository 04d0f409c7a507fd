import numpy as np
import pyarrow
import pytest

from lrlab.data.column_scan import MAX_CATEGORIES, BadValueError, FeatureScan, TargetScan, parts_of
from lrlab.data.columns import Column
from lrlab.errors import InputError


def test_numbers_are_what_they_spell() -> None:
    scan = FeatureScan("a", impute=True)
    texts = ["1", "-2.5", "+3", ".5", "5.", "1e3", "2E-1", None]
    np.testing.assert_array_equal(scan.add(pyarrow.array(texts)), [1, -2.5, 3, 0.5, 5, 1000, 0.2, np.nan])
    assert scan.column()[0] == Column("a")


def test_texts_are_categories_in_the_order_of_their_names() -> None:
    scan = FeatureScan("a")
    codes = [*scan.add(pyarrow.array(["red", "blue"])), *scan.add(pyarrow.array(["green", "red"]))]
    column, place = scan.column()
    assert column.categories == ("blue", "green", "red")
    assert [column.categories[place[int(code)]] for code in codes] == ["red", "blue", "green", "red"]


@pytest.mark.parametrize(
    "values", [pyarrow.array(["01", "x", "7"]), pyarrow.array([3, 10, 2]), pyarrow.array([1.0, 2.5])]
)
def test_declared_categories_may_be_numbers(values: pyarrow.Array) -> None:
    scan = FeatureScan("zip", is_categorical=True)
    np.testing.assert_array_equal(scan.add(values), np.arange(len(values)))


def test_whole_numbers_are_categories_without_a_fraction() -> None:
    scan = FeatureScan("zip", is_categorical=True, impute=True)
    np.testing.assert_array_equal(scan.add(pyarrow.array([10.0, None, 9.0])), [0, np.nan, 1])
    assert scan.column()[0].categories == ("9", "10")


@pytest.mark.parametrize(
    ("blocks", "row", "said"),
    [
        ([["1", "2", "x", "y"]], 2, "'x' is no number"),
        ([["1"], ["2", "x"]], 1, "'x' is no number"),
        ([["x", "y", "7"]], 2, "'7' is a number, where the rows above hold texts"),
        ([["x"], ["0.5"]], 0, "'0.5' is a number"),
        ([["1", None, "x"]], 1, "is missing (data.missing=impute fills it in)"),
        ([["1", "x", None]], 1, "'x' is no number"),
        ([["1", "inf"]], 1, "'inf' is not finite"),
        ([["-Infinity"]], 0, "not finite"),
        ([["1", "1e999"]], 1, "'1e999' is not finite"),
        ([["1", "1_000"]], 1, "'1_000' is no number"),
        ([["1", "0x10"]], 1, "'0x10' is no number"),
        ([["1", "1,5"]], 1, "'1,5' is no number"),
        ([[1.0, float("inf")]], 1, "inf is not finite"),
        ([[1.0, float("nan")]], 1, "is missing"),
        ([[f"x{i}" for i in range(MAX_CATEGORIES)], ["x0", "more"]], 1, "'more' is one category more than 1000"),
    ],
)
def test_the_first_value_that_cannot_be_used_is_refused(blocks: list, row: int, said: str) -> None:
    scan = FeatureScan("a")
    for block in blocks[:-1]:
        scan.add(pyarrow.array(block))
    with pytest.raises(BadValueError) as refusal:
        scan.add(pyarrow.array(blocks[-1]))
    assert refusal.value.row == row
    assert said in str(refusal.value)


def test_what_a_column_holds_may_be_known_late() -> None:
    scan = FeatureScan("a", impute=True)
    np.testing.assert_array_equal(scan.add(pyarrow.array([None, None], pyarrow.string())), [np.nan, np.nan])
    np.testing.assert_array_equal(scan.add(pyarrow.array([None, "x"])), [np.nan, 0])
    assert scan.column()[0].categories == ("x",)


@pytest.mark.parametrize(
    ("values", "classes"),
    [(["b", "a"], ["a", "b"]), (["10", "9"], ["9", "10"]), ([2, 1], ["1", "2"]), (["1.5", "x"], ["1.5", "x"])],
)
def test_classes(values: list, classes: list[str]) -> None:
    target = TargetScan()
    codes = target.add(pyarrow.array(values))
    names, place = target.classes()
    assert names == classes
    assert [names[place[code]] for code in codes] == list(map(str, values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["a", None], "is missing"),
        ([0.5, 1.0], "0.5 is no class: a classifier is trained"),
        ([1.0, 2.0], "1.0 is no class"),
        (list(range(1001)), "'1000' is one class more than 1000"),
    ],
)
def test_a_target_that_is_no_class_is_refused(values: list, said: str) -> None:
    with pytest.raises(BadValueError, match=said):
        TargetScan().add(pyarrow.array(values))


@pytest.mark.parametrize("values", [["1", "2.5"], ["1e3", "7"], ["0.0", "1.0"]])
def test_a_target_of_texts_that_spell_fractions_is_refused(values: list[str]) -> None:
    target = TargetScan()
    target.add(pyarrow.array(values))
    with pytest.raises(InputError, match="is no class"):
        target.classes()


def test_parts() -> None:
    assert parts_of(pyarrow.array(["train", "val", "test", "validation"])).tolist() == [0, 1, 2, 1]
    for values, row, given in (["train", "dev"], 1, "'dev'"), (["train", None], 1, "'nothing'"), ([1], 0, "'1'"):
        with pytest.raises(BadValueError, match=f"must be train, validation or test, got {given}") as refusal:
            parts_of(pyarrow.array(values))
        assert refusal.value.row == row
