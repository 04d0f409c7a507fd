"""What the terminal shows: results on stdout, progress on stderr, brackets as they are."""

import json
import shlex
from pathlib import Path

import pytest

from lrlab.cli import console
from lrlab.commands.best import Best
from lrlab.commands.repair import Repaired
from lrlab.config.command_line import HERE, Places

METRICS = {"train/loss": 0.25, "val/loss": 0.5, "val/accuracy": 0.75, "lr": 0.1}
BEST = Best(
    study="s",
    trial=3,
    run_id="abc",
    value=0.5,
    spread=None,
    seeds=1,
    trials=(3,),
    params={"optimizer.lr": 0.123456, "model": "[mlp]"},
    metrics=METRICS,
    config={},
    tie=None,
    at_ends={},
)


def test_results_and_progress_have_a_stream_each(capsys: pytest.CaptureFixture[str]) -> None:
    console.out().print("result [bold]as it is[/nothing]")
    console.err().print("progress")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("result [bold]as it is[/nothing]\n", "progress\n")


def test_a_document_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.json_document({"a": [1]})
    assert json.loads(capsys.readouterr().out) == {"a": [1]}


def test_the_metrics_line() -> None:
    assert console.metrics_line(METRICS) == "train/loss 0.2500  val/loss 0.5000  val/accuracy 0.7500"


def test_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    console.configuration(BEST, ["the next is model=[x]"])
    out = capsys.readouterr().out
    assert "best of s: trial 3" in out
    assert "  - the next is model=[x]\n" in out
    assert "0.1235" in out
    assert "[mlp]" in out
    assert "run abc\n" in out
    assert "mean over" not in out


def test_a_sweep_in_memory_cannot_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    console.sweep_stopped("s", Places(storage_url="memory"))
    assert hints(capsys) == []


def hints(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    lines = (captured.out + captured.err).splitlines()
    return [line.partition("  # ")[0].strip() for line in lines if line.startswith("  lrlab")]


def test_hints_repeat_where_the_study_is(capsys: pytest.CaptureFixture[str]) -> None:
    there = Places(Path("my runs"), "sqlite:///s.db", "sqlite:///r.db", ["mine."])
    both = ["--outputs", "my runs", "--storage", "sqlite:///s.db", "--tracking-uri", "sqlite:///r.db"]
    console.sweep_stopped("a b", there, ["hydra.sweeper.allow=[mine.]"])
    console.trials_taken("a b", 2, there)
    console.runs_unreadable("a b", "refused", there)
    assert list(map(shlex.split, hints(capsys))) == [
        ["lrlab", "best", "a b", *both, "--allow", "mine."],  # on stdout, the others on stderr
        ["lrlab", "repair", *both],
        ["lrlab", "best", "a b", *both, "--allow", "mine."],
        ["lrlab", "resume", "a b", "hydra.sweeper.allow=[mine.]", *both, "--allow", "mine."],
    ]


def test_where_mlflow_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.served("http://127.0.0.1:5000")
    assert capsys.readouterr().out == "MLflow shows the runs at http://127.0.0.1:5000 (Ctrl-C ends it)\n"


def test_what_was_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    console.repaired(Repaired(1, 2, 3, 4, "[Errno 111] refused", ("host/1/2",)), HERE)
    out = capsys.readouterr().out
    assert "1 trials given back, 2 runs closed, 3 records delivered\n" in out
    assert "4 records pending: [Errno 111] refused\n" in out
    assert "lrlab repair --gone host  #" in out
