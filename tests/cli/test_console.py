"""What the terminal shows: results on stdout, progress on stderr, brackets as they are."""

import json
import shlex
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest

from lrlab.analysis.report.report import Report
from lrlab.cli import console
from lrlab.commands.best import Best
from lrlab.commands.repair import Repaired
from lrlab.config.command_line import HERE, Places
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.sweeper.study.ranking import End, Setting

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
NEXT = Setting({"optimizer.lr": 0.2, "model": "[mlp]"}, 0.51, 0.1, {0: 0.5, 1: 0.52}, (4, 6), 6)


def test_results_and_progress_have_a_stream_each(capsys: pytest.CaptureFixture[str]) -> None:
    console.out().print("result [bold]as it is[/nothing]")
    console.err().print("progress")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("result [bold]as it is[/nothing]\n", "progress\n")


def test_a_document_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.json_document({"a": [1]})
    assert json.loads(capsys.readouterr().out) == {"a": [1]}


def test_a_result_is_shown_or_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    shown = partial(console.best, places=HERE)
    console.result(BEST, shown, as_json=True)
    assert json.loads(capsys.readouterr().out) == asdict(BEST) | {"trials": [3]}
    console.result(BEST, shown, as_json=False)
    assert "best of s: trial 3" in capsys.readouterr().out


def test_the_metrics_line() -> None:
    assert console.metrics_line(METRICS) == "train/loss 0.2500  val/loss 0.5000  val/accuracy 0.7500"


def test_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    console.best(BEST, HERE)
    out = capsys.readouterr().out
    assert "best of s: trial 3" in out
    assert "0.1235" in out
    assert "[mlp]" in out
    assert "run abc\n" in out
    assert "mean over" not in out


def test_the_best_over_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    ends: dict[str, End] = {"optimizer.lr": "highest"}
    console.best(replace(BEST, spread=0.0625, seeds=3, trials=(1, 3, 5), tie=NEXT, at_ends=ends), HERE)
    out = capsys.readouterr().out
    assert "best of s: trials 1, 3, 5\n" in out
    assert "objective 0.5000: mean over 3 seeds, whose standard deviation is 0.0625\n" in out
    assert "val/accuracy 0.7500  (means)\n" in out
    assert "run abc: trial 3, the median of the seeds\n" in out
    assert "not clearly better than the next, optimizer.lr=0.2: its mean is 0.5100, within the noise\n" in out
    assert "optimizer.lr=0.1235 is among the highest values tried: better ones may lie beyond\n" in out


def hints(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    lines = (captured.out + captured.err).splitlines()
    return [line.partition("  # ")[0].strip() for line in lines if line.startswith("  lrlab")]


def test_hints_repeat_where_the_study_is(capsys: pytest.CaptureFixture[str]) -> None:
    there = Places(Path("my runs"), "sqlite:///s.db", "sqlite:///r.db", ["mine."])
    runs = ["--outputs", "my runs", "--tracking-uri", "sqlite:///r.db"]
    both = ["--outputs", "my runs", "--storage", "sqlite:///s.db", "--tracking-uri", "sqlite:///r.db"]
    console.best(replace(BEST, study="it's a, b"), there)
    assert list(map(shlex.split, hints(capsys))) == [
        ["lrlab", "ui", *runs],
        ["lrlab", "report", "it's a, b", *both],
        ["lrlab", "best", "it's a, b", "--confirm", "5", *both, "--allow", "mine."],
        ["lrlab", "reproduce", "best", "--study", "it's a, b", *both, "--allow", "mine."],
    ]
    console.sweep_stopped("a b", there, ["hydra.sweeper.allow=[mine.]"])
    console.trials_taken("a b", 2, there)
    console.runs_unreadable("a b", "refused", there)
    assert list(map(shlex.split, hints(capsys))) == [
        ["lrlab", "best", "a b", *both, "--allow", "mine."],  # on stdout, the others on stderr
        ["lrlab", "repair", *both],
        ["lrlab", "best", "a b", *both, "--allow", "mine."],
        ["lrlab", "resume", "a b", "hydra.sweeper.allow=[mine.]", *both, "--allow", "mine."],
    ]


def test_no_hint_is_of_no_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Of runs that are nowhere, of a study that ends with its process, of what a study cannot answer."""
    console.best(BEST, None)
    assert hints(capsys) == []
    console.best(BEST, Places(storage_url="memory"))
    console.sweep_stopped("s", Places(storage_url="memory"))
    assert hints(capsys) == ["lrlab ui", "lrlab reproduce abc"]
    console.best(BEST, Places(tracking_uri="http://host:5000"))
    assert not any(hint.startswith("lrlab ui") for hint in hints(capsys))
    console.best(replace(BEST, params={"model.k": 3}, metrics={"val/loss": 0.5}), HERE)
    assert hints(capsys) == ["lrlab ui", "lrlab reproduce best --study s"]


def test_a_report_repeats_its_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    made = Report("s", "", {"": ScalingAnalysis(study="s", verdict="cannot_tell", reasons=("few",))}, ())
    console.report(made, Path("page"), ["optimizer=adam", "model.hidden=[7, 5]"], HERE)
    assert hints(capsys) == ["lrlab report s --where optimizer=adam --where 'model.hidden=[7, 5]' --json"]
    console.report(replace(made, scaling={}), Path("page"), [], HERE)
    assert hints(capsys) == []  # there is no verdict


def test_where_mlflow_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.served("http://127.0.0.1:5000")
    assert capsys.readouterr().out == "MLflow shows the runs at http://127.0.0.1:5000 (Ctrl-C ends it)\n"


def test_what_was_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    console.repaired(Repaired(1, 2, 3, 4, "[Errno 111] refused", ("host/1/2",)), HERE)
    out = capsys.readouterr().out
    assert "1 trials given back, 2 runs closed, 3 records delivered\n" in out
    assert "4 records pending: [Errno 111] refused\n" in out
    assert "lrlab repair --gone host  #" in out
