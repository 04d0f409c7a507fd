import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError

ODD = ["a b", "a?b", "a%20b", "a#b", "it's", 'a"b', "a:b", "a&b=c", "é{x}", "dots..."]


@pytest.mark.parametrize(
    ("url", "file", "options"),
    [
        ("sqlite:///s.db", "here/s.db", ()),
        ("sqlite:////s.db", "/s.db", ()),
        ("sqlite:///s.db?timeout=60", "here/s.db", (("timeout", "60"),)),
        ("sqlite:////a/s.db?timeout=0.5", "/a/s.db", (("timeout", "0.5"),)),
        ("sqlite:///a%3Fb/s.db?timeout=5", "here/a?b/s.db", (("timeout", "5"),)),
        ("sqlite:///file:s.db?uri=true", "here/s.db", ()),
        ("sqlite:///file:/a%253Fb/s.db?mode=rw&uri=true", "/a?b/s.db", (("mode", "rw"),)),
        ("sqlite:///file:///a/s.db?uri=true", "/a/s.db", ()),
        ("sqlite:///file://localhost/a/s.db?uri=true", "/a/s.db", ()),
        ("sqlite:///file:s.db", "here/file:s.db", ()),
    ],
)
def test_what_an_address_names(url: str, file: str, options: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    expected = SqliteUrl(tmp_path / file.removeprefix("here/"), options)
    assert SqliteUrl.parse("key", url, tmp_path) == expected
    assert SqliteUrl.parse("key", str(expected), Path("/elsewhere")) == expected


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("sqlite:///", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:///?timeout=60", "name a file"),
        ("sqlite:///a.db?mode=memory", "name a file"),
        ("sqlite:///a?b/s.db", "timeout=, mode="),
        ("sqlite:///a.db?timeuot=60", "timeout=, mode="),
        ("sqlite:///a.db?timeout=60&x", "timeout=, mode="),
        ("sqlite:///a.db?timeout=soon", "timeout in the.key must be a number >= 0, got 'soon'"),
        ("sqlite:///a.db?timeout=-1", "timeout in the.key must be a number >= 0, got -1.0"),
    ],
)
def test_what_names_no_file_is_refused(url: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        SqliteUrl.parse("the.key", url, tmp_path)
    assert named in str(refusal.value)
    assert "the.key" in str(refusal.value)


@pytest.mark.parametrize("url", ["http://host", "postgresql://host/db", "s.db", "journal:s.log", "sqlite://"])
def test_other_addresses_are_not_for_it(url: str, tmp_path: Path) -> None:
    assert SqliteUrl.parse("key", url, tmp_path) is None


@pytest.mark.parametrize("name", [*ODD, "plain"])
@pytest.mark.parametrize("options", [(), (("timeout", "7"),), (("mode", "rwc"), ("timeout", "7"))])
def test_sqlalchemy_and_sqlite_open_the_very_file(
    name: str, options: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    url = SqliteUrl(tmp_path / name / "s.db", options)
    engine = create_engine(str(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    engine.dispose()
    with closing(url.connect(1)) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    with closing(sqlite3.connect(tmp_path / name / "s.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert url.is_plain == (name in ("plain", "a b", "dots..."))


def test_the_timeout_of_an_address_wins(tmp_path: Path) -> None:
    for options, expected in (((), 60_000), ((("timeout", "7"),), 7000)):
        with closing(SqliteUrl(tmp_path / "s.db", options).connect(60)) as db:
            assert db.execute("PRAGMA busy_timeout").fetchone() == (expected,)
    engine = create_engine(str(SqliteUrl(tmp_path / "s.db", (("timeout", "7"),))))
    assert engine.dialect.create_connect_args(make_url(engine.url))[1]["timeout"] == 7
