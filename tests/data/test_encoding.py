import numpy as np
import pytest

from lrlab.data.columns import Column
from lrlab.data.encoding import OneHot, Whole
from lrlab.data.standardize import Moments
from lrlab.errors import InputError

COLUMNS = (Column("age"), Column("color", ("blue", "red")))
PLACES = (np.zeros(0, np.intp), np.array([1, 0]))  # red came first
TABLE = np.array([[3.0, 0], [np.nan, 1], [5.0, np.nan], [4.0, 1]])
ROWS = [[3, 0, 1], [np.nan, 1, 0], [5, np.nan, np.nan], [4, 1, 0]]


def test_a_column_of_categories_becomes_zeros_and_ones() -> None:
    encoding = OneHot(COLUMNS, PLACES, impute=True)
    np.testing.assert_array_equal(encoding.rows(TABLE), ROWS)
    assert encoding.row(TABLE[0]) == {"age": 3.0, "color": "red"}
    assert encoding.row(TABLE[1]) == {"age": None, "color": "blue"}


@pytest.mark.parametrize("impute", [True, False])
def test_missing_values_are_the_mean_and_the_most_frequent_category(impute: bool) -> None:
    encoding = OneHot(COLUMNS, PLACES, impute)
    moments, fill, columns = encoding.complete(Moments.of_rows([encoding.rows(TABLE)], 3))
    np.testing.assert_array_equal(fill, [4, 1, 0])
    np.testing.assert_array_equal(moments.mean, [4, 0, 0])
    np.testing.assert_allclose(moments.std, [np.sqrt(2 / 3), 1, 1])  # categories stay 0 and 1
    assert [column.fill for column in columns] == ([4.0, "blue"] if impute else [None, None])


def test_a_column_without_a_value_to_learn_from_is_refused() -> None:
    encoding = OneHot(COLUMNS, PLACES, impute=True)
    empty = np.array([[1, np.nan]])
    with pytest.raises(InputError, match=r"^data\.ignore must name column 'color': it has no value"):
        encoding.complete(Moments.of_rows([encoding.rows(empty)], 3))


def test_whole_samples_are_rows_as_they_are() -> None:
    samples = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(Whole(1).rows(samples), np.arange(12.0).reshape(2, 6))
