import json
import re
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.cli.progress import lecture_progress
from lrlab.lecture import lecture
from lrlab.lecture.chapters import table
from lrlab.lecture.chapters.table import CHAPTERS, Chapter
from lrlab.lecture.claims import ChapterResult
from lrlab.lecture.presets import PRESETS
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.plotting.figures import Figure
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.mlflow import Mlflow
from tests.lecture.made_up import FAILED, HELD

CLAIMS = (HELD, FAILED)
FEW = (
    Chapter("0", "Made up", lambda trainer: ChapterResult(CLAIMS, (Figure(b"\x89PNG", 'caption "quoted"'),))),
    next(chapter for chapter in CHAPTERS if chapter.title == "Softmax cross-entropy"),
)


def test_measures_chapter_by_chapter_under_one_run() -> None:
    tracker = MemoryTracker()
    with lecture_progress(len(FEW)) as progress:
        measured = lecture.measure(PRESETS["digits"], tracker, progress, FEW)
    assert [part.chapter for part in measured.chapters] == list(FEW)
    assert measured.claims[:2] == list(CLAIMS)
    run = tracker.get_run(measured.run_id)
    assert (run.status, run.params) == ("FINISHED", {"data": "digits"})
    assert run.metrics["claims"] == [(0, 5)]
    assert run.metrics["claims_that_hold"] == [(0, 4)]
    assert tracker.files[measured.run_id]["lecture.html"].decode() == measured.html()


class Told:
    """What a lecture shows of its progress."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def begin(self, title: str) -> None:
        self.said.append(f"begin {title}")

    def watch(self, what: str, part: float) -> None:
        self.said.append(f"{what} {part:g}")

    def end(self, title: str, result: ChapterResult, seconds: float) -> None:
        self.said.append(f"end {title}: {len(result.claims)} claims")


def test_progress_is_told_chapter_by_chapter() -> None:
    def working(trainer: ChapterTrainer) -> ChapterResult:
        trainer.watch("work", 0.5)
        return ChapterResult(CLAIMS[:1])

    told = Told()
    chapters = (FEW[0], Chapter("1", "Works", working))
    measured = lecture.measure(PRESETS["digits"], MemoryTracker(), told, chapters)
    assert told.said == ["begin Made up", "end Made up: 2 claims", "begin Works", "work 0.5", "end Works: 1 claims"]
    assert [row["holds"] for row in measured.to_list()] == [True, False, True]
    assert measured.to_list()[1] == FAILED.to_dict()


def test_the_page_needs_nothing_else() -> None:
    tracker = MemoryTracker()
    with lecture_progress(len(FEW)) as progress:
        page = lecture.measure(PRESETS["digits"], tracker, progress, FEW).html()
    assert page.startswith("<!doctype html>")
    assert "4 of 5 claims hold" in page
    page = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]+)"', page))
    assert len(re.findall("<img", page)) == 2  # one of them for who has no JavaScript
    assert not re.search(r"<script src|<link|@import|href=.https?:", page)
    assert "a < b & c" not in page
    assert "a < b & c" in unescape(page)


def test_a_chapter_that_breaks_leaves_no_running_run() -> None:
    def broken(trainer: object) -> ChapterResult:
        raise RuntimeError

    tracker = MemoryTracker()
    with pytest.raises(RuntimeError), lecture_progress(1) as progress:
        lecture.measure(PRESETS["digits"], tracker, progress, (Chapter("0", "broken", broken),))
    (run,) = tracker.files
    assert tracker.get_run(run).status == "FAILED"


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(table, "CHAPTERS", FEW)
    measure = lecture.measure
    monkeypatch.setattr(lecture, "measure", partial(measure, chapters=FEW))
    assert main(["lecture", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == [set(HELD.to_dict())] * 5
    assert {"claim", "expected", "measured", "holds"} <= set(rows[0])
    assert [row["holds"] for row in rows] == [True, False, True, True, True]
    assert (tmp_path / "outputs" / "lecture" / "digits.html").read_text(encoding="utf-8").startswith("<!doctype html>")

    assert main(["lecture"]) == 0
    said = capsys.readouterr().out
    assert "4 of 5 claims hold on digits" in said
    run_id = re.search(r"run (\w{32})", said)
    assert run_id
    with Mlflow().open() as tracker:
        assert tracker.get_run(run_id[1]).tags["lrlab.lecture"] == "digits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "mnist"], "--data must be one of digits, cifar10, got 'mnist'"),
        (["--data", "cifar10"], "data cifar10 is not fetched"),
        (["--outputs", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_refuses(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "nothing"))
    assert main(["lecture", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("lrlab: ")
    assert message in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())
