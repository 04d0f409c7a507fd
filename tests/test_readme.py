"""Every command of the documents is taken by the real command line; what is quick is also run."""

import importlib.util
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image

from lrlab.cli.main import app, main, with_topic

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACEHOLDER = re.compile(r"(?<![A-Z])[A-Z_]{4,}(?![A-Z.])|\b(RUN|DIR|URI|KEY)\b|…")
QUICK = ["epochs=1", "data.train_size=600"]
QUICK_SWEEP = [*QUICK, "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "hydra/launcher=basic"]
OWN = {"data=table", "data=arrays", "data=images"}  # as small as `write_own_files` makes them
QUICK_OWN_SWEEP = ["optimizer.lr=0.1", "seed=0", "hydra.sweeper.n_jobs=1", "hydra/launcher=basic"]


def shell_lines(text: str) -> list[str]:
    """The lines of indented blocks, without what continues them on the next line."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return re.findall(r"^ {4}((?:lrlab|python\d?|pip|\S*/pytest|\S*/pip) .*)$", joined, re.MULTILINE)


def steps(line: str) -> list[list[str]]:
    """The commands of a line, word by word."""
    found: list[list[str]] = [[]]
    for word in shlex.split(line, comments=True):
        if word == "&&":
            found.append([])
        else:
            found[-1].append(word)
    return found


def arguments(words: list[str]) -> list[str] | None:
    """What a command gives to lrlab; None if it is of another program."""
    if Path(words[0]).name == "lrlab":
        return words[1:]
    return ["train", *words[3:]] if words[1:3] == ["-m", "lrlab"] else None


def in_blocks(document: Path) -> list[list[str]]:
    return [words for line in shell_lines(document.read_text()) for words in steps(line)]


def in_text(document: Path) -> list[list[str]]:
    quoted = re.findall(r"`((?:lrlab|python -m lrlab)\s[^`]+)`", document.read_text())
    return [shlex.split(command) for command in quoted]


def of_lrlab(commands: list[list[str]]) -> list[list[str]]:
    given = [arguments(words) for words in commands]
    return [list(words) for words in dict.fromkeys(tuple(words) for words in given if words)]


def can_be_typed(words: list[str]) -> bool:
    return not any(PLACEHOLDER.search(word) for word in words)


WRITTEN = of_lrlab([words for document in DOCUMENTS for words in (*in_blocks(document), *in_text(document))])
TYPED = [words for words in of_lrlab(in_blocks(ROOT / "README.md")) if can_be_typed(words)]
READ = ("best", "report", "reproduce")
CLUSTER = {"hydra/launcher=lrlab_slurm", "hydra/launcher=lrlab_ray"}  # tests/machines/ has some
TRAIN = [
    words
    for words in WRITTEN
    if words[0] in ("train", "sweep") and can_be_typed(words) and words != ["sweep"] and not CLUSTER & set(words)
]
INCOMPLETE = re.compile("Missing argument|requires an argument")  # where a sentence speaks of a command


def test_the_commands_are_found() -> None:
    assert ["sweep", "quickstart"] in TYPED
    assert ["best", "--confirm", "5"] in TYPED
    assert ["sweep", "linear_scaling", "data=cifar10"] in TYPED
    assert ["train", "optimizer=adamw", "optimizer.lr=3e-3"] in TRAIN
    (long,) = [words for words in TYPED if "hydra/sweeper/sampler=cmaes" in words]
    assert long[2:4] == ["optimizer.lr=tag(log,interval(1e-2,1))", "batch_size=64"]


@pytest.mark.parametrize("words", WRITTEN, ids=" ".join)
def test_every_command_and_option_is_known(words: list[str]) -> None:
    """With placeholders, too."""
    try:
        parse([word for word in words if word != "…"])
    except typer.TyperException as error:
        if words in TYPED or not INCOMPLETE.search(error.format_message()):
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a small study, and no data sets."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        space = ["optimizer.lr=choice(0.01,0.1,1)", "batch_size=choice(16,32)", "schedule.warmup=0"]
        strength = "regularizer.strength=0"
        assert main(["sweep", "quickstart", *space, strength, *QUICK]) == 0
        write_own_files()
    return folder


def write_own_files() -> None:
    """Write the files of which README speaks as the reader's own."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((90, 4)), np.arange(90) % 3
    columns = {f"x{number}": column for number, column in enumerate(x.T)}
    pd.DataFrame({**columns, "label": [f"class {label}" for label in y]}).to_csv("train.csv", index=False)
    np.savez("digits.npz", x=x, y=y)
    for number, pixels in enumerate(rng.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)):
        photo = Path("photos", f"class{number % 2}", f"{number}.png")
        photo.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(photo)
    grid = itertools.product((1, 2), (16, 32), (32, 64, 128, 256), 10.0 ** -np.arange(1, 4, 0.5), (0, 1))
    runs = pd.DataFrame(grid, columns=["depth", "width", "bs", "optimizer.lr", "seed"])
    off = np.log(runs["optimizer.lr"] / (1e-4 * runs["bs"]))
    runs["val acc"] = 0.9 - 0.01 * off**2 + 0.001 * rng.standard_normal(len(runs))
    runs.to_csv("runs.csv", index=False)
    runs.rename(columns={"val acc": "val_accuracy"}).assign(State="finished").to_csv("export.csv", index=False)


