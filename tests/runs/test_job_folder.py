from pathlib import Path

import pytest

from lrlab.runs import job_folder
from lrlab.runs.job_folder import read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {"a.log": "log", ".hydra/config.yaml": "x: 1", "deep/er.txt": "text"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "link").symlink_to("/etc/hostname")
    return tmp_path


def test_all_files_but_links(folder: Path) -> None:
    assert read_folder(folder, skip_configs=False) == {
        "job/a.log": b"log",
        "job/.hydra/config.yaml": b"x: 1",
        "job/deep/er.txt": b"text",
    }


def test_without_the_configuration(folder: Path) -> None:
    assert set(read_folder(folder, skip_configs=True)) == {"job/a.log", "job/deep/er.txt"}


def test_large_files_stay_where_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job_folder, "MAX_FILE", 3)
    with caplog.at_level("INFO"):
        assert set(read_folder(folder, skip_configs=True)) == {"job/a.log"}
    assert f"still in {folder}: deep/er.txt" in caplog.text
    monkeypatch.setattr(job_folder, "MAX_FOLDER", 2)
    assert read_folder(folder, skip_configs=True) == {}


@pytest.mark.parametrize("inside", [".", "deep"])
def test_a_folder_with_more_than_one_job_in_it_is_left(
    folder: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / inside)
    assert read_folder(folder, skip_configs=False) == {}
