"""A PostgreSQL server of the test's own, on a free port."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("initdb", "postgres", "pg_isready")


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    places = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(found).parent] if found else []),
    ]
    return next((each for each in places if all((each / name).exists() for name in PROGRAMS)), None)


class Server:
    """A server with an empty database, that can be stopped and started again until it is closed.

    Its folder is not pytest's: whichever session of pytest begins closes those of all others to the server's user.

    Args:
        host: its address; others than this machine's own are open to whoever reaches them.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        bin_ = programs()
        assert bin_
        self.folder = folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.bin, self.data, self.log, self.host = bin_, folder / "data", folder / "log", host
        self.data.mkdir(mode=0o700)
        self.as_nobody: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root: then it runs as nobody
            nobody = pwd.getpwnam("nobody")
            for place in (folder, self.data):
                os.chown(place, nobody.pw_uid, nobody.pw_gid)
            self.as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind((host, 0))
            self.port = probe.getsockname()[1]
        self.url = f"postgresql+psycopg://lrlab@{host}:{self.port}/postgres"
        options = ["-U", "lrlab", "--auth=trust", "--no-sync", "--locale=C", "-E", "UTF8"]
        with self.log.open("wb") as output:
            setup: list[str | Path] = [bin_ / "initdb", "-D", self.data, *options]
            subprocess.run(setup, check=True, stdout=output, stderr=output, cwd=self.data, **self.as_nobody)
        with (self.data / "pg_hba.conf").open("a") as allowed:
            allowed.write("host all all samenet trust\n")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses={self.host} -c fsync=off -c max_connections=60".split()
        command: list[str | Path] = [self.bin / "postgres", "-D", self.data, "-k", self.data, *options]
        ready: list[str | Path] = [self.bin / "pg_isready", "-h", self.host, "-p", str(self.port), "-t", "1"]
        with self.log.open("ab") as output:
            streams: dict[str, Any] = {"stdout": output, "stderr": output}
            self.process = subprocess.Popen(command, cwd=self.data, **streams, **self.as_nobody)
            for _ in range(600):
                assert self.process.poll() is None, self.log.read_text()
                if subprocess.run(ready, **streams).returncode == 0:
                    return
                time.sleep(0.05)

    def stop(self, signum: int = signal.SIGINT) -> None:
        """Stop without waiting for those who are still connected; SIGQUIT ends everything at once."""
        self.process.send_signal(signum)
        self.process.wait()

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.folder)


@contextmanager
def running() -> Iterator[str]:
    """The URL of an empty database."""
    server = Server()
    try:
        yield server.url
    finally:
        server.close()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A server for all tests, whose connections are closed in the end."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    psycopg = pytest.importorskip("psycopg", reason="needs pip install 'lrlab[postgresql]'")
    from sqlalchemy import event, pool

    opened: list[Any] = []
    event.listen(pool.Pool, "connect", lambda connection, _: opened.append(connection))
    server = Server()
    yield server
    server.close()
    for connection in opened:  # Optuna leaves that to the end of the process
        if isinstance(connection, psycopg.Connection):
            connection.close()


@pytest.fixture
def postgresql(postgresql_server: Server) -> str:
    """The URL of its database."""
    return postgresql_server.url
