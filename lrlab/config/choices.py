"""The choices of conf/ by name: `optimizer=adamw` is `adamw` on record, so that a class may move to another file."""

import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
TARGET = re.compile(r"^_target_: *(\S+)", re.MULTILINE)


def shipped_folder(name: str) -> Path:
    """Return conf/ or sweeps/: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


@cache
def targets(group: str) -> dict[str, str]:
    """Return the class path of every choice of a config group: conf/GROUP/CHOICE.yaml names it as ``_target_``."""
    files = sorted((shipped_folder("conf") / group).glob("*.yaml"))
    return {file.stem: TARGET.findall(file.read_text(encoding="utf-8"))[0] for file in files}


def choice_of(group: str, target: str) -> str:
    """Return the name under which conf/ offers a class; the path of a class that it does not offer."""
    names = {path: name for name, path in targets(group).items()}
    return names.get(target, target)
