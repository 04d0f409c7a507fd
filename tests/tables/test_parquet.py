from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from lrlab.errors import InputError
from lrlab.tables.parquet import read_parquet


def test_nulls_are_missing_and_nan_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    rows = [{"config": {"lr": 0.1}, "loss": None}, {"config": {"lr": 0.2}, "loss": float("nan")}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    columns = read_parquet(path)
    assert columns["config.lr"] == [0.1, 0.2]
    assert str(columns["loss"]) == "[None, nan]"


@pytest.mark.parametrize("content", [b"", b"lr,loss\n", b"PAR1" + b"\0" * 50 + b"PAR1"])
def test_what_is_no_parquet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"runs.parquet cannot be read as Parquet"):
        read_parquet(path)


def test_a_small_file_of_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    parquet.write_table(pyarrow.table({"lr": pyarrow.array([0.1] * 1_000_001)}), path)
    with pytest.raises(InputError, match="at most 1,000,000 rows"):
        read_parquet(path)
