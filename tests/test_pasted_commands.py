"""A study of any name, kept anywhere: what lrlab prints is pasted back, command by command."""

import shlex
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names

NAME = "it's größe, 1e3  [$x]"
SPACE = ["optimizer.lr=choice(0.01,0.1)", "batch_size=choice(16,32)", "schedule.warmup=0", "regularizer.strength=0"]
QUICK = ["epochs=1", "data.train_size=100"]
PLACES = ["outputs='my, runs'", "hydra.sweeper.storage=sqlite:///studies.db", "tracking.uri=sqlite:///runs.db"]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def printed(out: str) -> list[list[str]]:
    """The arguments of the commands that are suggested, as a shell splits them."""
    lines = [line.partition("  # ")[0] for line in out.splitlines() if line.startswith("  lrlab ")]
    return [shlex.split(line)[1:] for line in lines]


def test_every_command_that_a_sweep_prints_works(capsys: pytest.CaptureFixture[str]) -> None:
    quoted = NAME.replace("'", r"\'")
    assert main(["sweep", "quickstart", f"study='{quoted}'", *SPACE, *QUICK, *PLACES]) == 0
    suggested = printed(capsys.readouterr().out)
    assert [words[0] for words in suggested] == ["report", "best", "reproduce", "ui"]
    for words in suggested[:-1]:
        words = ["2" if word == "5" else word for word in words]  # fresh seeds
        assert main(words) == 0, (words, capsys.readouterr().err)
        out = capsys.readouterr().out
        for further in printed(out):
            assert further[0] in ("best", "report", "reproduce", "ui")
    places = suggested[0][2:]
    assert main(["resume", NAME, *places]) == 0, capsys.readouterr().err
    assert main(["repair", *places]) == 0
    assert main(["best", NAME, *places, "--json"]) == 0
    assert not Path("outputs").exists()


def test_names_are_those_that_were_typed(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["sweep", "quickstart", "outputs=007", *SPACE, *QUICK]
    for name in ("1e3", "größe"):
        for again in ([*sweep, f"study={name}"], ["resume", name, "--outputs", "007"]):
            assert main(again) == 0, capsys.readouterr().err
            out = capsys.readouterr().out
            assert f"study {name}, run " in out or f"all trials of study {name} are done" in out
            assert ["report", name, "--outputs", "007"] in printed(out)
    assert main([*sweep, "study=null"]) == 0
    assert "study quickstart_" in capsys.readouterr().out
    assert len(names(parse("007/optuna.log", Path.cwd()))) == 3
