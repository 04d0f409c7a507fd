"""The whole lecture: every chapter measured, recorded under one run, and put on one page."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lrlab.lecture import page
from lrlab.lecture.chapters import CHAPTERS, Chapter
from lrlab.lecture.desk import Desk
from lrlab.lecture.finding import Claim, Finding
from lrlab.lecture.progress import Progress
from lrlab.lecture.scale import Scale
from lrlab.tracking.tracker import Tracker
from lrlab.training.environment import cores, limit_blas

PAGE = "lecture.html"


@dataclass(frozen=True)
class Part:
    """A chapter that was measured, with the seconds it took: on the clock, and of all processor cores."""

    chapter: Chapter
    finding: Finding
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Lecture:
    """What became of the lecture on one data set.

    Attributes:
        data: the data set's name.
        run_id: of the parent run.
        parts: in the lecture's order.
    """

    data: str
    run_id: str
    parts: tuple[Part, ...]

    @property
    def claims(self) -> list[Claim]:
        return [claim for part in self.parts for claim in part.finding.claims]

    def to_list(self) -> list[dict[str, Any]]:
        """As JSON: ``claim``, ``expected``, ``measured``, ``holds`` of every claim."""
        return [asdict(claim) | {"holds": bool(claim.holds)} for claim in self.claims]

    def html(self) -> str:
        """One self-contained page."""
        times = [(part.seconds, part.cpu_seconds) for part in self.parts]
        sections = [
            page.section(f"{part.chapter.title} (lecture {part.chapter.number})", part.finding, *took)
            for part, took in zip(self.parts, times, strict=True)
        ]
        return page.page(self.data, self.claims, sections, *map(sum, zip(*times, strict=True)))


def measure(scale: Scale, tracker: Tracker, progress: Progress, chapters: Sequence[Chapter] = CHAPTERS) -> Lecture:
    """Measure every chapter; the page is attached to the parent run, whose children are the trainings."""
    limit_blas(scale.threads or cores())
    run_id = tracker.start(f"lecture {scale.name}", params={"data": scale.name}, tags={"lrlab.lecture": scale.name})
    try:
        desk = Desk(scale, tracker, run_id, progress.watch)
        parts = []
        for chapter in chapters:
            progress.begin(chapter.title)
            started, cpu = time.perf_counter(), time.process_time()
            finding = chapter.measure(desk)
            part = Part(chapter, finding, time.perf_counter() - started, time.process_time() - cpu)
            progress.end(chapter.title, finding, part.seconds)
            parts.append(part)
        lecture = Lecture(scale.name, run_id, tuple(parts))
        held = sum(claim.holds for claim in lecture.claims)
        tracker.log(run_id, 0, {"claims": len(lecture.claims), "claims_that_hold": held})
        tracker.attach(run_id, {PAGE: lecture.html().encode()})
    except BaseException:
        tracker.end(run_id, "FAILED")
        raise
    tracker.end(run_id)
    return lecture
