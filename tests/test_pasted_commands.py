"""A study of any name, kept anywhere: what lrlab prints is pasted back, command by command."""

import shlex
from pathlib import Path

import pytest

from lrlab.cli.main import main

NAME = "it's größe, 1e3  [$x]"
SPACE = ["optimizer.lr=choice(0.01,0.1)", "batch_size=choice(16,32)", "schedule.warmup=0", "regularizer.strength=0"]
QUICK = ["epochs=1", "data.train_size=100"]
PLACES = ["outputs='my, runs'", "hydra.sweeper.storage=sqlite:///studies.db", "tracking.uri=sqlite:///runs.db"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(out: str) -> list[list[str]]:
    """The arguments of the commands that are suggested, as a shell splits them."""
    lines = [line.partition("  # ")[0] for line in out.splitlines() if line.startswith("  lrlab ")]
    return [shlex.split(line)[1:] for line in lines]


def test_every_command_that_a_sweep_prints_works(capsys: pytest.CaptureFixture[str]) -> None:
    quoted = NAME.replace("'", r"\'")
    assert main(["sweep", "quickstart", f"study='{quoted}'", *SPACE, *QUICK, *PLACES]) == 0
    suggested = printed(capsys.readouterr().out)
    assert [words[0] for words in suggested] == ["ui", "report", "best", "reproduce"]
    for words in suggested[1:]:
        words = ["2" if word == "5" else word for word in words]  # fresh seeds
        assert main(words) == 0, (words, capsys.readouterr().err)
        out = capsys.readouterr().out
        for further in printed(out):
            assert further[0] in ("report", "reproduce", "ui")
    places = suggested[1][2:]
    assert main(["resume", NAME, *places]) == 0, capsys.readouterr().err
    assert main(["repair", *places]) == 0
    assert main(["best", NAME, *places, "--json"]) == 0
    assert sorted(path.name for path in Path.cwd().iterdir() if not path.name.startswith(".")) == [
        *("my, runs", "runs.db", "studies.db")
    ]


@pytest.mark.parametrize("name", ["1e3", "007", "true", "NaN", "2026-01-31", "a b", "größe", "0x1F"])
def test_a_name_is_the_one_that_was_typed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["sweep", "quickstart", f"study={name}", *SPACE[1:], "optimizer.lr=choice(0.01)", *QUICK]
    assert main([*sweep, "batch_size=choice(50)"]) == 0
    assert f"best of {name}: " in capsys.readouterr().out
    assert main(["resume", name]) == 0
    assert f"best of {name}: " in capsys.readouterr().out


def test_null_is_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "quickstart", "study=null", "optimizer.lr=0.1,0.2", "batch_size=50", *QUICK]) == 0
    assert "best of quickstart_" in capsys.readouterr().out


def test_an_output_directory_is_the_one_that_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "outputs=007", *QUICK, "batch_size=50"]) == 0
    assert Path("007/mlflow.db").is_file()
    (again,) = printed(capsys.readouterr().out)
    assert main(again) == 0
