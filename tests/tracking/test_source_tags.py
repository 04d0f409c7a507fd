import subprocess
from pathlib import Path

from lrlab.tracking.source_tags import _git_tags, source_tags


def checkout(directory: Path) -> Path:
    package = directory / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", str(directory), *command], check=True)
    return package


def test_a_checkout_has_a_commit_and_may_differ_from_it(tmp_path: Path) -> None:
    package = checkout(tmp_path)
    head = subprocess.check_output(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], text=True).strip()
    assert _git_tags(package) == {"mlflow.source.git.commit": head, "mlflow.source.git.dirty": "false"}
    (package / "__init__.py").write_text("changed")
    assert _git_tags(package) == {"mlflow.source.git.commit": head, "mlflow.source.git.dirty": "true"}


def test_a_package_installed_below_another_checkout_has_no_commit(tmp_path: Path) -> None:
    installed = checkout(tmp_path) / "venv" / "lrlab"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert _git_tags(installed) == {}


def test_no_checkout_no_commit(tmp_path: Path) -> None:
    assert _git_tags(tmp_path) == {}


def test_mlflow_finds_the_user_and_the_program() -> None:
    tags = source_tags()
    assert tags["mlflow.source.name"] == "lrlab"
    assert tags["mlflow.user"]
