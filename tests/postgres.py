"""A PostgreSQL server of the test's own: on a free port, in a temporary directory, gone with it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("initdb", "postgres", "pg_isready")


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps it off the PATH."""
    found = shutil.which("initdb")
    places = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(found).parent] if found else []),
    ]
    return next((each for each in places if all((each / name).exists() for name in PROGRAMS)), None)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of an empty database. PostgreSQL refuses to run as root: then it runs as nobody."""
    bin_ = programs()
    assert bin_
    data = folder / "data"
    data.mkdir(mode=0o700)
    as_nobody: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for place in (folder, data):
            os.chown(place, nobody.pw_uid, nobody.pw_gid)
        as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for parent in folder.parents:  # pytest's temporary folders are closed to others
            if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
    log = data.parent / "log"
    with log.open("wb") as output:
        setup: list[str | Path] = [
            bin_ / "initdb",
            "-D",
            data,
            "-U",
            "lrlab",
            "--auth=trust",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        ]
        subprocess.run(setup, check=True, stdout=output, stderr=output, cwd=data, **as_nobody)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command: list[str | Path] = [
            bin_ / "postgres",
            "-D",
            data,
            "-p",
            str(port),
            "-k",
            data,
            "-c",
            "listen_addresses=127.0.0.1",
        ]
        fast = ("-c", "fsync=off", "-c", "max_connections=60")
        server = subprocess.Popen([*command, *fast], stdout=output, stderr=output, cwd=data, **as_nobody)
        try:
            ready: list[str | Path] = [bin_ / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
            for _ in range(600):
                assert server.poll() is None, log.read_text()
                if subprocess.run(ready, stdout=output, stderr=output).returncode == 0:
                    break
                time.sleep(0.05)
            yield f"postgresql+psycopg://lrlab@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # do not wait for those who are still connected
            server.wait()
