"""Markdown pages as a reader follows them: block by block, from top to bottom, in one folder.

Comments above a block say what it needs, or what differs from a reader's machine, one to a line:

    <!-- file: train.py -->          the block is that file
    <!-- short: epochs=1 -->         words added to its trainings and sweeps, unless it is run at full length
    <!-- needs: cifar -->            is run with that marker of pytest only: cifar, torch, slow
    <!-- exits: 1 -->               its last command ends with that exit code
    <!-- not run: why not -->        is shown only
    <!-- from: examples/own_data --> at the top of a page: the folder begins with a copy of these files
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from lrlab.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").glob("*/README.md"),
    ]
)
LANGUAGES = {"bash", "python", "yaml", "text", "toml", "html"}
SHELL = re.compile(r"[|<>$&;*]|^\w+=")  # what a shell must read
ENDLESS = ("ui",)  # commands that serve until they are interrupted


@dataclass(frozen=True)
class Block:
    """A fenced block, and what the comments above it say."""

    place: str
    language: str
    source: str
    notes: Mapping[str, str]

    @property
    def commands(self) -> list[str]:
        """The lines of a shell, those that go on after a backslash joined."""
        joined = re.sub(r"\\\n\s*", "", self.source)
        lines = [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]
        return lines if self.language == "bash" else []


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page that are not directives of Sphinx."""
    text = page.read_text()
    found = []
    for region in FencedCodeBlockLexer(r"\w+")(Document(text, str(page))):
        above = re.search(r"((?:^ *<!-- .* -->\n)*)\Z", text[: region.start], re.MULTILINE)
        assert above is not None
        notes = dict(re.findall(r"<!-- ([\w ]+): (.*) -->", above[1]))
        place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, region.start) + 1}"
        found.append(Block(place, region.lexemes["language"], region.lexemes["source"], notes))
    return found


def run_page(
    page: Path, *, full: bool = False, needs: str = "", languages: tuple[str, ...] = ("bash", "python", "yaml")
) -> None:
    """Run the blocks of a page in the current folder.

    Args:
        full: at the length that a reader would see.
        needs: the marker whose blocks are run, too.
        languages: of the blocks that are run.

    Raises:
        AssertionError: a block failed; its place, command and output are named.
    """
    names: dict[str, Any] = {"__name__": "page"}
    for folder in re.findall(r"^<!-- from: (.*) -->$", page.read_text(), re.MULTILINE):
        shutil.copytree(ROOT / folder, ".", dirs_exist_ok=True)
    for block in blocks(page):
        runs = block.language in languages and "not run" not in block.notes
        if runs and block.notes.get("needs", needs) == needs:
            run_block(block, names, full=full)


def run_block(block: Block, names: dict[str, Any], *, full: bool) -> None:
    """Run one block; `names` are those that the page's Python has defined."""
    if file := block.notes.get("file"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(block.source)
    elif block.language == "python":
        try:
            exec(compile(block.source, block.place, "exec"), names)
        except Exception as error:
            raise AssertionError(f"{block.place}: {error!r}") from error
    elif block.language == "yaml":
        yaml.safe_load(block.source)
    for number, line in enumerate(block.commands, 1):
        words = [] if full else shlex.split(block.notes.get("short", ""))
        expected = int(block.notes.get("exits", 0)) if number == len(block.commands) else 0
        if not full and line.split()[1:2] == [*ENDLESS]:
            continue
        code, said = run_line(line, words)
        assert code == expected, f"{block.place}: {line}: exit code {code}\n{said}"


def run_line(line: str, short: list[str]) -> tuple[int, str]:
    """Run a line, lrlab's in this process where no shell is needed; return exit code and output."""
    line = re.split(r"\s+# ", line, maxsplit=1)[0]
    words = shlex.split(line)
    if short and trains(words):
        line += " " + shlex.join(short)
        words += short
    if words[0] == "cd":
        os.chdir(words[1])
        return 0, ""
    if words[:2] == ["lrlab", *ENDLESS]:
        return serve(words)
    if words[0] == "lrlab" and not SHELL.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", line)):
        with Path("said.txt").open("w+") as file, redirected(file):
            code = in_process(words[1:])
        return code, Path("said.txt").read_text()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def in_process(words: list[str]) -> int:
    """Run a command of lrlab's here; a time limit that is reached leaves by an exit."""
    try:
        return main(words)
    except SystemExit as end:
        return int(end.code or 0)


def trains(words: list[str]) -> bool:
    """Whether a command trains, so that it can be made shorter."""
    return words[:2] in (["lrlab", "train"], ["lrlab", "sweep"]) or (words[0] == "python" and "-m" in words)


@contextlib.contextmanager
def redirected(file: Any) -> Iterator[None]:
    """Let this process print into a file."""
    with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield


def serve(words: list[str]) -> tuple[int, str]:
    """Begin what serves until it is interrupted, and interrupt it once it says where."""
    program = [sys.executable, "-m", "lrlab.cli.main", *words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        said = ""
        for line in server.stdout:
            said += line
            if "http://" in line:
                break
        server.terminate()
        code = server.wait(60)
    return (0, said) if code in (0, 130, 143, -15) else (code, said)
