import re
from importlib import import_module
from pathlib import Path

from lrlab.lecture import chapters
from lrlab.lecture.chapters.table import CHAPTERS

MODULES = {path.stem for path in Path(str(chapters.__file__)).parent.glob("*.py")} - {"__init__", "table"}


def test_every_chapter_is_measured_once_by_its_own_module() -> None:
    measures = [chapter.measure for chapter in CHAPTERS]
    assert len(measures) == len(set(measures)) == len(MODULES)
    assert {import_module(f"{chapters.__name__}.{name}").measure for name in MODULES} == set(measures)


def test_chapters_stand_in_the_lecture_s_order() -> None:
    firsts = [tuple(map(int, re.findall(r"\d+", chapter.number.partition(",")[0])[:2])) for chapter in CHAPTERS]
    assert firsts == sorted(firsts)
    assert all(re.fullmatch(r"\d(\.\d)?((, | to )\d\.\d)?", chapter.number) for chapter in CHAPTERS)


def test_every_title_is_its_own() -> None:
    titles = [chapter.title for chapter in CHAPTERS]
    assert len(set(titles)) == len(titles)
    assert all(title == title.strip() != "" for title in titles)