@pytest.fixture(autouse=True)
def no_data_sets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize("words", TRAIN, ids=" ".join)
def test_what_trains_is_trained_in_short(
    words: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CIFAR-10 is not there: that is all that a run of its commands may find fault with."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)  # whose MLflow store is there already
    monkeypatch.chdir(tmp_path)
    shows = {"--cfg", "--help", "--info"} & set(words)
    quick = [] if shows or "data=cifar10" in words else QUICK_SWEEP if words[0] == "sweep" else QUICK
    if OWN & set(words):
        quick = ["epochs=1", "batch_size=16", *(QUICK_OWN_SWEEP if words[0] == "sweep" else [])]
    code = main([*words, *quick])
    said = capsys.readouterr().err
    if "data=cifar10" in words:
        assert (code, said.count("\n")) == (2, 1)
        assert "lrlab: data cifar10 is not fetched" in said
    else:
        assert code == 0, said


@pytest.mark.parametrize(
    "words", [words for words in TYPED if words[0] in READ and "--confirm" not in words], ids=" ".join
)
def test_what_reads_a_study_is_run(
    words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(words) == 0, capsys.readouterr().err
    if "--json" in words:
        assert json.loads(capsys.readouterr().out)["study"].startswith("quickstart_")


def test_the_calls_from_python_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"^```python\n(import lrlab\n\nrun = .*?)^```$", DOCUMENTS[0].read_text(), re.M | re.S)
    assert "n_trials=20" in block
    block = block.replace('"hydra.sweeper.n_trials=20"', ", ".join(map(repr, QUICK_SWEEP)))
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block, names)
    assert (len(names["run"].history), len(names["study"].trials())) == (5, 2)
    assert Path("best_lr.png").read_bytes() == names["verdict"].figure().png


def test_what_is_installed_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    installs = [words for document in DOCUMENTS for words in in_blocks(document) if Path(words[0]).name == "pip"]
    assert installs
    for words in installs:
        assert (ROOT / words[words.index("-c") + 1]).is_file()
        assert set(re.findall(r"\[(\w+)\]", words[-1])) <= extras.keys()
    modules = [
        words[2] for words in in_blocks(ROOT / "README.md") if words[0].startswith("python") and words[1] == "-m"
    ]
    assert {"venv", "benchmarks"} <= set(modules)
    assert all(importlib.util.find_spec(module) for module in modules)


@pytest.mark.slow
def test_a_shell_runs_all_of_readme_in_its_order(tmp_path: Path) -> None:
    """At full length, but for CIFAR-10 and for MLflow's page, which does not end."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    for words in TYPED:
        if words[0] not in ("ui", "data") and "data=cifar10" not in words:
            line = shlex.join(["lrlab", *words])
            done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{line}: {done.stderr}"
