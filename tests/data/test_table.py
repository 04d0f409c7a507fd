from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
from pyarrow import parquet

from lrlab.data.columns import Column
from lrlab.data.dataset import Dataset
from lrlab.data.table import Table
from lrlab.errors import InputError

pytestmark = pytest.mark.usefixtures("own_folder")
ROWS = 40


def write(path: str, rows: int = ROWS, **changes: Any) -> None:
    """A table of numbers, categories and three classes; `changes` are values of some rows, by column."""
    rng = np.random.default_rng(0)
    columns = {
        "age": [f"{value:.2f}" for value in rng.normal(40, 10, rows)],
        "color": [("red", "blue", '"a, b"')[i % 3] for i in range(rows)],
        "code": [str(i % 2) for i in range(rows)],
        "part": [("train", "train", "validation", "test")[i % 4] for i in range(rows)],
        "label": [("x", "y", "z")[i % 3] for i in range(rows)],
    }
    for name, values in changes.items():
        for row, value in values.items():
            columns[name][row] = value
    lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
    Path(path).write_text("\n".join(lines) + "\n")


def load(**settings: Any) -> Dataset:
    return Table(**{"path": "t.csv", "target": "label", "ignore": ["part"]} | settings).load()


def test_rows_are_split_and_standardized_by_the_training_part() -> None:
    write("t.csv")
    data = load()
    assert data.columns == (Column("age"), Column("color", ("a, b", "blue", "red")), Column("code"))
    assert (data.name, data.classes, data.image_shape) == ("t", ("x", "y", "z"), ())
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [24, 8, 8]
    assert set(data.train).isdisjoint(data.validation)
    learned = data.x[data.train].astype(np.float64)
    np.testing.assert_allclose(learned[:, [0, 4]].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(learned[:, [0, 4]].std(0), 1, atol=1e-6)
    assert set(np.unique(data.x[:, 1:4])) == {0, 1}
    assert data.source == str(Path("t.csv").absolute())
    np.testing.assert_array_equal(
        np.vstack([data.x, data.x_test])[:, 1:4].argmax(1), [2 - {0: 0, 1: 1, 2: 2}[y] for y in [*data.y, *data.y_test]]
    )


def test_a_row_comes_back_from_what_it_was_standardized_with() -> None:
    write("t.csv")
    data, (mean, std) = load(), load().standardization()
    ages = np.loadtxt("t.csv", delimiter=",", skiprows=1, usecols=0, quotechar='"')
    back = np.vstack([data.x, data.x_test])[:, 0] * std[0] + mean[0]
    np.testing.assert_allclose(np.sort(back), np.sort(ages), rtol=1e-5)
    assert data.example["age"] == ages[0]


def test_a_smaller_training_set_is_part_of_a_larger_one_and_changes_nothing_else() -> None:
    write("t.csv")
    small, large = load(train_size=5), load()
    assert len(small.train) == 5
    assert set(small.train) < set(large.train)
    np.testing.assert_array_equal(small.x, large.x)
    np.testing.assert_array_equal(small.validation, large.validation)
    with pytest.raises(InputError, match=r"^data\.train_size must be an integer >= 1 and <= 24, got 25$"):
        load(train_size=25)


def test_a_seed_or_a_column_says_the_parts() -> None:
    write("t.csv")
    assert load().digest == load(split_seed=0).digest != load(split_seed=1).digest
    data = load(ignore=None, split_column="part")
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [20, 10, 10]
    np.testing.assert_array_equal(data.validation, np.arange(2, 30, 3))  # of the rows that are not of the test


def test_a_file_of_its_own_for_the_test() -> None:
    write("t.csv")
    write("more.csv", 6)
    data = load(test_path="more.csv")
    assert [len(each) for each in (data.train, data.validation, data.y_test)] == [32, 8, 6]
    np.testing.assert_array_equal(data.y_test, [0, 1, 2, 0, 1, 2])
    write("t.csv", part={3: "train", 7: "val", **{i: "train" for i in range(3, 40, 4)}})
    assert len(load(test_path="more.csv", ignore=None, split_column="part").y_test) == 6


def test_csv_and_parquet_of_the_same_values_have_one_digest() -> None:
    write("t.csv")
    parquet.write_table(pyarrow.csv.read_csv("t.csv"), "t.parquet")
    assert load().digest == load(path="t.parquet").digest
    write("t.csv", age={0: "41"})
    assert load().digest != load(path="t.parquet").digest


def test_missing_values_are_filled_in_where_it_is_asked_for() -> None:
    write("t.csv", age={1: "", 2: "NA"}, color={5: ""})
    with pytest.raises(InputError, match=r"^data\.path t\.csv, row 3, column 'age': is missing \(data\.missing=impute"):
        load()
    data = load(missing="impute")
    age, color, code = data.columns
    assert isinstance(age.fill, float)
    assert color.fill in color.categories
    assert code.fill is not None
    assert (data.x[:, 0] == 0).sum() + (data.x_test[:, 0] == 0).sum() == 2
    assert (np.vstack([data.x, data.x_test])[:, 1:4].sum(1) == 1).all()


def test_numbers_may_be_declared_categories() -> None:
    write("t.csv", code={i: f"0{i % 3}" for i in range(ROWS)})
    assert load(categorical=["code"]).columns[2] == Column("code", ("00", "01", "02"))


REFUSED: list[tuple[dict[str, dict[int, str]], dict[str, Any], str]] = [
    ({"age": {7: "old", 3: "young"}}, {}, r"data\.path t\.csv, row 5, column 'age': 'young' is no number"),
    ({"age": {7: "inf"}}, {}, r"row 9, column 'age': 'inf' is not finite"),
    ({"age": {7: ""}, "color": {4: ""}}, {}, r"row 6, column 'color': is missing"),
    ({"color": {7: "12"}}, {}, r"row 9, column 'color': '12' is a number, where the rows above hold texts"),
    ({"label": {7: ""}}, {"missing": "impute"}, r"row 9, column 'label': is missing"),
    ({"label": {7: "w"}}, {}, r"two samples of each class or more, column 'label' of t\.csv has one of 'w'"),
    ({"label": {i: "x" for i in range(ROWS)}}, {}, r"data\.target must have two classes or more, .* has 'x'"),
    ({"label": {i: f"{i}.5" for i in range(ROWS)}}, {}, r"data\.target, column 'label' of t\.csv: '0\.5' is no class"),
    ({}, {"target": "age"}, r"data\.target, column 'age' of t\.csv: '[\d.]+' is no class: a classifier is trained"),
    ({}, {"target": "nosuch"}, r"data\.target must name columns of t\.csv: age, color, .*, got 'nosuch'"),
    ({}, {"target": None}, r"data\.target must be the name of a column, one of age, color, .*, got None"),
    ({}, {"ignore": ["nosuch"]}, r"data\.ignore must name columns of t\.csv: .*, got 'nosuch'"),
    ({}, {"categorical": ["nosuch"]}, r"data\.categorical must name columns"),
    ({}, {"split_column": "nosuch"}, r"data\.split_column must name columns"),
    ({}, {"ignore": ["age", "color", "code", "part"]}, r"data\.path must have columns to learn from"),
    ({}, {"ignore": ["age"], "categorical": ["age"]}, r"no other key names a column again"),
    ({"part": {7: "dev"}}, {"ignore": None, "split_column": "part"}, r"row 9, column 'part': must be train, .*'dev'"),
    ({"part": {i: "train" for i in range(ROWS)}}, {"ignore": None, "split_column": "part"}, "none of validation"),
    ({}, {"ignore": None, "split_column": "part", "test_path": "t.csv"}, "must name no rows of test beside"),
    ({"age": {7: "1e300"}}, {}, r"row 9, column 'age': '1e300' is not finite in float32"),
    ({}, {"test": 0.001}, r"data\.test must leave samples in every part, got 0\.001 of 40 samples"),
    ({}, {"test": 0.6, "validation": 0.4}, r"data\.validation must leave samples in every part"),
    (
        {},
        {"path": "nosuch.csv"},
        r"data\.path must be the path of a CSV or Parquet file, got .*: there is no such file",
    ),
    ({}, {"path": "."}, r"got .*: that is a folder"),
    ({}, {"path": None}, r"data\.path must be the path of a CSV or Parquet file, got None"),
    ({}, {"test_path": "nosuch.csv"}, r"data\.test_path must be .*: there is no such file"),
    ({}, {"delimiter": ";"}, r"data\.target must name columns of t\.csv: age,color,.*, got 'label'"),
    ({}, {"delimiter": ";;"}, r"data\.delimiter must be one character"),
]


@pytest.mark.parametrize(("changes", "settings", "said"), REFUSED, ids=[row[2][:60] for row in REFUSED])
def test_what_cannot_be_used_is_refused_in_one_line(
    changes: dict[str, Any], settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    write("t.csv", **changes)
    with pytest.raises(InputError, match=said) as refusal:
        load(**settings)
    assert "\n" not in str(refusal.value)
    assert not [*tmp_path.glob("cache/own/*"), *tmp_path.glob("cache/own/.*")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("age,label\n", r"data\.path must hold rows, .* has none below its header"),
        ("age,label\n1,a\n", "two classes or more"),
        ("label\na\nb\n", "columns to learn from"),
        (
            "id,label\n" + "".join(f"n{i},{i % 2}\n" for i in range(1001)),
            r"row 1002, column 'id': 'n1000' is one category",
        ),
        ("a,price\n" + "".join(f"1,{i}\n" for i in range(1001)), r"row 1002, column 'price': '1000' is one class more"),
    ],
)
def test_a_table_with_too_little_or_too_much_is_refused(content: str, said: str) -> None:
    Path("t.csv").write_text(content)
    target = content.partition("\n")[0].rpartition(",")[2]
    with pytest.raises(InputError, match=said):
        load(target=target, ignore=None)


def test_a_class_without_a_row_to_learn_from_is_refused() -> None:
    Path("t.csv").write_text("a,label\n" + "".join(f"{i},{'xy'[i < 2]}\n" for i in range(10)))
    outcomes: set[object] = set()
    for seed in range(20):
        try:
            data = load(ignore=None, split_seed=seed)
            outcomes.add(len(np.unique(data.y[data.train])))
        except InputError as error:
            outcomes.add(str(error))
    assert outcomes == {2, "data.split_seed must leave a sample of each class to learn from, there is none of 'y'"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"color": {4: "mauve"}}, r"data\.test_path more\.csv, row 6, column 'color': 'mauve' is a category that"),
        ({"color": {4: "7"}}, r"'7' is a category that data\.path does not hold"),
        ({"label": {4: "w"}}, r"data\.test_path more\.csv, row 6, column 'label': 'w' is a class that"),
        ({"age": {4: "old"}}, r"data\.test_path more\.csv, row 6, column 'age': 'old' is no number"),
    ],
)
def test_what_only_the_test_has_is_refused(changes: dict[str, Any], said: str) -> None:
    write("t.csv")
    write("more.csv", **changes)
    with pytest.raises(InputError, match=said):
        load(test_path="more.csv")


def test_a_test_with_other_columns_is_refused() -> None:
    write("t.csv")
    Path("more.csv").write_text("age,label\n1,x\n")
    with pytest.raises(InputError, match=r"data\.test_path must have the columns of t\.csv, more\.csv lacks 'color'"):
        load(test_path="more.csv")
    Path("more.csv").write_text("age,color,code,label,extra\n1,red,0,x,1\n")
    with pytest.raises(InputError, match=r"more\.csv has 'extra' besides"):
        load(test_path="more.csv")


def test_names_may_be_anything() -> None:
    name = "${a}=[b, c]:{d}'(e)\\"
    Path("t.csv").write_text(f'"{name}",label\n' + "".join(f"{i},{i % 2}\n" for i in range(20)))
    assert load(ignore=None).columns == (Column(name),)
    assert load(ignore=None, target="label", categorical=[name]).columns[0].categories[-1] == "19"
