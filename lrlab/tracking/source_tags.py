"""The tags by which MLflow shows who ran which code."""

import functools
import getpass
import hashlib
import os
import subprocess
from pathlib import Path

from lrlab.tracking.tags import Tag

PACKAGE = Path(__file__).parents[1]
UNKNOWN = "unknown"


@functools.cache
def source_tags() -> dict[str, str]:
    """Return user, program and, when lrlab itself is a git checkout, its commit and whether files differ from it.

    Files that git does not know, nor ignores, count where they are in the package.

    What git cannot tell of a checkout is "unknown".
    """
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
    difference = _git(program.parent, "--no-optional-locks", "diff", "--no-ext-diff", "HEAD") or ""
    if program.is_file() and not _git(program.parent, "ls-files", program.name):
        difference += program.read_text(errors="replace")
    digest = {Tag.GIT_DIFF: hashlib.sha256(difference.encode()).hexdigest()[:16]} if difference else {}
    return {**tags, Tag.GIT_COMMIT: commit, Tag.GIT_DIRTY: str(bool(difference)).lower(), **digest}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return UNKNOWN


def _git_tags(package: Path) -> dict[str, str]:
    if not any((folder / ".git").exists() for folder in package.parents):
        return {}
    # A package that is installed below some other project's checkout is not tracked there
    if _git(package, "ls-files", "__init__.py") == "":
        return {}
    commit = _git(package, "rev-parse", "--verify", "HEAD")
    changes = _git(package, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    unknown = _git(package, "ls-files", "--others", "--exclude-standard")
    dirty = UNKNOWN if None in (commit, changes, unknown) else str(bool(changes or unknown)).lower()
    return {Tag.GIT_COMMIT: commit or UNKNOWN, Tag.GIT_DIRTY: dirty}


def _git(directory: Path, *arguments: str) -> str | None:
    """Return what git says of a directory; None where it cannot tell.

    The user may have pointed git's variables at another repository.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        command = ["git", "-C", str(directory), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
