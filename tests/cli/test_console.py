"""What the terminal shows: results on stdout, progress on stderr, brackets as they are."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lrlab.cli import console
from lrlab.commands.best import Best
from lrlab.commands.repair import Repaired
from lrlab.sweep.study.ranking import End, Setting

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
    console.result(BEST, console.best, as_json=True)
    assert json.loads(capsys.readouterr().out) == asdict(BEST) | {"trials": [3]}
    console.result(BEST, console.best, as_json=False)
    assert "best of s: trial 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outputs", "option"),
    [("outputs", ""), (Path("outputs"), ""), ("there", " --outputs there"), ("my runs", " --outputs 'my runs'")],
)
def test_the_option_of_an_output_directory(outputs: Path | str, option: str) -> None:
    assert console.outputs_option(outputs) == option


def test_the_metrics_line() -> None:
    assert console.metrics_line(METRICS) == "train/loss 0.2500  val/loss 0.5000  val/accuracy 0.7500"


def test_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    console.best(BEST)
    out = capsys.readouterr().out
    assert "best of s: trial 3" in out
    assert "0.1235" in out
    assert "[mlp]" in out
    assert "run abc\n" in out
    assert "mean over" not in out


def test_the_best_over_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    ends: dict[str, End] = {"optimizer.lr": "highest"}
    console.best(replace(BEST, spread=0.0625, seeds=3, trials=(1, 3, 5), tie=NEXT, at_ends=ends))
    out = capsys.readouterr().out
    assert "best of s: trials 1, 3, 5\n" in out
    assert "objective 0.5000: mean over 3 seeds, whose standard deviation is 0.0625\n" in out
    assert "val/accuracy 0.7500  (means)\n" in out
    assert "run abc: trial 3, the median of the seeds\n" in out
    assert "not clearly better than the next, optimizer.lr=0.2: its mean is 0.5100, within the noise\n" in out
    assert "optimizer.lr=0.1235 is among the highest values tried: better ones may lie beyond\n" in out


def test_hints_repeat_where_the_study_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.best(BEST, " --outputs there")
    console.sweep_stopped("s", " --outputs there")
    console.trials_taken("s", 2, " --outputs there")
    console.runs_unreadable("s", "refused", " --outputs there")
    captured = capsys.readouterr()
    hints = [line for line in (captured.out + captured.err).splitlines() if line.startswith("  lrlab")]
    assert len(hints) == 8
    assert all(" --outputs there  # " in hint for hint in hints)


def test_where_mlflow_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.served("http://127.0.0.1:5000")
    assert capsys.readouterr().out == "MLflow shows the runs at http://127.0.0.1:5000 (Ctrl-C ends it)\n"


def test_what_was_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    console.repaired(Repaired(1, 2, 3, 4, "[Errno 111] refused", ("host/1/2",)), "")
    out = capsys.readouterr().out
    assert "1 trials given back, 2 runs closed, 3 records delivered\n" in out
    assert "4 records pending: [Errno 111] refused\n" in out
    assert "lrlab repair --gone host  #" in out
