import json
from pathlib import Path
from typing import Any

import pytest

from lrlab.errors import InputError
from lrlab.tables.source import read

PLACES: Any = {"tracking_uri": None, "storage_url": "outputs/optuna.log", "outputs": "outputs"}


def test_files_by_their_suffix(tmp_path: Path) -> None:
    (tmp_path / "runs.CSV").write_text("lr\n1\n")
    (tmp_path / "runs.jsonl").write_text(json.dumps({"lr": 1}))
    for name, expected in (("runs.CSV", "1"), ("runs.jsonl", 1)):
        source = read(str(tmp_path / name), **PLACES)
        assert source.columns == {"lr": [expected]}
        assert source.name == "runs"
    assert read(f"wandb:{tmp_path / 'runs.CSV'}", **PLACES).columns == {"lr": ["1"]}


@pytest.mark.parametrize(
    "text",
    ["runs.pkl", "runs", "runs.csv.gz", "mlflow:", "optuna:", "wandb:", "", "s3://bucket/runs.csv", "http://h/r.csv"],
)
def test_what_is_no_table(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="--from must be"):
        read(text, **PLACES)


def test_the_storage_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"there is no file '.*/outputs/optuna.log'"):
        read("optuna:mine", **PLACES)
    for text, name in (
        ("mine@sqlite:///theirs.db", "theirs.db"),
        ("mine@home@theirs.log", "theirs.log"),
        ("mine@journal:a@b.log", "a@b.log"),
    ):
        with pytest.raises(InputError, match=f"there is no file '.*/{name}'"):
            read(f"optuna:{text}", **PLACES)
    with pytest.raises(InputError, match="must be null, memory"):
        read("optuna:mine@somewhere", **PLACES)
    with pytest.raises(InputError, match="cannot be read") as refusal:
        read("optuna:mine@postgresql://me:secret@127.0.0.1:1/db", **PLACES)
    assert "secret" not in str(refusal.value)
