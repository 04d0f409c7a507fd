"""Texts that come through Hydra's grammar as they are."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from lrlab.config.override import (
    check_texts,
    quoted,
    text_override,
    texts_as_typed,
    texts_override,
    typed_text,
    typed_value,
)
from lrlab.errors import InputError

PARSER = OverridesParser.create()
TEXTS = st.text(st.sampled_from("ab1e.$+-/{}\\'\" ,=:()[]#~ßnul\tTrue")).filter(lambda text: text != "???")


def composed(override: str) -> str:
    """What a config with this override says, by a reference inside another text."""
    parsed = PARSER.parse_override(override)
    assert not parsed.is_sweep_override()
    value = parsed.value()
    text = value.text if isinstance(value, QuotedString) else value
    assert isinstance(text, str)
    config = OmegaConf.create({"key": text, "other": "<${key}>"})
    return str(config.other)[1:-1]


@given(TEXTS)
def test_hydra_reads_the_text_that_was_written(text: str) -> None:
    assert composed(text_override("key", text)) == text


@pytest.mark.parametrize(
    "text", ["1e3", "007", "true", "NULL", "inf", "nan", "-1", "1_000", "", "${seed}", "2026-01-31"]
)
def test_what_hydra_would_take_for_something_else_is_quoted(text: str) -> None:
    assert quoted(text).startswith("'")
    assert composed(text_override("key", text)) == text


def test_a_plain_word_stays_plain() -> None:
    assert text_override("study", "quickstart_2026-01-31_12-00-00_3f9a") == (
        "study=quickstart_2026-01-31_12-00-00_3f9a"
    )


def test_a_list_of_texts() -> None:
    value = PARSER.parse_override(texts_override("allow", ["mine.", "a,b.", "1e3"])).value()
    assert isinstance(value, list)
    assert [each.text if isinstance(each, QuotedString) else each for each in value] == ["mine.", "a,b.", "1e3"]


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        *(("1e3", "1e3"), ("true", "true"), ("007", "007"), ("größe", "größe"), ("a b", "a b"), (" 1.50 ", "1.50")),
        *(("2026-01-31T12:00", "2026-01-31T12:00"), ("it's", "it's"), ("a#b", "a#b"), ("$x", "$x"), ("", "")),
        *(("null", None), ("Null", None), ("a,b", None), ("'1e3'", None), (' "x"', None), ("${seed}", None)),
        *(("choice(a,b)", None), ("[a]", None), (r"a\ b", None)),
    ],
)
def test_a_name_is_taken_as_it_is_typed(typed: str, text: str | None) -> None:
    override = f"study={typed}"
    assert typed_text(override) == text
    (read,) = texts_as_typed([override])
    if text is None:
        assert read == override
    else:
        assert composed(read) == text


def test_the_keys_whose_values_are_texts() -> None:
    numbers = ["optimizer.lr=1e3", "~study", "seed=007", "studying=1"]
    assert texts_as_typed(numbers) == numbers
    assert texts_as_typed(["++outputs=2026", "data.root=1", "hydra.sweeper.study_name=1e3"]) == [
        *("++outputs='2026'", "data.root='1'", "hydra.sweeper.study_name='1e3'")
    ]


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"study": 1000.0}, r"^study must be a text, got 1000\.0: put it in quotes$"),
        ({"outputs": 2026}, r"^outputs must be a text, got 2026"),
        ({"data": {"root": True}}, r"^data\.root must be a text, got True"),
    ],
)
def test_a_number_in_a_file_is_refused_for_a_name(config: dict, line: str) -> None:
    with pytest.raises(InputError, match=line):
        check_texts(config)
    check_texts({"study": None, "outputs": "x", "data": {}})


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], None),
        (["hydra.sweeper.n_trials=3"], None),
        (["hydra.sweeper.study_name=1e3"], "1e3"),
        (["++hydra.sweeper.study_name=007"], "007"),
        (["hydra.sweeper.study_name=a", "hydra.sweeper.study_name=true"], "true"),
        (["hydra.sweeper.study_name=null"], None),
        (["hydra.sweeper.study_name='a,b'"], None),
    ],
)
def test_what_a_key_was_given_last_is_what_was_typed(overrides: list[str], name: str | None) -> None:
    """Hydra would make a number of it; None where it does not."""
    assert typed_value(overrides, "hydra.sweeper.study_name") == name
