"""Progress bars: what stays of them on stderr."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from lrlab.cli.progress import epoch_progress, fetch_progress, lecture_progress, step_progress
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.training.experiment import EpochResult


def result(epoch: int, *, diverged: bool = False) -> EpochResult:
    return EpochResult(SimpleNamespace(), epoch, {"val/loss": 1 / epoch}, diverged)


def test_about_every_twentieth_epoch_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with epoch_progress() as watch:
        for epoch in range(1, 100):
            watch(result(epoch), 99)
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("epoch")]
    assert captured.out == ""
    assert len(lines) == 20
    assert lines[0] == "epoch  5/99  val/loss 0.2000"
    assert lines[-1].startswith("epoch 99/99  ")


def test_the_epoch_that_diverged_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with epoch_progress() as watch:
        watch(result(3, diverged=True), 100)
    assert "epoch   3/100" in capsys.readouterr().err


def test_steps_leave_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with step_progress("confirming") as watch:
        watch(1, 2)
        watch(2, 2)
    captured = capsys.readouterr()
    assert captured.out + captured.err.strip() == ""


def test_a_download_has_a_bar_for_each_work() -> None:
    file = io.StringIO()
    with fetch_progress(Console(file=file, width=80, force_terminal=True)) as watch:
        watch("npm pack", 0, 0)
        watch("npm pack", 1, 1)
        watch("check files", 1, 2)
    last = file.getvalue().rpartition("npm pack")[2]
    assert "100%" in last.partition("check files")[0]
    assert " 50%" in last.partition("check files")[2]


def test_the_lecture_chapter_by_chapter() -> None:
    console = Console(file=io.StringIO(), width=80)
    claims = (Claim("5.5", "a", "b", "c", "d", True), Claim("5.5", "e", "f", "g", "h", False))
    with lecture_progress(2, console) as progress:
        progress.begin("Softmax")
        progress.watch("training", 0.5)
        progress.end("Softmax", ChapterResult(claims, ()), 3.0)
    assert isinstance(console.file, io.StringIO)
    assert "Softmax: 1 of 2 claims hold (3 s)" in console.file.getvalue()
