"""What tells one version of the training code from another. It is noted in the user's cache for the next process."""

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from lrlab.data.verified_files import atomic_write
from lrlab.runtime import home

PACKAGE = Path(__file__).parents[1]
CODE = ("core", "training")
NOT_ON_THE_PATH = ("core/gradcheck.py", "training/cautions.py", "training/configuration.py", "training/diagnosis.py")
NOTE = "code_digest.txt"


@cache
def code_digest() -> str:
    """Return the first 16 hex digits of a SHA-256 over the code from an experiment to its curve.

    Comments, docstrings and layout do not count, nor do modules that train nothing.
    """
    sources, folder = _sources_digest(), home.cache()
    if folder is None:
        return _digest()
    with suppress(OSError, UnicodeError):
        noted = re.fullmatch(rf"{sources} ([0-9a-f]{{16}})\n", (folder / NOTE).read_text(encoding="ascii"))
        if noted:
            return noted[1]
    digest = _digest()
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_write(folder / NOTE) as stream:
            stream.write(f"{sources} {digest}\n".encode())
    return digest


def code_files() -> Iterator[Path]:
    """Yield the files that `code_digest` covers, in order."""
    for folder in CODE:
        for file in sorted((PACKAGE / folder).rglob("*.py")):
            if file.relative_to(PACKAGE).as_posix() not in NOT_ON_THE_PATH:
                yield file


def _digest() -> str:
    """Parse the files: a twentieth of a second."""
    digest = hashlib.sha256()
    for file in code_files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                del node.body[0]
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _sources_digest() -> str:
    """Return the SHA-256 (hex) of all that `_digest` depends on: the files, this one, and how Python parses them."""
    digest = hashlib.sha256(sys.version.encode())
    for file in (Path(__file__), *code_files()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(PACKAGE).as_posix()} {len(content)} ".encode() + content)
    return digest.hexdigest()
