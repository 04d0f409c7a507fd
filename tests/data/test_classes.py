import numpy as np
import pytest

from lrlab.data.classes import MAX_CLASSES, check_classes, in_order, of_values
from lrlab.errors import InputError


@pytest.mark.parametrize(
    ("names", "ordered", "places"),
    [
        (["b", "a"], ["a", "b"], [1, 0]),
        (["10", "9", "-1"], ["-1", "9", "10"], [2, 1, 0]),
        (["01", "1", "2"], ["1", "2"], [0, 0, 1]),
        (["10", "9", "x"], ["10", "9", "x"], [0, 1, 2]),
    ],
)
def test_classes_are_ordered_as_numbers_if_all_are(names: list[str], ordered: list[str], places: list[int]) -> None:
    assert in_order(names)[0] == ordered
    np.testing.assert_array_equal(in_order(names)[1], places)


def test_categories_that_are_written_otherwise_stay_apart() -> None:
    assert in_order(["2", "1", "01"], merge=False)[0] == ["01", "1", "2"]


@pytest.mark.parametrize(
    ("values", "classes", "y"),
    [
        (np.array([7, -1, 7], np.int8), ("-1", "7"), [1, 0, 1]),
        (np.array(["cat", "ant"]), ("ant", "cat"), [1, 0]),
        (np.array([True, False]), ("False", "True"), [1, 0]),
    ],
)
def test_labels_of_an_array(values: np.ndarray, classes: tuple[str, ...], y: list[int]) -> None:
    found, codes = of_values("data.path", values, "y")
    assert found == classes
    np.testing.assert_array_equal(codes, y)


@pytest.mark.parametrize("values", [np.array([0.0, 1.0]), np.zeros((2, 2), int), np.array([1j]), np.array(3)])
def test_labels_that_are_no_classes_are_refused(values: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"^data\.path must be whole numbers or texts \(N,\), y of a\.npz is "):
        of_values("data.path", values, "y of a.npz")


def test_a_number_taken_for_a_class_is_refused_by_how_many_there_are() -> None:
    assert len(of_values("k", np.arange(MAX_CLASSES), "y")[0]) == MAX_CLASSES
    with pytest.raises(InputError, match="k must have at most 1000 classes, y has 1001"):
        of_values("k", np.arange(MAX_CLASSES + 1), "y")


@pytest.mark.parametrize(
    ("classes", "y", "said"),
    [
        (["a"], [0, 0], "two classes or more, t.csv has 'a'"),
        ([], [], "two classes or more, t.csv has none"),
        (["a", "b"], [0, 1, 0], "two samples of each class or more, t.csv has one of 'b'"),
    ],
)
def test_classes_that_cannot_be_learned_are_refused(classes: list[str], y: list[int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_classes("data.target", classes, np.array(y, np.intp), "t.csv")
