"""The pictures of docs/pictures/ and the gallery that shows them, made anew by the commands that it shows.

    python -m docs.figures [NAME ...]     # nox --session gallery

Studies are kept in outputs/gallery and not swept again, so that a change of the report's looks takes a minute.
What needs CIFAR-10 is left out where it is not fetched; its picture stays.
"""

import argparse
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

import lrlab
from lrlab.analysis.report.lead import prose

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs/pictures"
ANSWERS = PICTURES / "answers.json"  # by name of the picture
CHROMIUM = shutil.which("chromium")
WIDTH = 100  # characters of a terminal


@dataclass(frozen=True)
class Example:
    """A sweep of the gallery.

    Attributes:
        name: of its study and its picture.
        heading: the question that it answers.
        command: that begins it.
        figure: of its report, without the ending.
        alt: what the picture shows.
    """

    name: str
    heading: str
    command: str
    figure: str
    alt: str


EXAMPLES = (
    Example(
        "digits",
        "How does the best learning rate move with the batch size?",
        "lrlab sweep linear_scaling study=digits epochs=3 'batch_size=choice(2,4,8,16,32,64,128)'"
        " 'optimizer.lr=tag(bracket,choice(0.002,0.004,0.008,0.016,0.032,0.064,0.128))'",
        "best_lr",
        "Best learning rate against batch size on the digits: it rises, then flattens",
    ),
    Example(
        "cifar10",
        "And on CIFAR-10?",
        "lrlab sweep linear_scaling data=cifar10 study=cifar10",
        "best_lr",
        "Best learning rate against batch size on CIFAR-10: it rises about linearly, then flattens",
    ),
    Example(
        "adam",
        "And with Adam?",
        "lrlab sweep linear_scaling study=adam optimizer=adam"
        " 'optimizer.lr=tag(bracket,choice(0.0005,0.001,0.002,0.004,0.008,0.016))'",
        "best_lr",
        "Best learning rate of Adam against batch size: it rises less, and flattens early",
    ),
    Example(
        "steps_to_target",
        "How many updates does a larger batch save?",
        "lrlab sweep steps_to_target study=steps_to_target",
        "steps_to_target",
        "Updates to a target loss against the batch size",
    ),
    Example(
        "warmup",
        "Does warmup help, and more so at large batches?",
        "lrlab sweep warmup study=warmup",
        "warmup_best",
        "Least loss against the length of warmup, at two batch sizes",
    ),
    Example(
        "regularization",
        "What does lambda buy, and do L1 and L2 differ?",
        "lrlab sweep regularization study=regularization",
        "regularization",
        "Training and validation loss against lambda, for each regularizer",
    ),
    Example(
        "optimizers",
        "Which optimizer, each at its own best learning rate?",
        "lrlab sweep optimizers study=optimizers batch_size=64",
        "search_space",
        "Validation loss of every trial against the optimizer, and against its learning rate",
    ),
    Example(
        "knn",
        "How many neighbours should vote?",
        "lrlab sweep knn study=knn",
        "neighbours",
        "Validation accuracy against the number of neighbours, a curve for each distance",
    ),
)
HEAD = """# Gallery

*What lrlab's sweeps ask, and what they answered.* Each answer and each picture is that of the command below it, on
the digits unless said otherwise, kept by `python -m docs.figures`; nothing is written or drawn by hand.
`lrlab report STUDY` writes yours.

<!-- made: thumbnails -->
"""


def main() -> None:
    """Make the pictures that are named, or all of them, and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of pictures; default: all")
    parser.add_argument("--outputs", type=Path, default=ROOT / "outputs/gallery")
    arguments = parser.parse_args()
    arguments.outputs.mkdir(parents=True, exist_ok=True)
    os.chdir(arguments.outputs)
    wanted = arguments.names or [*(example.name for example in EXAMPLES), "terminal", "table", "report"]
    for example in EXAMPLES:
        if example.name in wanted and (example.name != "cifar10" or is_fetched("cifar10")):
            make(example)
    if "terminal" in wanted:
        save_terminal("terminal", "lrlab sweep quickstart study=first")
    if "table" in wanted:
        make_table()
    if "report" in wanted:
        save_page("report", lrlab.study("digits").report())
    write_gallery()


def make(example: Example) -> None:
    """Sweep, unless that was done before, and keep the picture and the answer."""
    try:
        lrlab.study(example.name)
    except lrlab.InputError:
        lrlab_command(*shlex.split(example.command)[1:])
    answers = json.loads(lrlab_command("report", example.name, "--json"))["answers"]
    shutil.copyfile(f"outputs/reports/{example.name}/{example.figure}.png", PICTURES / f"{example.name}.png")
    known = json.loads(ANSWERS.read_text())
    known[example.name] = prose(answers[0]["sentence"])
    ANSWERS.write_text(json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def lrlab_command(*words: str) -> str:
    """Run a command of lrlab's, and return what it prints."""
    program = [sys.executable, "-m", "lrlab.cli.main", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(program, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def is_fetched(name: str) -> bool:
    """Whether a data set is in the cache."""
    listed = json.loads(lrlab_command("data", "list", "--json"))
    return any(each["name"] == name and each["fetched"] for each in listed)


def save_terminal(name: str, command: str) -> None:
    """Run a command in a terminal of its own, and keep what it prints as a picture."""
    folder = Path("terminal", name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "lrlab.cli.main", *shlex.split(command)[1:]]
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.assemble(("$ ", "green"), command))
    console.print(Text.from_ansi(done.stdout))
    drawn = console.export_svg(title=command.split(" study=")[0], theme=MONOKAI, unique_id=name)
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # nothing is fetched from the net
    (PICTURES / f"{name}.svg").write_text(drawn)


def make_table() -> None:
    """Run the blocks of the tutorial on tables, whose pictures are those of its report."""
    page = (ROOT / "docs/tutorials/own_table.md").read_text()
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], {})
    lrlab_command("report", "--from", "runs.csv")
    shutil.copyfile(next(Path("outputs/reports/runs").glob("best_lr*.png")), PICTURES / "table.png")


def save_page(name: str, page: Path) -> None:
    """Keep the upper part of a report as a browser shows it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 1400, "height": 900})
        shown.goto(page.absolute().as_uri())
        shown.wait_for_timeout(2000)  # until its figures are drawn
        shown.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def write_gallery() -> None:
    """Write docs/gallery.md: of each sweep the question, the answer, the picture and the command."""
    (ROOT / "docs/gallery.md").write_text("\n".join([HEAD, *map(section, EXAMPLES)]), encoding="utf-8")


def section(example: Example) -> str:
    """Return what the gallery says of a sweep."""
    answer = json.loads(ANSWERS.read_text())[example.name]
    needs = "<!-- needs: cifar -->\n" if example.name == "cifar10" else ""
    command = re.sub(r" '?optimizer\.lr=", lambda found: f" \\\n   {found[0]}", example.command)
    return (
        f"## {example.heading}\n\n**{answer}**\n\n"
        f"![{example.alt}](pictures/{example.name}.png)\n\n"
        f"{needs}<!-- short: hydra.sweeper.dry_run=true -->\n```bash\n{command}\n```\n"
    )


if __name__ == "__main__":
    main()
