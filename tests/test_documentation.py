"""README, docs/ and examples/: every block is executed, every command is known, every link and picture is there."""

import re
import shlex
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
import typer
import yaml

from lrlab.cli.main import app, with_topic
from tests.markdown_pages import LANGUAGES, PAGES, ROOT, blocks, run_page

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries: a reader's command is not ended by a warning

README = ROOT / "README.md"
DOCS = ROOT / "docs"
GALLERY = DOCS / "gallery.md"  # docs/figures.py runs its sweeps at full length, for their pictures
NOT_RUN = 15  # at most: what needs another machine, a network or an installation
INCOMPLETE = re.compile("Missing argument|requires an argument")  # where a sentence speaks of a command


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def with_blocks(need: str = "") -> list[Path]:
    """The pages that hold something to run, with that marker."""
    return [
        page
        for page in PAGES
        if page != ROOT / "examples/own_data/README.md"  # tests/test_examples.py follows it, and looks at what it left
        and any(
            block.notes.get("needs", "") == need and "not run" not in block.notes
            for block in blocks(page)
            if block.language in ("bash", "python")
        )
    ]


@pytest.fixture(autouse=True)
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the reader's own, without data sets."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")


@pytest.mark.parametrize("page", with_blocks(), ids=name)
def test_a_reader_follows_the_page_in_short(page: Path) -> None:
    run_page(page)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in with_blocks() if page != GALLERY], ids=name)
def test_a_reader_follows_the_page_at_full_length(page: Path) -> None:
    run_page(page, full=True, needs="slow")


@pytest.mark.cifar
@pytest.mark.parametrize("page", with_blocks("cifar"), ids=name)
def test_what_needs_cifar10(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LRLAB_DATA")
    run_page(page, needs="cifar")


@pytest.mark.torch
@pytest.mark.parametrize("page", with_blocks("torch"), ids=name)
def test_what_needs_pytorch(page: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    run_page(page, needs="torch")


def test_few_blocks_are_not_run_and_say_why() -> None:
    left_out = [block for page in PAGES for block in blocks(page) if "not run" in block.notes]
    assert len(left_out) <= NOT_RUN, [block.place for block in left_out]
    assert all(len(block.notes["not run"].split()) > 2 for block in left_out)


def test_every_block_has_a_language_that_is_run_or_text() -> None:
    for page in PAGES:
        for block in blocks(page):
            assert block.language in LANGUAGES, block.place
            known = {"file", "short", "needs", "exits", "not run", "from"}
            assert block.notes.keys() <= known, f"{block.place}: {block.notes}"
        indented = re.findall(r"(?<=\n\n)    (?:lrlab|python|pip) .*", page.read_text())
        assert not indented, f"{page}: commands must stand between fences, so that they are run: {indented}"


def words_of(page: Path) -> list[list[str]]:
    """Every command of lrlab on a page, in blocks and in sentences."""
    text = page.read_text()
    lines = [line for block in blocks(page) for line in block.commands]
    quoted = re.findall(r"`((?:lrlab|python -m lrlab)\s[^`]+)`", text)
    found = [shlex.split(part, comments=True) for line in (*lines, *quoted) for part in line.split(" && ")]
    ours = [words for words in found if is_lrlab(words)]
    lrlabs = [["train", *words[3:]] if words[1:3] == ["-m", "lrlab"] else words[1:] for words in ours]
    return [words[: next((n for n, word in enumerate(words) if word in ">|"), None)] for words in lrlabs]


def is_lrlab(words: list[str]) -> bool:
    return Path(words[0]).name == "lrlab" or words[1:3] == ["-m", "lrlab"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_and_option_is_known(page: Path) -> None:
    """Those of sentences, and with placeholders, too."""
    for words in words_of(page):
        try:
            parse([word for word in words if word != "…"])
        except typer.TyperException as error:
            if not INCOMPLETE.search(error.format_message()):
                raise


def parse(words: list[str]) -> None:
    """Let the command line read a command, and run nothing; a wrong word raises."""
    command, rest = typer.main.get_command(app()), with_topic(words)
    with suppress(typer.Exit):  # after a help
        while isinstance(command, typer.core.TyperGroup):
            context = command.make_context(command.name or "lrlab", rest)
            if not (rest := [*context._protected_args, *context.args]):
                return
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            command = found
        command.make_context(command.name, rest)


def test_commands_are_found_in_blocks_and_sentences() -> None:
    assert ["sweep", "quickstart"] in words_of(README)
    everywhere = [words for page in PAGES for words in words_of(page)]
    assert ["train", "optimizer=adamw", "optimizer.lr=3e-3"] in everywhere
    assert ["repair"] in everywhere


def test_readme_is_one_screen_and_holds_the_commands_of_ci() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 80
    assert ".venv/bin/pip install -c constraints.txt -e '.[test]' && .venv/bin/pytest -n 2 --dist loadfile\n" in text
    install = "python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e ."
    assert f"{install} && .venv/bin/lrlab sweep quickstart\n" in text


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_and_picture_is_there(page: Path) -> None:
    """Relative, so that a code host follows them, too."""
    text = re.sub(r"^(```|::::?).*?^\1$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"\w+:", target):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_sweeps_that_ship_are_listed_with_their_questions() -> None:
    text = (DOCS / "tutorials/first_sweep.md").read_text()
    for file in (ROOT / "sweeps").glob("*.yaml"):
        assert f"| `{file.stem}` | {yaml.safe_load(file.read_text())['question']} |" in text


def test_llms_txt_names_every_page() -> None:
    named = set(re.findall(r"\]\(([^)]+)\)", (DOCS / "llms.txt").read_text()))
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    pages -= {page for page in pages if page.startswith("decisions/")} | {"index.md"}
    assert named >= pages
    assert all((DOCS / target).is_file() for target in named)


def test_the_pictures_are_few_and_small() -> None:
    pictures = [path for path in DOCS.rglob("*") if path.suffix in (".png", ".svg")]
    assert sum(path.stat().st_size for path in pictures) < 3_000_000
    shown = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in pictures if path.name not in shown] == []


def test_what_is_installed_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    lines = [line for page in PAGES for block in blocks(page) for line in block.commands if "pip install" in line]
    assert lines
    for line in lines:
        for named in re.findall(r"\[([\w,]+)\]", line):
            assert set(named.split(",")) <= extras.keys()
        for constraints in re.findall(r"-c (\S+)", line):
            assert (ROOT / constraints).is_file()
