"""Hosts of the test's own, on one bridge with a PostgreSQL and an MLflow server: Linux namespaces, gone with the test.

A host has its own network, processes, host name, machine id, boot and home. What is in its folder outlives its death.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from tests import postgres

PROGRAMS = ("ip", "unshare", "nsenter", "mount")
REPOSITORY = Path(__file__).parents[2]


def missing() -> str:
    """Why there can be no hosts here, or ""."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install iproute2 util-linux"
    if postgres.programs() is None:
        return "PostgreSQL is not installed: apt-get install postgresql"
    probe = f"lrlab-probe-{os.getpid()}"
    permitted = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if permitted.returncode:
        return f"namespaces are not permitted here: {permitted.stderr.strip()}"
    _ip("netns", "delete", probe)
    return ""


@dataclass
class Services:
    """The bridge, and what every host reaches over it: PostgreSQL for studies, `mlflow server` for runs.

    Attributes:
        folder: of the servers.
        network: the first three bytes of the addresses.
    """

    folder: Path
    network: str
    bridge: str = field(default_factory=lambda: f"lr{os.getpid()}")

    def __post_init__(self) -> None:
        self.address = f"{self.network}.1"
        _ip("link", "add", self.bridge, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self.bridge)
        _ip("link", "set", self.bridge, "up")
        self.postgresql = postgres.Server(self.address)
        with socket.socket() as probe:
            probe.bind((self.address, 0))
            self.port = int(probe.getsockname()[1])
        self.runs = f"http://{self.address}:{self.port}"
        self.start_mlflow()

    def start_mlflow(self) -> None:
        folder = self.folder
        command = [sys.executable, "-m", "mlflow", "server", "--host", self.address, "--port", str(self.port)]
        store = [
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
            "--artifacts-destination",
            f"{folder}/artifacts",
        ]
        options = ["--allowed-hosts", f"{self.address}:{self.port}", "--workers", "1"]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (folder / "mlflow.log").open("ab") as log:
            self._mlflow = subprocess.Popen(
                [*command, *store, *options], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(3000):
            with suppress(OSError):
                urllib.request.urlopen(f"{self.runs}/health", timeout=1).close()
                return
            time.sleep(0.1)
        raise TimeoutError((folder / "mlflow.log").read_text())

    def kill_mlflow(self) -> None:
        os.killpg(self._mlflow.pid, signal.SIGKILL)
        self._mlflow.wait()

    def close(self) -> None:
        self.kill_mlflow()
        self.postgresql.close()
        _ip("link", "delete", self.bridge)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Serve while this lasts."""
    running = Services(folder, f"10.213.{os.getpid() % 256}")
    try:
        yield running
    finally:
        running.close()


@dataclass
class Host:
    """A host that is up.

    Attributes:
        services: that it reaches.
        number: of its address, from 2 on.
        folder: its own; commands run there.
        name: that it has, as do its clones.
        machine: its machine id, as its clones have it.
    """

    services: Services
    number: int
    folder: Path
    name: str
    machine: str = field(default_factory=lambda: uuid4().hex)
    boot: str = ""
    _begun: list["subprocess.Popen[str]"] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._network = f"{self.services.bridge}-{self.number}"
        self._link = f"{self.services.bridge}v{self.number}"
        (self.folder / "home").mkdir(parents=True)
        (self.folder / "machine-id").write_text(f"{self.machine}\n")
        _ip("netns", "add", self._network)
        _ip("link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._network)
        _ip("link", "set", self._link, "master", self.services.bridge, "up")
        address = f"{self.services.network}.{self.number}/24"
        _ip("-n", self._network, "addr", "add", address, "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", self._network, "link", "set", device, "up")
        self.begin(reboot=True)

    def begin(self, *, reboot: bool) -> None:
        """Begin, with no process but the first: as a machine that boots, or as a container that is started again."""
        if reboot:
            self.boot = str(uuid4())
            (self.folder / "boot-id").write_text(f"{self.boot}\n")
        own = {"machine-id": "/etc/machine-id", "boot-id": "/proc/sys/kernel/random/boot_id"}
        mounts = " && ".join(f"mount --bind '{self.folder / file}' {place}" for file, place in own.items())
        inside = f"hostname {self.name} && {mounts} && echo up && exec sleep infinity"
        unshare = ["unshare", "--uts", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", inside]
        self._outside = subprocess.Popen(
            ["ip", "netns", "exec", self._network, *unshare], stdout=subprocess.PIPE, text=True
        )
        assert self._outside.stdout
        assert self._outside.stdout.readline() == "up\n"
        (self._first,) = psutil.Process(self._outside.pid).children()

    def run(self, *words: str) -> "subprocess.Popen[str]":
        """Run lrlab in the folder of this host; what it says is in `said`."""
        return self.python("-m", "lrlab.cli.main", *words)

    def python(self, *words: str) -> "subprocess.Popen[str]":
        command = ["nsenter", "--all", f"--wd={self.folder}", "--target", str(self._first.pid)]
        inherited = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_START") if name in os.environ}
        environment = {
            **inherited,
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(self.folder / "home"),
            "OMP_NUM_THREADS": "1",
            "LRLAB_STORAGE": self.services.postgresql.url,
            "LRLAB_TRACKING_URI": self.services.runs,
        }
        with (self.folder / "said").open("a") as said:
            process = subprocess.Popen(
                [*command, sys.executable, *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                text=True,
            )
        self._begun.append(process)
        return process

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """What runs on this host, the oldest first: no helpers of Python's own."""
        found = []
        for process in psutil.process_iter(["cmdline", "create_time"]):
            with suppress(OSError):
                ours = os.readlink(f"/proc/{process.pid}/ns/pid") == os.readlink(f"/proc/{self._first.pid}/ns/pid")
                if ours and process.pid != self._first.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return sorted(found, key=lambda process: process.info["create_time"])

    def cut(self) -> None:
        """Cut the network: nothing arrives, and nobody is told."""
        _ip("link", "set", self._link, "down")

    def mend(self) -> None:
        _ip("link", "set", self._link, "up")

    def end(self) -> None:
        """End every process at once, as a power cut does, or who kills a container."""
        self._outside.kill()
        self._outside.wait()
        assert self._outside.stdout
        self._outside.stdout.close()
        with suppress(psutil.NoSuchProcess):
            self._first.kill()
        for process in self._begun:
            process.wait()
        while self._first.is_running() and self._first.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)

    def close(self) -> None:
        self.end()
        _ip("netns", "delete", self._network)
        with suppress(subprocess.CalledProcessError):  # the kernel removes it some time after its network
            _ip("link", "delete", self._link)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
