"""The whole lecture: every chapter measured, recorded under one run, and put on one page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lrlab.lecture import page
from lrlab.lecture.chapters.table import CHAPTERS, Chapter
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.presets import Preset
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.runs.recorder import parent_run
from lrlab.runtime.environment import cores, limit_blas
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker

PAGE = "lecture.html"


class Progress(Protocol):
    """A display of how far the lecture is."""

    def begin(self, title: str) -> None:
        """Announce a chapter."""

    def watch(self, what: str, part: float) -> None:
        """Show which part of some work, from 0 to 1, is done."""

    def end(self, title: str, result: ChapterResult, seconds: float) -> None:
        """Show the result of a chapter."""


@dataclass(frozen=True)
class MeasuredChapter:
    """A chapter that was measured, with the seconds it took: on the clock, and of all processor cores."""

    chapter: Chapter
    result: ChapterResult
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Lecture:
    """The results of the lecture on one data set.

    Attributes:
        data: the data set's name.
        run_id: of the parent run.
        chapters: in the lecture's order.
    """

    data: str
    run_id: str
    chapters: tuple[MeasuredChapter, ...]

    @property
    def claims(self) -> list[Claim]:
        return [claim for part in self.chapters for claim in part.result.claims]

    def to_list(self) -> list[dict[str, Any]]:
        """Return, as for JSON, every claim as `Claim.to_dict` does."""
        return [claim.to_dict() for claim in self.claims]

    def html(self) -> str:
        """Return one self-contained page."""
        chapters = [(part.chapter, part.result) for part in self.chapters]
        seconds, cpu = (sum(getattr(part, name) for part in self.chapters) for name in ("seconds", "cpu_seconds"))
        return page.page(self.data, chapters, seconds, cpu, self.run_id)


def measure(preset: Preset, tracker: Tracker, progress: Progress, chapters: Sequence[Chapter] = CHAPTERS) -> Lecture:
    """Measure every chapter; the page is attached to the parent run, whose children are the trainings."""
    limit_blas(preset.threads or cores())
    name, tags = f"lecture {preset.name}", {Tag.LECTURE: preset.name}
    with parent_run(tracker, name, params={"data": preset.name}, tags=tags) as run_id:
        trainer = ChapterTrainer(preset, tracker, run_id, progress.watch)
        parts = []
        for chapter in chapters:
            progress.begin(chapter.title)
            started, cpu = time.perf_counter(), time.process_time()
            result = chapter.measure(trainer)
            part = MeasuredChapter(chapter, result, time.perf_counter() - started, time.process_time() - cpu)
            progress.end(chapter.title, result, part.seconds)
            parts.append(part)
        lecture = Lecture(preset.name, run_id, tuple(parts))
        held = sum(claim.holds for claim in lecture.claims)
        tracker.log_metrics(run_id, 0, {"claims": len(lecture.claims), "claims_that_hold": held})
        tracker.log_artifacts(run_id, {PAGE: lecture.html().encode()})
    return lecture
