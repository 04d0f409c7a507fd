import csv
import math
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tables.wandb_export import read_wandb


def export(tmp_path: Path, header: list[str], *rows: list[object]) -> Path:
    path = tmp_path / "export.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.mark.parametrize(
    "config",
    [
        '{"optimizer": {"lr": 0.1}, "bs": 32}',
        "{'optimizer': {'lr': 0.1}, 'bs': 32}",
        '{"optimizer": {"value": {"lr": 0.1}, "desc": null}, "bs": {"value": 32}}',
    ],
)
def test_a_nested_configuration_is_opened(tmp_path: Path, config: str) -> None:
    columns = read_wandb(export(tmp_path, ["", "config", "val_loss"], [0, config, 1.5])).columns
    assert columns == {"": ["0"], "config.optimizer.lr": [0.1], "config.bs": [32], "val_loss": ["1.5"]}


def test_python_numbers_that_json_does_not_know(tmp_path: Path) -> None:
    columns = read_wandb(export(tmp_path, ["summary"], ["{'loss': nan, 'a': -inf, 'b': (1, None, True)}"])).columns
    assert math.isnan(float(str(columns["summary.loss"][0])))
    assert columns["summary.a"] == [-math.inf]
    assert columns["summary.b"] == ["[1, null, true]"]


def test_runs_that_did_not_finish_are_left_out(tmp_path: Path) -> None:
    path = export(tmp_path, ["State", "lr"], ["finished", 1], ["crashed", 2], ["running", 3], ["finished", 4])
    source = read_wandb(path)
    assert source.columns["lr"] == ["1", "4"]
    assert source.left_out == ("2 of 4 runs did not finish",)


@pytest.mark.parametrize(
    "cell", ["{'a': __import__('os').system('touch hacked')}", "{'a': open('x')}", "{1 2}", "{" * 5000 + "}" * 5000]
)
def test_nothing_is_executed(tmp_path: Path, cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"column 'config' must hold JSON objects, got .* in row 1"):
        read_wandb(export(tmp_path, ["config"], [cell]))
    assert not (tmp_path / "hacked").exists()
