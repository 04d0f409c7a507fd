"""A sweep of an application that is stopped, and goes on by `lrlab resume`, with all of it on record."""

import os
import subprocess
import sys
import time
from pathlib import Path

from lrlab.cli.options import Records
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names

APP = Path(__file__).with_name("minimal_app.py")
SLOW = {**os.environ, "MINIMAL_APP_WAIT": "60"}


def queue() -> Queue:
    return Queue(parse(None, Path.cwd()), "s")


def test_a_stopped_sweep_goes_on() -> None:
    known = ("hydra/sweeper=lrlab", "hydra.sweep.dir=sweep", "hydra.sweeper.study_name=s", "x=1,2", "y=1,2", "steps=2")
    with subprocess.Popen([sys.executable, APP, "-m", *known], stdout=-1, stderr=-1, env=SLOW, text=True) as process:
        for _ in range(600):
            if names(parse(None, Path.cwd())) and queue().counts().running:
                break
            time.sleep(0.1)
        process.terminate()
        stdout, stderr = process.communicate(timeout=60)
    assert "lrlab resume s" in stderr, stdout
    command = [sys.executable, "-m", "lrlab.cli.main", "resume", "s"]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert f"{APP} must lie in the current folder, or be allowed with --allow {APP}" in refused.stderr
    allowed = [*command, "--allow", f"{APP.parent}/"]
    resumed = subprocess.run(allowed, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert "study s, run " in resumed.stdout
    assert queue().counts() == TrialCounts(complete=4)
    state = read_state(queue().study())
    assert state is not None
    with Records(Path("outputs")).tracker() as tracker:
        parent, children = tracker.get_run(state.run_id), tracker.child_runs(state.run_id)
    assert parent.status == "FINISHED"
    ended = [child for child in children if child.status == "FINISHED"]
    assert len(ended) == 4
    assert all(
        child.metrics["reported"] == [(0, loss := child.metrics["objective"][0][1]), (1, loss)] for child in ended
    )
    assert {child.status for child in children} <= {"FINISHED", "KILLED"}
