"""`lrlab report --from`: tables as users have them, from a file to the terminal."""

import csv
import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest

from lrlab.cli.main import main
from tests.scaling_law.crossed import Crossed
from tests.scaling_law.synthetic import Noise

HEADER = ["optimizer.lr", "bs", "depth", "width", "seed", "val acc", "minutes"]
REFUSED = [
    (["--from", "none.csv"], "there is none"),
    (["--from", "runs.csv", "--lr", "rate"], "--lr must be a column, got 'rate'"),
    (["--from", "runs.csv", "--by", "height"], "--by must be a column, got 'height'"),
    (["--from", "runs.csv", "--by", "depth"], "they differ in 'width'"),
    (["--from", "runs.csv", "--where", "bs=16"], "column 'bs' must hold at least two values, got only 16"),
    (["--from", "runs.csv", "--where", "bs"], "--where must be KEY=VALUE"),
    (["--from", "runs.csv", "--loss", "optimizer.lr"], "runs must have a column for the learning rate (--lr)"),
    (["--from", "runs.csv", "--from", "runs.csv"], "--from must be given once, got 2"),
    (["mine", "--from", "runs.csv"], "report must be of a study or --from a table, got both"),
    (["--lr", "optimizer.lr"], "--lr must come with --from"),
    (["--maximize"], "--maximize must come with --from"),
    (["--from", "pickle.csv"], "pickle.csv must be a text in UTF-8"),
    (["--from", "empty.csv"], "must have 1 to 2000 columns, got 0"),
    (["--from", "header.csv"], "header must have rows, got none"),
    (["--from", "huge.csv"], "huge.csv must have at most 100 MB"),
    (["--from", "mlflow:theirs"], "there is no such file"),
    (["--from", "optuna:theirs@x.log"], "there is no file"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with runs.csv, accuracies of four settings, and files that are no tables."""
    folder = tmp_path_factory.mktemp("tables")
    tables, _ = Crossed(noise=Noise(0.001), widths=(16, 64), accuracy=True).tables(0)
    with (folder / "runs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for (depth, width), table in tables.items():
            for row in zip(table.lr, table.batch_size, table.seed, -table.loss, strict=True):
                lr, size, seed, accuracy = row
                writer.writerow([lr, size, depth, width, seed, accuracy, hash(row) % 997 / 7])
    (folder / "pickle.csv").write_bytes(pickle.dumps(HEADER))
    (folder / "empty.csv").touch()
    (folder / "header.csv").write_text("lr,bs,loss\n")
    with (folder / "huge.csv").open("wb") as file:
        file.truncate(5_000_000_000)
    return folder


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["report", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_what_cannot_be_used_is_one_line(
    arguments: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(folder.rglob("*"))
    assert main(["report", *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("lrlab: ")
    assert said in lines[0]
    assert set(folder.rglob("*")) == before


def test_accuracies_of_several_settings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = answer(capsys, "--from", str(folder / "runs.csv"))
    assert found["verdict"] in {"square_root", "cannot_tell"}
    assert found["exponent_ci"][0] < 0.5 < found["exponent_ci"][1]
    assert "val acc = objective (larger is better)" in found["how_read"][0]
    assert "4 settings by depth, width" in found["how_read"][0]
    assert "not settings: minutes" in found["how_read"][1]
    assert {path.name for path in (tmp_path / "outputs" / "reports" / "runs").iterdir()} >= {
        "index.html",
        "verdict.json",
    }


def test_one_setting_on_the_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chosen = ["--where", "depth=1", "--where", "width=64", "--outputs", str(tmp_path)]
    assert main(["report", "--from", "runs.csv", *chosen]) == 0
    shown = capsys.readouterr().out
    assert "one setting" in shown
    assert "batch size" in shown
    assert str(tmp_path / "reports" / "runs" / "index.html") in shown.replace("\n", "")


def test_names_that_a_spreadsheet_or_a_terminal_would_obey(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "+1", "@sum", "\x1b[2Jred", "[bold]x"]
    table = tmp_path / "names.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["lr", "batch_size", "-kind", "loss"])
        for place, name in enumerate(names):
            for size in (16, 32, 64, 128):
                for step in range(-3, 4):
                    rate = 0.01 * math.sqrt(size) * 2.0**step
                    writer.writerow([rate, size, name, 1 + 0.02 * (step + 0.1 * place) ** 2 + 0.002 * (step % 2)])
    assert main(["report", "--from", str(table), "--outputs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]x" in shown
    assert "5 settings by -kind" in shown


def test_the_usual_names_of_each_source_are_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A nested export of W&B, with a run that crashed."""
    table = tmp_path / "export.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Name", "State", "config", "summary"])
        for size in (16, 32, 64, 128):
            for step in range(-3, 4):
                config = {"optimizer": {"lr": 0.01 * size * 2.0**step}, "data": {"bs": size}}
                loss = 1 + 0.02 * step**2 if step < 3 else math.nan
                writer.writerow([f"run {size} {step}", "finished", json.dumps(config), {"val/loss": loss}])
        writer.writerow(["run", "crashed", "{}", "{}"])
    found = answer(capsys, "--from", f"wandb:{table}", "--outputs", str(tmp_path))
    assert found["exponent"] == pytest.approx(1.0, abs=0.1)
    assert "config.optimizer.lr = learning rate" in found["how_read"][0]
    assert "1 of 29 runs did not finish" in found["how_read"]
    assert [each["diverged"] for each in found["per_batch_size"]] == [1, 1, 1, 1]
