"""Commands that can be pasted into a shell."""

import shlex
import subprocess
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from lrlab.cli.main import app
from lrlab.config.command_line import HERE, OPTIONS, RECORDS, Places, command

SECRET = "postgresql://me:hush@host/db"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1))
def test_a_shell_reads_the_words_that_were_given(words: list[str]) -> None:
    assert shlex.split(command("best", *words)) == ["lrlab", "best", *words]


def test_a_shell_reads_them() -> None:
    places = Places(Path("it's $HOME"), "sqlite:///a b.db", allow=["x.", "y;z."])
    line = command("resume", "a,b  `c`", "study='1e3'", places=places)
    printed = subprocess.run(
        ["sh", "-c", f"lrlab() {{ printf '%s\\n' \"$@\"; }}; {line}"], capture_output=True, text=True, check=True
    )
    assert printed.stdout.splitlines() == [
        *("resume", "a,b  `c`", "study='1e3'", "--outputs", "it's $HOME", "--storage", "sqlite:///a b.db"),
        *("--allow", "x.", "--allow", "y;z."),
    ]


@pytest.mark.parametrize("outputs", ["outputs", "./outputs", "outputs/"])
def test_what_is_the_default_is_not_said(outputs: str) -> None:
    assert command("best", places=Places(Path(outputs))) == command("best", places=HERE) == "lrlab best"


def test_every_command_is_told_what_it_takes() -> None:
    """And nothing else: the table is that of the command line."""
    group = typer.main.get_command(app())
    assert isinstance(group, typer.core.TyperGroup)
    for name, sub in group.commands.items():
        taken = {option for parameter in sub.params for option in parameter.opts} & RECORDS
        if taken and name != "lecture":  # which reads no records
            assert OPTIONS[name] == taken, name
    assert OPTIONS.keys() <= group.commands.keys()


def test_a_password_is_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRLAB_RESUME_STORAGE", SECRET)  # as `lrlab resume` sets it for itself
    assert command("best", places=Places(storage_url=SECRET)) == "lrlab best --storage 'postgresql://…@host/db'"
    monkeypatch.setenv("MY_STORAGE", SECRET)
    assert command("best", places=Places(storage_url=SECRET)) == 'lrlab best --storage "$MY_STORAGE"'
    assert command("ui", places=Places(tracking_uri=SECRET)) == 'lrlab ui --tracking-uri "$MY_STORAGE"'


@pytest.mark.parametrize(
    ("written", "word"),
    [("${oc.env:MY_STORAGE}", '"$MY_STORAGE"'), ("sqlite:///${oc.env:DIR}/a b.db", "sqlite:///\"$DIR\"'/a b.db'")],
)
def test_what_the_environment_holds_stays_there(written: str, word: str) -> None:
    assert command("best", places=Places(storage_url=written)) == f"lrlab best --storage {word}"
    assert command("ui", places=Places(tracking_uri=written)) == f"lrlab ui --tracking-uri {word}"


@pytest.mark.parametrize("url", ["http://me:hush@host/", "postgresql://host/db?user=me&password=hush"])
def test_a_password_that_no_variable_holds_is_not_shown(url: str) -> None:
    assert "hush" not in command("best", places=Places(storage_url=url, tracking_uri=url))
