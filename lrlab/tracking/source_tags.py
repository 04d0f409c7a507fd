"""The tags by which MLflow shows who ran which code."""

import functools
import getpass
import hashlib
import subprocess
from pathlib import Path

from lrlab.tracking.tags import Tag

PACKAGE = Path(__file__).parents[1]


@functools.cache
def source_tags() -> dict[str, str]:
    """Return user, program and, when lrlab itself is a git checkout, its commit and whether files differ from it."""
    return {Tag.USER: _user(), Tag.SOURCE_NAME: "lrlab", Tag.SOURCE_TYPE: "LOCAL", **_git_tags(PACKAGE)}


@functools.cache
def program_tags(program: Path) -> dict[str, str]:
    """Return the tags of a program that is not lrlab's, with a digest of what differs from its commit.

    Args:
        program: its file; the checkout around it is asked.
    """
    tags = {Tag.USER: _user(), Tag.SOURCE_NAME: str(program), Tag.SOURCE_TYPE: "LOCAL"}
    commit = _git(program.parent, "rev-parse", "HEAD")
    if not commit:
        return tags
    difference = _git(program.parent, "--no-optional-locks", "diff", "--no-ext-diff", "HEAD")
    if program.is_file() and not _git(program.parent, "ls-files", program.name):
        difference += program.read_text(errors="replace")
    digest = {Tag.GIT_DIFF: hashlib.sha256(difference.encode()).hexdigest()[:16]} if difference else {}
    return {**tags, Tag.GIT_COMMIT: commit, Tag.GIT_DIRTY: str(bool(difference)).lower(), **digest}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def _git_tags(package: Path) -> dict[str, str]:
    # A package that is installed below some other project's checkout is not tracked there
    tracked = _git(package, "ls-files", "__init__.py")
    commit = _git(package, "rev-parse", "HEAD")
    if not tracked or not commit:
        return {}
    dirty = bool(_git(package, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"))
    return {Tag.GIT_COMMIT: commit, Tag.GIT_DIRTY: str(dirty).lower()}


def _git(directory: Path, *arguments: str) -> str:
    try:
        command = ["git", "-C", str(directory), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
