import math
from pathlib import Path

import numpy as np
import pytest

from lrlab.config import validation
from lrlab.errors import InputError

NO_NUMBERS = [math.nan, math.inf, -math.inf, 10**400, "1", "", None, True, False, [1], {}, 1j]


@pytest.mark.parametrize("bad", NO_NUMBERS, ids=str)
def test_no_number(bad: object) -> None:
    with pytest.raises(InputError) as refusal:
        validation.number("the.key", bad)
    assert str(refusal.value) == f"the.key must be a number, got {bad!r}"


@pytest.mark.parametrize("good", [0, -1, 1.5, 1e300, np.float64(2), np.float32(2), np.int64(2)], ids=repr)
def test_number(good: object) -> None:
    validation.number("the.key", good)


@pytest.mark.parametrize(
    ("bounds", "rule", "good", "bad"),
    [
        ({"above": 0}, "> 0", [5e-324, 1], [0, -0.0, -1]),
        ({"at_least": 0}, ">= 0", [0, 1], [-5e-324]),
        ({"below": 1}, "< 1", [-1, 0.999], [1, 2]),
        ({"at_most": 0.5}, "<= 0.5", [0.5], [0.5000001]),
        ({"at_least": 0, "below": 1}, ">= 0 and < 1", [0, 0.5], [-0.1, 1]),
        ({"above": 0, "at_most": 1}, "> 0 and <= 1", [1, 0.1], [0, 1.1]),
    ],
)
def test_bounds_of_numbers(bounds: dict, rule: str, good: list, bad: list) -> None:
    for value in good:
        validation.number("the.key", value, **bounds)
    for value in [*bad, *NO_NUMBERS]:
        with pytest.raises(InputError) as refusal:
            validation.number("the.key", value, **bounds)
        assert str(refusal.value) == f"the.key must be a number {rule}, got {value!r}"


def test_integer() -> None:
    for good in (1, 5, np.int64(3)):
        validation.integer("the.key", good, at_least=1, at_most=5)
    for bad in (0, 6, 1.0, math.nan, "1", None, True, [1]):
        with pytest.raises(InputError) as refusal:
            validation.integer("the.key", bad, at_least=1, at_most=5)
        assert str(refusal.value) == f"the.key must be an integer >= 1 and <= 5, got {bad!r}"
    with pytest.raises(InputError, match=r"^the\.key must be an integer >= 1, got 0$"):
        validation.integer("the.key", 0, at_least=1)


def test_choice() -> None:
    validation.choice("the.key", "a", ("a", "b"))
    for bad in ("c", "", None, 1, ["a"]):
        with pytest.raises(InputError) as refusal:
            validation.choice("the.key", bad, ("a", "b"))
        assert str(refusal.value) == f"the.key must be one of a, b, got {bad!r}"


def test_flag() -> None:
    validation.flag("the.key", True)
    validation.flag("the.key", False)
    for bad in (0, 1, "yes", None):
        with pytest.raises(InputError) as refusal:
            validation.flag("the.key", bad)
        assert str(refusal.value) == f"the.key must be true or false, got {bad!r}"


def test_a_dangling_link_is_refused_wherever_it_is_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path / "link", tmp_path / "link" / "below" / "file"):
        for check in (validation.writable_directory, validation.writable_file):
            with pytest.raises(
                InputError, match=r"^the\.key must not be a dangling link, got '.*': .*/link links to .*nowhere$"
            ):
                check("the.key", path)
    (tmp_path / "nowhere").mkdir()
    validation.writable_directory("the.key", tmp_path / "link")
    validation.writable_file("the.key", tmp_path / "link" / "file")
    assert list((tmp_path / "nowhere").iterdir()) == []
