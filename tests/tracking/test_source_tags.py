import subprocess
from pathlib import Path

import pytest

from lrlab.tracking.source_tags import _git_tags, source_tags

UNKNOWN = {"mlflow.source.git.commit": "unknown", "mlflow.source.git.dirty": "unknown"}


def git(directory: Path, *command: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.check_output(["git", "-C", str(directory), *identity, *command], text=True).strip()


def checkout(directory: Path) -> Path:
    package = directory / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(directory, *command)
    return package


def tags(commit: str, dirty: bool) -> dict[str, str]:
    return {"mlflow.source.git.commit": commit, "mlflow.source.git.dirty": str(dirty).lower()}


def test_a_checkout_has_a_commit_and_may_differ_from_it(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    head = git(tmp_path, "rev-parse", "HEAD")
    assert _git_tags(package) == tags(head, dirty=False)
    (package / "__init__.py").write_text("changed")
    assert _git_tags(package) == tags(head, dirty=True)


@pytest.mark.parametrize("name", ["new.py", "part/new.py", "größe.py"])
def test_a_module_that_git_does_not_know_is_a_change(tmp_path: Path, name: str) -> None:
    package = checkout(tmp_path)
    head = git(tmp_path, "rev-parse", "HEAD")
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("x = 1")
    assert _git_tags(package) == tags(head, dirty=True)
    (tmp_path / ".git/info/exclude").write_text("*.py")
    assert _git_tags(package) == tags(head, dirty=False)


def test_files_beside_the_package_that_git_does_not_know_are_no_change(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    assert _git_tags(package) == tags(git(tmp_path, "rev-parse", "HEAD"), dirty=False)


@pytest.mark.parametrize("variables", [("GIT_DIR", "GIT_WORK_TREE"), ("GIT_DIR",), ("GIT_INDEX_FILE",)])
def test_the_repository_that_the_environment_names_is_somebody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...]
) -> None:
    package = checkout(tmp_path / "ours")
    head = git(tmp_path / "ours", "rev-parse", "HEAD")
    theirs = checkout(tmp_path / "theirs").parent
    git(theirs, "commit", "-q", "--allow-empty", "-m", "second")
    places = {"GIT_DIR": ".git", "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": ".git/index"}
    for name in variables:
        monkeypatch.setenv(name, str(theirs / places[name]))
    assert _git_tags(package) == tags(head, dirty=False)
    (tmp_path / "package").mkdir()
    assert _git_tags(tmp_path / "package") == {}


def test_a_detached_head_has_its_commit(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    first = git(tmp_path, "rev-parse", "HEAD")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "checkout", "-q", first)
    assert _git_tags(package) == tags(first, dirty=False)


@pytest.mark.parametrize("broken", [".git/HEAD", ".git/index"])
def test_what_a_broken_repository_cannot_tell_is_unknown(tmp_path: Path, broken: str) -> None:
    package = checkout(tmp_path)
    (tmp_path / broken).write_text("no git wrote this")
    assert _git_tags(package)["mlflow.source.git.dirty"] == "unknown"
    if broken == ".git/HEAD":
        assert _git_tags(package) == UNKNOWN


def test_a_checkout_without_a_commit_is_unknown(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    assert _git_tags(package) == UNKNOWN


def test_without_git_a_checkout_is_unknown_and_no_checkout_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = checkout(tmp_path / "ours")
    monkeypatch.setenv("PATH", "")
    assert _git_tags(package) == UNKNOWN
    assert _git_tags(tmp_path) == {}


def test_a_package_installed_below_another_checkout_has_no_commit(tmp_path: Path) -> None:
    installed = checkout(tmp_path) / "venv" / "lrlab"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert _git_tags(installed) == {}


def test_a_package_in_a_bare_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare")
    (tmp_path / "package").mkdir()
    assert _git_tags(tmp_path / "package") == {}


def test_no_checkout_no_commit(tmp_path: Path) -> None:
    assert _git_tags(tmp_path) == {}


def test_mlflow_finds_the_user_and_the_program() -> None:
    tags = source_tags()
    assert tags["mlflow.source.name"] == "lrlab"
    assert tags["mlflow.user"]
