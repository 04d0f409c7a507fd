import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.runs import code_digest
from lrlab.runs.code_digest import CODE, NOTE, PACKAGE, code_files


def test_the_code_digest_covers_what_a_training_imports_of_core_and_training() -> None:
    """And no more: neither checks of gradients nor what reads finished curves."""
    program = """if True:
        import sys
        from lrlab.training.methods import gradient, knn, newton, random_search, test_function
        print(*(getattr(m, "__file__", "") for n, m in sys.modules.items() if n.startswith("lrlab.")), sep="\\n")
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {Path(line) for line in run.stdout.split() if Path(line).relative_to(PACKAGE).parts[0] in CODE}
    assert imported | {PACKAGE / "core" / "compiled.py"} == set(code_files())  # imported once it is worth it


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The one file of the training code."""
    file = tmp_path / "lrlab" / "code.py"
    file.parent.mkdir()
    monkeypatch.setattr(code_digest, "PACKAGE", file.parent)
    monkeypatch.setattr(code_digest, "__file__", str(file))
    monkeypatch.setattr(code_digest, "code_files", lambda: [file])
    return file


@pytest.fixture
def note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lrlab" / NOTE


def digest() -> str:
    """The digest as another process would have it."""
    return code_digest.code_digest.__wrapped__()


def test_a_comment_or_a_docstring_is_no_change_of_code(code: Path, note: Path) -> None:
    digests = []
    for text in ('def f():\n    """One."""\n    return 1\n', "def f():\n    return 1  # one\n", "def f(): return 2"):
        code.write_text(text)
        digests.append(digest())
        assert digest() == digests[-1]  # noted
    assert digests[0] == digests[1] != digests[2]


def test_the_code_is_not_parsed_again_by_the_next_process(
    monkeypatch: pytest.MonkeyPatch, code: Path, note: Path
) -> None:
    code.write_text("x = 1")
    first = digest()
    monkeypatch.setattr(code_digest, "_digest", lambda: pytest.fail("parsed"))
    assert digest() == first


@pytest.mark.parametrize("content", [b"", b"\xff", b"0 1\n", b"{sources} short\n", b"{sources} 0123456789abcdef"])
def test_another_note_is_written_anew(code: Path, note: Path, content: bytes) -> None:
    code.write_text("x = 1")
    note.parent.mkdir(parents=True)
    note.write_bytes(content.replace(b"{sources}", code_digest._sources_digest().encode()))
    assert digest() == code_digest._digest()
    assert note.read_text() == f"{code_digest._sources_digest()} {digest()}\n"


def test_without_a_cache_that_can_be_written_the_code_is_parsed(
    monkeypatch: pytest.MonkeyPatch, code: Path, note: Path
) -> None:
    code.write_text("x = 1")
    note.mkdir(parents=True)
    assert digest() == digest() == code_digest._digest()
    monkeypatch.setenv("XDG_CACHE_HOME", str(code))  # a file
    assert digest() == code_digest._digest()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("lrlab.runtime.home.home", lambda: None)
    assert digest() == code_digest._digest()


def test_any_change_of_a_file_asks_for_another_note(code: Path) -> None:
    digests = []
    for text in ("x = 1", "x = 1 ", "y = 1"):
        code.write_text(text)
        digests.append(code_digest._sources_digest())
    assert len(set(digests)) == 3
