"""The names of studies: each that is accepted can be given to every command, and names a folder."""

import re
import secrets
import time

from lrlab.errors import InputError

RUN_ID = re.compile(r"(spooled-)?[0-9a-f]{32}")  # of a training, which `lrlab resume` takes as well
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another
MAX_BYTES = 200  # a folder's name may have 255, and a report adds conditions to it


def check_name(key: str, name: str) -> None:
    r"""Refuse a name that a command, a folder or a storage could not take.

    Raises:
        InputError: it is empty or too long, holds / \ = ${ or unprintable characters, begins with - or ~, or looks like
            a run id.
    """
    forbidden = [text for text in ("/", "\\", "=", "${") if text in name]
    if not name.strip(" ."):
        rule = "must not be empty, nor of dots alone"
    elif forbidden or not name.isprintable():
        rule = f"must not hold {forbidden[0] if forbidden else 'unprintable characters'}"
    elif name.startswith(("-", "~")):
        rule = f"must not begin with {name[0]}"
    elif name == "???":
        rule = "must be known"
    elif RUN_ID.fullmatch(name):
        rule = "must not look like the id of a run"
    elif len(name.encode()) > MAX_BYTES:
        rule = f"must have at most {MAX_BYTES} bytes"
    else:
        return
    raise InputError(f"{key} {rule}, got {name!r}")


def new_name(job: str) -> str:
    """Return a name that no two sweeps share, whatever machine they start on: short enough to be typed.

    The day and minute tell a user which it is; of sweeps that start in one minute, five letters tell them apart (a
    thousand of them share a name with a probability of 2 %).
    """
    letters = "".join(secrets.choice(LETTERS) for _ in range(5))
    return f"{job}_{time.strftime('%m%d_%H%M')}_{letters}"
