from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lrlab.sweeper.directory import claim


def test_a_folder_that_nobody_has_is_the_one_wanted(tmp_path: Path) -> None:
    assert claim(tmp_path / "a" / "sweep") == tmp_path / "a" / "sweep"
    assert (tmp_path / "a" / "sweep").is_dir()


def test_every_sweep_has_its_own_whoever_comes_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, [tmp_path / "sweep"] * 16))
    assert {folder.name for folder in claimed} == {"sweep", *(f"sweep_{number}" for number in range(2, 17))}


@pytest.mark.parametrize("taken", ["sweep/multirun.yaml", "sweep"])
def test_what_another_has_left_is_left_alone(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("another's")
    (tmp_path / "sweep_2").write_text("a file")
    assert claim(tmp_path / "sweep") == tmp_path / "sweep_3"
    assert (tmp_path / taken).read_text() == "another's"


def test_a_folder_with_other_files_is_free(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    assert claim(tmp_path) == tmp_path


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        claim(tmp_path / "file" / "sweep")
