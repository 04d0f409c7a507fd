from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from lrlab.data import table_file
from lrlab.data.table_file import TableFile
from lrlab.errors import InputError


def csv(folder: Path, content: str | bytes, delimiter: str = ",") -> TableFile:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return TableFile("data.path", path, delimiter)


def values(file: TableFile, *names: str) -> dict[str, list]:
    blocks = list(file.blocks(names or file.names))
    return {name: [value for block in blocks for value in block[name].to_pylist()] for name in blocks[0]}


def test_a_csv_file_holds_texts_without_padding_and_what_is_missing(tmp_path: Path) -> None:
    file = csv(tmp_path, '\ufeffa ,"b, c"\r\n 1 ,x\r\n\r\n,NA\r\n"q\n""r""",nan\r\n')
    assert file.names == ("a", "b, c")
    assert values(file) == {"a": ["1", None, 'q\n"r"'], "b, c": ["x", None, None]}
    assert values(csv(tmp_path, "a;b\n1;2\n", ";"), "b") == {"b": ["2"]}


def test_a_csv_file_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "BLOCK", 64)
    file = csv(tmp_path, "a,b\n" + "".join(f"{i},x{i}\n" for i in range(100)))
    assert len(list(file.blocks(["a"]))) > 5
    assert values(file, "b", "a") == {"b": [f"x{i}" for i in range(100)], "a": [str(i) for i in range(100)]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b,a\n1,2,3\n", "must have every column once, .* has 'a' 2 times"),
        ("a, a\n1,2\n", "has 'a' 2 times"),
        (",a\n0,1\n", "has no name for column 1"),
        ("a,b\n1,2\n3\n", "Row #3: Expected 2 columns, got 1"),
        ("a,b\n1,2,3\n", "Row #2: Expected 2 columns, got 3"),
        (b"a,b\n1,\xff\n", "(?i:utf-?8)"),
        (b"a,b\n" + b"1,2\n" * 5000 + b"1,\xff\n", "Row #5002.*invalid UTF8"),
        (b"\xff\xfea\x00", "UTF-8"),
        (b"PAR1xxxx", "must end in .parquet"),
        (b"a,b\n\x00\x01", "Expected 2 columns"),
    ],
)
def test_a_damaged_csv_file_is_refused_in_one_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=f"^data\\.path [^\n]*{said}"):
        values(csv(tmp_path, content))


def test_a_parquet_file_holds_numbers_and_texts(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "i": pyarrow.array([1, None], pyarrow.int8()),
            "f": pyarrow.array([0.5, np.nan]),
            "b": [True, False],
            "s": [" x", ""],
            "d": pyarrow.array(["u", "v"]).dictionary_encode(),
            "n": pyarrow.nulls(2),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    file = TableFile("data.path", tmp_path / "t.parquet")
    assert (file.names, file.first_row) == (("i", "f", "b", "s", "d", "n"), 1)
    found = values(file)
    assert np.isnan(found.pop("f")[1])
    assert found == {"i": [1, None], "b": ["True", "False"], "s": ["x", None], "d": ["u", "v"], "n": [None, None]}


def test_other_types_of_a_parquet_file_are_refused_where_they_are_wanted(tmp_path: Path) -> None:
    table = pyarrow.table({"a": [1], "when": pyarrow.array([0], pyarrow.timestamp("s")), "list": [[1]]})
    parquet.write_table(table, tmp_path / "t.parquet")
    file = TableFile("data.path", tmp_path / "t.parquet")
    assert values(file, "a") == {"a": [1]}
    for name in ("when", "list"):
        with pytest.raises(InputError, match=rf"column '{name}' of .* holds (timestamp|list).* \(data\.ignore"):
            values(file, name)


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1"])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"^data\.path must be a Parquet file, [^\n]*$"):
        values(TableFile("data.path", tmp_path / "t.parquet"))
