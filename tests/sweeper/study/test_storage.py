import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import parse


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "journal:{}/outputs/optuna.log"),
        ("a/b.log", "journal:{}/a/b.log"),
        ("/a/b.log", "journal:/a/b.log"),
        ("journal:b", "journal:{}/b"),
        ("journal:/b", "journal:/b"),
        ("journal:///b", "journal:/b"),
        ("sqlite:///x.db", "sqlite:///{}/x.db"),
        ("sqlite:////x.db", "sqlite:////x.db"),
        ("sqlite:///x.db?timeout=60", "sqlite:///{}/x.db?timeout=60"),
        ("sqlite:////x.db?mode=rw&timeout=5", "sqlite:///file:/x.db?mode=rw&timeout=5&uri=true"),
        ("/a:b/x.log", "journal:/a:b/x.log"),
        ("a:b/x.log", "journal:{}/a:b/x.log"),
        ("journal:a:b?c/x", "journal:{}/a:b?c/x"),
        ("postgresql://me@there/db", "postgresql://me@there/db"),
        ("postgresql+psycopg://me@there/db", "postgresql+psycopg://me@there/db"),
    ],
)
def test_forms(tmp_path: Path, given: Any, url: str) -> None:
    assert parse(given, tmp_path).url == url.format(tmp_path)


@pytest.mark.parametrize("given", ["", "x.db", "sqlite://", "sqlite:///", "journal:", "redis://x", "mysql://x", 3])
def test_other_forms_are_refused(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.storage must be null, memory, "):
        parse(given, tmp_path)


@pytest.mark.parametrize("given", ["postgresql://me:secret@nowhere.invalid/db", "mysql://me:secret@there/db"])
def test_passwords_are_never_shown(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InputError) as error:
        parse(given, tmp_path).open()
    assert "secret" not in str(error.value)


def test_a_url_is_shown_without_its_password(tmp_path: Path) -> None:
    storage = parse("postgresql://me:secret@there/db", tmp_path)
    assert str(storage) == "postgresql://me:***@there/db"
    assert repr(storage) == f"Storage({storage})"


@pytest.mark.parametrize("given", ["new/optuna.log", "sqlite:///new/x.db"])
def test_looking_creates_nothing_and_opening_creates_what_is_needed(tmp_path: Path, given: Any) -> None:
    storage = parse(given, tmp_path)
    storage.check_writable()
    assert not storage.exists
    assert list(tmp_path.iterdir()) == []
    optuna.create_study(storage=storage.open(), study_name="s")
    assert storage.exists
    assert optuna.get_all_study_names(parse(given, tmp_path).open()) == ["s"]


@pytest.mark.parametrize("name", ["a b", "a?b", "a%20b", "a#b", "it's", "a:b", "a&b", "é", "{x}", "dots..."])
@pytest.mark.parametrize("form", ["journal:{}/s.log", "sqlite:///{}/s.db?timeout=60", "sqlite:///{}/s.db"])
def test_any_folder_can_hold_studies(name: str, form: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    path = quote(str(folder)) if form.startswith("sqlite") else str(folder)
    storage = parse(form.format(path), tmp_path)
    optuna.create_study(storage=storage.open(), study_name="s")
    with storage.exclusive():
        assert storage.file is not None
        assert storage.file.parent == folder
        assert storage.file.is_file()
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert optuna.get_all_study_names(parse(storage.url, Path("/elsewhere")).open()) == ["s"]


def test_memory_is_shared_under_its_name_and_no_other(tmp_path: Path) -> None:
    storage = parse("memory", tmp_path)
    optuna.create_study(storage=storage.open(), study_name="s")
    assert optuna.get_all_study_names(storage.open()) == ["s"]
    assert optuna.get_all_study_names(parse("memory", tmp_path).open()) == []


def test_a_file_in_the_way_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("")
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.storage cannot be written, got '.*optuna\.log'"):
        parse(None, tmp_path).check_writable()


ADD = """
import sys, optuna
study = optuna.create_study(storage=sys.argv[1], study_name="s", load_if_exists=True)
study.add_trial(optuna.trial.create_trial(value=1.0))
"""


def test_a_handle_sees_what_other_processes_write_however_often_its_file_was_looked_at(tmp_path: Path) -> None:
    """Whoever opens and closes an SQLite file beside SQLite takes its locks: the log would be thrown away under it."""
    storage = parse("sqlite:///x.db", tmp_path)
    studies = [optuna.create_study(storage=storage.open(), study_name="s")]
    storage.check_writable()
    studies.append(optuna.load_study(storage=storage.open(), study_name="s"))
    for count in (1, 2):
        subprocess.run([sys.executable, "-c", ADD, f"sqlite:///{tmp_path}/x.db"], check=True, capture_output=True)
        studies[0].add_trial(optuna.trial.create_trial(value=0.0))
        assert [len(study.trials) for study in studies] == [2 * count, 2 * count]


TAKE = """
import sys
from pathlib import Path
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.storage import parse
queue = Queue(parse(sys.argv[1], Path.cwd()), "s")
while trial := queue.claim():
    print(trial.number, trial.suggest_int("x", 0, 1000))
    queue.complete(trial, [float(trial.number)])
"""


@pytest.mark.parametrize(("given", "trials"), [("optuna.log", 60), ("sqlite:///x.db", 12)])
def test_four_processes_take_every_trial_once(tmp_path: Path, given: Any, trials: Any) -> None:
    storage = parse(given, tmp_path)
    optuna.create_study(storage=storage.open(), study_name="s")
    queue = Queue(storage, "s")
    queue.enqueue_missing([{"x": value} for value in range(trials)])
    command = [sys.executable, "-c", TAKE, given]
    takers = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    outputs = [taker.communicate() for taker in takers]
    taken = sorted(tuple(map(int, line.split())) for out, _ in outputs for line in out.splitlines())
    assert [error for _, error in outputs if error] == []
    assert taken == [(number, number) for number in range(trials)]
    assert queue.counts() == TrialCounts(complete=trials)


OPEN = """
import sys
from pathlib import Path
from lrlab.sweeper.study import database_store
from lrlab.sweeper.study.storage import parse
storage = parse(sys.argv[1], Path.cwd())
print(flush=True)
sys.stdin.readline()
storage.open()
"""


def test_processes_that_begin_at_once_make_a_database_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, "sqlite:///studies.db"]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    for place in (tmp_path / str(number) for number in range(3)):
        place.mkdir()
        processes = [subprocess.Popen(command, cwd=place, **pipes) for _ in range(4)]
        for process in processes:
            assert process.stdout
            process.stdout.readline()  # all that it needs is imported
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * 4, said
