"""Names of studies: those that every command can take."""

import re

import pytest

from lrlab.errors import InputError
from lrlab.sweeper.study.name import check_name, new_name


@pytest.mark.parametrize(
    "name",
    ["a,b", "größe", "it's", 'a "b"', "1e3", "null", "a  b", "$HOME", "[x]", "{y}", ".hidden", "a:b", "数"],
)
def test_a_name_that_works(name: str) -> None:
    check_name("study", name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *(("", "must not be empty"), ("  ", "must not be empty"), ("..", "nor of dots alone")),
        *(("a/b", "must not hold /"), ("a\\b", "must not hold \\"), ("a=b", "must not hold ="), ("${x}", "hold ${")),
        *(("a\nb", "unprintable"), ("a\x7f", "unprintable"), ("\u202ea", "unprintable"), ("\udc80", "unprintable")),
        *(("-x", "must not begin with -"), ("~x", "must not begin with ~"), ("???", "must be known")),
        *(("0" * 32, "id of a run"), ("spooled-" + "a" * 32, "id of a run"), ("ü" * 101, "at most 200 bytes")),
    ],
)
def test_a_name_that_could_not_work_is_refused_in_one_line(name: str, rule: str) -> None:
    with pytest.raises(InputError, match=f"^study .*{re.escape(rule)}") as error:
        check_name("study", name)
    assert len(str(error.value).splitlines()) == 1


def test_new_names_work_and_differ() -> None:
    names = {new_name("quickstart") for _ in range(20)}
    assert len(names) == 20
    for name in names:
        check_name("study", name)
