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

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs/pictures"
CHROMIUM = shutil.which("chromium")
WIDTH = 100  # characters of a terminal


@dataclass(frozen=True)
class Example:
    """A sweep of the gallery.

    Attributes:
        name: of its study and its picture.
        question: that it answers, the heading.
        command: that begins it.
        figure: of its report, without the ending; "terminal" for what the sweep prints.
        answer: in one sentence; "" for the verdict of its report.
        short: words that make it quick, for the tests.
    """

    name: str
    question: str
    command: str
    figure: str
    answer: str = ""
    short: str = ""
    alt: str = ""


QUICK = "epochs=1 data.train_size=300 seed=0 hydra.sweeper.n_jobs=1 hydra/launcher=basic"
EXAMPLES = (
    Example(
        "digits",
        "How does the best learning rate move with the batch size?",
        "lrlab sweep linear_scaling study=digits epochs=3 'batch_size=choice(2,4,8,16,32,64,128)'"
        " 'optimizer.lr=tag(bracket,choice(0.002,0.004,0.008,0.016,0.032,0.064,0.128))'",
        "best_lr",
        short=f"{QUICK} batch_size=16,32 optimizer.lr=0.1",
        alt="Best learning rate against batch size on the digits: it rises, then flattens",
    ),
    Example(
        "cifar10",
        "And on CIFAR-10?",
        "lrlab sweep linear_scaling data=cifar10 study=cifar10",
        "best_lr",
        alt="Best learning rate against batch size on CIFAR-10: it rises about linearly, then flattens",
    ),
    Example(
        "adam",
        "And with Adam?",
        "lrlab sweep linear_scaling study=adam optimizer=adam"
        " 'optimizer.lr=tag(bracket,choice(0.0005,0.001,0.002,0.004,0.008,0.016))'",
        "best_lr",
        short=f"{QUICK} batch_size=16,32 optimizer.lr=0.001",
        alt="Best learning rate of Adam against batch size: it rises less, and flattens early",
    ),
    Example(
        "steps_to_target",
        "How many updates does a loss take, as the batch grows?",
        "lrlab sweep steps_to_target study=steps_to_target",
        "loss_against_lr",
        "At 1000 updates each, batch size 16 does not reach the loss that the others end with. The best learning rate"
        " hardly grows (exponent 0.11 [0.07, 0.15]); by which rule it cannot tell, and names the command that would.",
        short=f"{QUICK} updates=20 batch_size=16,32 optimizer.lr=0.1",
        alt="Loss after 1000 updates against the learning rate, a curve for each batch size",
    ),
    Example(
        "warmup",
        "Does warmup help?",
        "lrlab sweep warmup study=warmup",
        "warmup",
        "Not at batch size 64, where no warmup is best; a little at 1024, where 30 % of its five updates warm up.",
        short=f"{QUICK} batch_size=64 optimizer.lr=0.1",
        alt="Loss against the learning rate, a curve for each length of warmup, at two batch sizes",
    ),
    Example(
        "regularization",
        "What does lambda buy?",
        "lrlab sweep regularization study=regularization",
        "regularization",
        "Nothing here: for L1, L2 and both together the validation loss is least without any.",
        short=f"{QUICK} regularizer.strength=0,1e-3",
        alt="Training and validation loss against lambda, and the norm of the weights",
    ),
    Example(
        "optimizers",
        "Which optimizer, once each has the learning rate that suits it?",
        "lrlab sweep optimizers study=optimizers batch_size=64",
        "parallel_coordinates",
        "AdamW and Adam (validation loss 0.154 and 0.155), then momentum (0.159) and SGD (0.165): not far apart,"
        " while their best learning rates lie between 0.04 and 1.4.",
        short=f"{QUICK} optimizer.lr=0.001",
        alt="Each trial as a line over optimizer and learning rate, dark where the loss is least",
    ),
    Example(
        "knn",
        "How many neighbours should vote?",
        "lrlab sweep knn study=knn",
        "terminal",
        "One: on the digits, the single nearest neighbour is right in 98 % of the validation images.",
        alt="The end of a sweep over neighbours and distances in the terminal",
    ),
)
HEAD = """# Gallery

*What lrlab's sweeps ask, and what they answered.* Each picture is from the report of the command below it, on the
digits unless said otherwise, and is made by `python -m docs.figures`; nothing is drawn by hand. `lrlab report STUDY`
writes yours.

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
    """Sweep, unless that was done before, and keep the picture and the verdict."""
    if example.figure == "terminal":
        save_terminal(example.name, example.command)
        return
    try:
        study = lrlab.study(example.name)
    except lrlab.InputError:
        _, _, sweep, *overrides = shlex.split(example.command)
        study = lrlab.sweep(sweep, *overrides)
    folder = study.report().parent
    shutil.copyfile(folder / f"{example.figure}.png", PICTURES / f"{example.name}.png")
    verdict = folder / "verdict.json"
    if verdict.is_file() and not example.answer:
        answer = json.loads(verdict.read_text())
        (PICTURES / f"{example.name}.json").write_text(json.dumps([answer["verdict"], answer["reasons"][0]]) + "\n")


def is_fetched(name: str) -> bool:
    """Whether a data set is in the cache."""
    command = [sys.executable, "-m", "lrlab.cli.main", "data", "list", "--json"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
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
    subprocess.run([sys.executable, "-m", "lrlab.cli.main", "report", "--from", "runs.csv"], check=True)
    shutil.copyfile(next(Path("outputs/reports/runs").glob("best_lr*.png")), PICTURES / "table.png")


def save_page(name: str, page: Path) -> None:
    """Keep the upper part of a report as a browser shows it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 1100, "height": 800})
        shown.goto(page.absolute().as_uri())
        shown.wait_for_timeout(2000)  # until its figures are drawn
        shown.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def write_gallery() -> None:
    """Write docs/gallery.md: of each sweep the question, the answer, the picture and the command."""
    (ROOT / "docs/gallery.md").write_text("\n".join([HEAD, *map(section, EXAMPLES)]), encoding="utf-8")


def section(example: Example) -> str:
    """Return what the gallery says of a sweep."""
    note = "<!-- needs: cifar -->\n" if example.name == "cifar10" else ""
    short = example.short or ("epochs=1 data.train_size=2000 seed=0 optimizer.lr=0.001" if note else "")
    note += f"<!-- short: {short} -->\n" if short else ""
    command = re.sub(r" '?optimizer\.lr=", lambda found: f" \\\n   {found[0]}", example.command)
    return (
        f"## {example.question}\n\n**{answer_of(example)}**\n\n"
        f"![{example.alt}](pictures/{picture_of(example)})\n\n{note}```bash\n{command}\n```\n"
    )


def answer_of(example: Example) -> str:
    """Return the answer in one sentence."""
    if example.answer:
        return example.answer
    verdict, reason = json.loads((PICTURES / f"{example.name}.json").read_text())
    return f"{verdict.replace('_', ' ').capitalize()}: {reason}."


def picture_of(example: Example) -> str:
    """Return the file of the picture."""
    return f"{example.name}.{'svg' if example.figure == 'terminal' else 'png'}"


if __name__ == "__main__":
    main()
