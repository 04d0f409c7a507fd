"""A sweep of a small application through a launcher of several hosts, to be disturbed while it runs."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna

from lrlab.sweeper.study.queue import TrialCounts
from lrlab.sweeper.study.storage import parse

TRIALS = 16
PROGRAM = """\
import time
from contextlib import suppress

import hydra

import lrlab


def take_memory(times):
    for time_ in range(times):
        with suppress(FileExistsError), open(f"taken-{time_}", "x"):
            taken = b"x" * 2_000_000_000
            time.sleep(60)


@hydra.main(config_path=".", config_name="config", version_base="1.3")
def main(config):
    take_memory(config.takes_memory)
    for epoch in range(1, 5):
        time.sleep(config.pause / 4)
        lrlab.report(epoch, config.x**2)
    return config.x**2


if __name__ == "__main__":
    main()
"""
CONFIG = """\
defaults:
  - _self_
  - override hydra/sweeper: lrlab
x: 0.5
pause: 0.6
takes_memory: 0  # so many trials take 2 GB
"""


class Sweep:
    """A sweep that runs: two workers, `TRIALS` trials, a study in a journal that only this host writes."""

    def __init__(self, folder: Path, environment: dict[str, str], launcher: str, *overrides: str) -> None:
        self.folder = folder
        (folder / "train.py").write_text(PROGRAM)
        (folder / "config.yaml").write_text(CONFIG)
        sweeper = [f"n_trials={TRIALS}", "n_jobs=2", "study_name=s", "shared_file=true"]
        words = ["-m", f"hydra/launcher={launcher}", "x=interval(0,1)", *(f"hydra.sweeper.{each}" for each in sweeper)]
        with (folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "train.py", *words, *overrides],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
            )

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    def counts(self) -> TrialCounts:
        storage = parse(None, self.folder)
        if not storage.exists:
            return TrialCounts()
        try:
            study = optuna.load_study(study_name="s", storage=storage.open())
        except KeyError:
            return TrialCounts()
        return TrialCounts.of(study.get_trials(deepcopy=False))

    def wait_until(self, met: Callable[[TrialCounts], bool], seconds: float = 400.0) -> None:
        end = time.monotonic() + seconds
        while not met(self.counts()):
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.2)

    def check_complete(self) -> None:
        """Exit code 0, exactly as many trials as were asked for, each told once."""
        code = self.process.wait(900)
        assert code == 0, self.output
        assert self.counts() == TrialCounts(complete=TRIALS), self.output
