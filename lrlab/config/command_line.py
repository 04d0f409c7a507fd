"""Commands of lrlab as lrlab prints them: each can be pasted into a shell as it stands."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUTS = Path("outputs")
PASSWORD = re.compile(r"://[^\s/@$]*:[^\s@$][^\s@]*@|[?&](password|passwd|token|secret)=[^&$\s]")
ENVIRONMENT = re.compile(r"\$\{oc\.env:(\w+)\}")  # as a configuration refers to it
RESUME_PREFIX = "LRLAB_RESUME_"  # begins the variables in which `lrlab resume` passes on addresses
RECORDS = {"--outputs", "--storage", "--tracking-uri", "--allow"}

# Which of the options that say where records are, and what code they need, a command takes
OPTIONS = {
    "resume": RECORDS,
    "best": RECORDS,
    "reproduce": RECORDS,
    "report": RECORDS - {"--allow"},
    "repair": RECORDS - {"--allow"},
    "doctor": RECORDS - {"--allow"},
    "ui": {"--outputs", "--tracking-uri"},
    "list": {"--outputs", "--storage"},
    "show": {"--outputs", "--storage"},
    "trials": {"--outputs", "--storage"},
    "delete": RECORDS - {"--allow"},
}


@dataclass(frozen=True)
class Places:
    """Where studies and runs are, and the code they need: what every command on them has to be told.

    Attributes:
        outputs: the output directory.
        storage_url: of the studies; None for the journal in `outputs`. May refer to ${oc.env:NAME}, as may the next.
        tracking_uri: of MLflow; None for the database in `outputs`.
        allow: prefixes of further code to trust.
    """

    outputs: Path = OUTPUTS
    storage_url: str | None = None
    tracking_uri: str | None = None
    allow: Sequence[str] = ()

    def options(self) -> Iterator[tuple[str, str]]:
        """Yield the options that differ from their defaults, each with its value as a word of the shell."""
        if self.outputs != OUTPUTS:
            yield "--outputs", shlex.quote(str(self.outputs))
        for name, address in ("--storage", self.storage_url), ("--tracking-uri", self.tracking_uri):
            if address is not None:
                yield name, _address(address)
        for prefix in self.allow:
            yield "--allow", shlex.quote(prefix)


HERE = Places()  # of what is in ./outputs


def command(name: str, *words: str, places: Places | None = None) -> str:
    """Return a command of lrlab for a shell.

    Args:
        name: of the command, such as ``resume``.
        words: its arguments and further options, as the command gets them.
        places: where its records are, if it reads any.
    """
    options = places.options() if places else ()
    told = [f"{option} {value}" for option, value in options if option in OPTIONS[name]]
    return " ".join(["lrlab", name, *map(shlex.quote, words), *told])


def _address(url: str) -> str:
    """Return an address as a word of the shell, with what the environment holds by the names of its variables."""
    parts = ENVIRONMENT.split(url)  # text, name, text, name, ..., text
    if len(parts) > 1:
        named = [f'"${part}"' if index % 2 else shlex.quote(part) for index, part in enumerate(parts) if part]
        return "".join(named)
    if not PASSWORD.search(url):
        return shlex.quote(url)
    names = (name for name, value in os.environ.items() if value == url and not name.startswith(RESUME_PREFIX))
    hidden = re.sub(r"//[^\s@]*@", "//…@", re.sub(r"([?&]\w+=)[^&]*", r"\1…", url))
    return next((f'"${name}"' for name in names), shlex.quote(hidden))
