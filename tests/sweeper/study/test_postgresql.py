"""Connections to a real server: hosts that begin at once, and a client of which nothing is heard any more."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from lrlab.sweeper.study import postgresql as connections
from lrlab.sweeper.study.storage import parse
from tests.postgres import Server

OPEN = "import sys; from lrlab.sweeper.study.storage import Storage; Storage(sys.argv[1]).open()"


def ask(url: str, *statements: str) -> list[object]:
    """The first value of what each statement returns."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        results = [connection.execute(text(statement)) for statement in statements]
        return [result.scalar() if result.returns_rows else None for result in results]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+psycopg://me@there/db", connections.CLIENT),
        ("postgresql://me@there/db", connections.CLIENT),
        ("postgresql+psycopg2://me@there/db?connect_timeout=3", {**connections.CLIENT, "connect_timeout": None}),
        ("postgresql+pg8000://me@there/db", {}),
        ("postgresql+asyncpg://me@there/db", {}),
    ],
)
def test_the_url_has_the_last_word_and_other_drivers_have_other_words(url: str, told: dict[str, object]) -> None:
    assert connections.connect_args(url) == {name: value for name, value in told.items() if value is not None}


def test_processes_that_begin_at_once_in_an_empty_database(postgresql_server: Server) -> None:
    ask(postgresql_server.url, "DROP DATABASE IF EXISTS empty", "CREATE DATABASE empty")
    url = postgresql_server.url.rpartition("/")[0] + "/empty"
    all_ = [subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate()[1] for process in all_]
    assert [process.returncode for process in all_] == [0] * 4, said
    assert ask(url, "SELECT count(*) FROM version_info") == [1]


def test_the_server_is_told_to_look_whether_a_client_is_there(postgresql: str, tmp_path: Path) -> None:
    storage = parse(postgresql, tmp_path).open()
    with storage._engine.connect() as connection:  # type: ignore[attr-defined]
        found = {name: connection.execute(text(f"SHOW {name}")).scalar() for name in connections.SERVER}
    assert found == {
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "20000",
        "idle_in_transaction_session_timeout": "1min",
    }


def test_a_lock_is_held_once_and_ends_with_its_block(postgresql: str) -> None:
    free = "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"
    with connections.lock(postgresql, 7):
        assert ask(postgresql, "SELECT pg_try_advisory_lock(7)", free) == [False, False]
        idle = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
        assert ask(postgresql, idle) == [0]  # such connections are ended after a minute
    assert ask(postgresql, "SELECT pg_try_advisory_lock(7)") == [True]
