import pytest

from lrlab.analysis.answers import wording


@pytest.mark.parametrize(("words", "said"), [(["a"], "a"), (["a", "b"], "a and b"), ([1, 2, 3], "1, 2 and 3")])
def test_a_list_in_a_sentence(words: list, said: str) -> None:
    assert wording.listed(words) == said


def test_values_are_as_they_would_be_typed() -> None:
    assert wording.setting({"optimizer.lr": 0.123456, "model": "mlp", "n": 3}) == "optimizer.lr=0.1235, model=mlp, n=3"
    assert wording.setting({}) == "the only configuration"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.1364e-05, "2.1e-05"),
        (1.25e-05, "1.25e-05"),
        (1e-06, "1e-06"),
        (0.0002136, "0.0002136"),
        (-3.3333e-7, "-3.3e-07"),
    ],
)
def test_a_number_is_as_long_as_can_be_read(value: float, said: str) -> None:
    assert wording.number(value) == said
