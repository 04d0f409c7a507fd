"""Connections to PostgreSQL that notice within seconds when the other side is gone without a word, and its locks.

The server gives up a host that died or lost its network as quickly, and with it the locks that the host held.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from lrlab.sweeper.study.connection import RETRY_TIME, again_if_lost

EXCLUSIVE = 0x6C726C6162  # "lrlab": the key of the lock that one sweep holds while it prepares a study
TABLES = EXCLUSIVE + 1  # of the one that is held while tables are created
TIMEOUT = 20  # seconds without an answer after which the other side is gone
IDLE = 60  # seconds for which a process that was stopped may keep others from the rows that it was about to change

# of libpq, and so of psycopg and psycopg2; the host of either side alone would wait for a quarter of an hour
CLIENT = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * TIMEOUT,
}
SERVER = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 1000 * TIMEOUT,
    "idle_in_transaction_session_timeout": 1000 * IDLE,
}


def connect_args(url: str) -> dict[str, Any]:
    """Return what the driver is told beside a URL, which has the last word."""
    parsed = make_url(url)
    if parsed.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    return {name: value for name, value in CLIENT.items() if name not in parsed.query}


def watch_clients(engine: Engine) -> None:
    """Have the server watch the connections of an engine."""
    settings = "; ".join(f"SET {name} = {value}" for name, value in SERVER.items())

    @event.listens_for(engine, "connect")
    def tell_server(connection: Any, _: Any) -> None:
        with suppress(Exception):  # what only speaks PostgreSQL's language may not know them
            connection.cursor().execute(settings)
        connection.commit()

    engine.dispose()  # connections made before now


@contextmanager
def lock(url: str, key: int, retry_time: float = RETRY_TIME) -> Iterator[None]:
    """Hold a lock of the server's while this lasts; it ends with the connection.

    Args:
        retry_time: seconds for which the server may be away.
    """
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect_args(url))
    watch_clients(engine)

    def acquire() -> Connection:
        connection = engine.connect()
        try:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        except BaseException:
            connection.close()
            raise
        return connection

    connection = again_if_lost(acquire, retry_time)
    try:
        yield
    finally:
        with suppress(DBAPIError):  # a server that has ended has released it
            connection.close()
