"""A Slurm cluster of the test's own: munge, slurmctld and two slurmd in a temporary directory, gone with it.

Without accounting and without cgroups, as root. This host is one node; the other is this host under another name, which
a namespace gives to its slurmd and to the jobs there. `SLURM_CONF` names the cluster to Slurm's programs.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "squeue", "scancel", "scontrol", "unshare")
# Partitions: the two nodes apart and together; jobs of `urgent` preempt those of `again` and `ended`
CONF = """\
ClusterName=lrlab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
SlurmdTimeout=10
KillWait=30
MinJobAge=300
OverTimeLimit=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} Port={ports[1]} {node}
NodeName={other} Port={ports[2]} {node}
PartitionName=one Nodes={host} Default=YES {partition}
PartitionName=both Nodes={host},{other} {partition}
PartitionName=again Nodes={host} PriorityTier=1 PreemptMode=REQUEUE {partition}
PartitionName=ended Nodes={host} PriorityTier=1 PreemptMode=CANCEL {partition}
PartitionName=urgent Nodes={host} PriorityTier=10 PreemptMode=OFF {partition}
"""
NODE = "NodeAddr=127.0.0.1 CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=8000"
PARTITION = "MaxTime=INFINITE State=UP"


def missing() -> str:
    """Why there is no cluster here, or ""."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install slurm-wlm"
    return "" if os.geteuid() == 0 else "slurmd runs jobs as root only"


@dataclass
class Cluster:
    """A cluster that runs.

    Attributes:
        folder: of its files.
        environment: in which Slurm's programs find it.
        host, other: its nodes.
    """

    folder: Path
    environment: dict[str, str]
    host: str
    other: str
    _daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str) -> str:
        """Return what a program of Slurm's says."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[str]:
        """The jobs that wait, run or are completing: id and state."""
        return self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()

    def lose_other(self) -> None:
        """Kill whatever runs on the other node, Slurm's own daemon too, and return when Slurm has noticed."""
        names = {name.readlink() for name in _names() if name.parts[2] == str(self._daemons[-1].pid)}
        for name in _names():
            with suppress(OSError):
                if name.readlink() in names:
                    os.kill(int(name.parts[2]), signal.SIGKILL)
        self._daemons.pop().wait()
        self.wait_for(self.other, "down", "down*")

    def start_other(self) -> None:
        """Start the other node, if it does not run."""
        if self._daemons[-1].args[0] != "unshare":  # type: ignore[index]
            command = f"hostname {self.other} && exec slurmd -D"
            self.start("unshare", "--uts", "sh", "-c", command)
            self.wait_for(self.other, "idle")

    def start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("ab") as log:
            self._daemons.append(
                subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )

    def wait_for(self, node: str, *states: str) -> None:
        told = ""
        for _ in range(300):
            with suppress(subprocess.CalledProcessError):
                told = self.run("sinfo", "--noheader", "--format=%T", f"--nodes={node}", "--partition=both").strip()
            if told in states:
                return
            time.sleep(0.2)
        logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log"))
        raise RuntimeError(f"{node} is {told or 'unknown'}, not {' or '.join(states)}\n{logs}")

    def cancel_all(self) -> None:
        for how in ["--full", "--signal=KILL"], []:
            subprocess.run(["scancel", "--user=root", *how], env=self.environment, check=False)

    def stop(self) -> None:
        self.cancel_all()
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A cluster of two nodes."""
    host = socket.gethostname().partition(".")[0]
    other = f"{host}-other"
    conf = CONF.format(host=host, other=other, folder=folder, ports=_free_ports(3), node=NODE, partition=PARTITION)
    (folder / "slurm.conf").write_text(conf)
    for name in ("state", f"spool-{host}", f"spool-{other}"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(folder / "slurm.conf")}
    munge = [f"--{name}={folder}/munge.{name.split('-')[0]}" for name in ("socket", "key-file", "pid-file", "log-file")]
    cluster = Cluster(folder, environment, host, other)
    try:
        cluster.start("munged", "--foreground", "--force", *munge, f"--seed-file={folder}/munge.seed")
        time.sleep(0.5)
        cluster.start("slurmctld", "-D", "-c")
        time.sleep(0.5)
        cluster.start("slurmd", "-D")
        cluster.wait_for(host, "idle")
        cluster.start_other()
        yield cluster
    finally:
        cluster.stop()


def _names() -> list[Path]:
    """What says, for every process, in which namespace its host's name is."""
    return list(Path("/proc").glob("[0-9]*/ns/uts"))


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _free_ports(count: int) -> Sequence[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
