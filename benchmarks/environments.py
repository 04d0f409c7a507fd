"""The peers' virtual environments, made by pip from benchmarks/peers/requirements-*.txt."""

import hashlib
import sys
from pathlib import Path

from benchmarks.bench import ROOT, Bench
from benchmarks.processes import run

PEERS = ROOT / "benchmarks" / "peers"


def python(bench: Bench, name: str) -> Path:
    """The interpreter of a peer's environment, which is made when it is missing or its requirements changed."""
    requirements = PEERS / f"requirements-{name}.txt"
    folder = bench.folder / "venvs" / name
    stamp, wanted = folder / "requirements.sha256", hashlib.sha256(requirements.read_bytes()).hexdigest()
    interpreter = folder / "bin" / "python"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        bench.watch.steps(1)
        with bench.watch.step(f"making {folder}"):
            log = bench.folder / "venvs" / f"{name}.log"
            run([sys.executable, "-m", "venv", "--clear", folder], log)
            run([interpreter, "-m", "pip", "install", "--progress-bar", "off", "-r", requirements], log)
        stamp.write_text(wanted)
    return interpreter
