import pickle
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tables import text_files
from lrlab.tables.text_files import read_csv, read_json_lines


def written(tmp_path: Path, content: str | bytes, name: str = "runs.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content", ["lr,loss\n0.1,1\n", "lr;loss\r\n0.1;1\r\n", "lr\tloss\n0.1\t1", "\ufefflr,loss\n0.1,1\n\n"]
)
def test_csv_of_any_separator(tmp_path: Path, content: str) -> None:
    assert read_csv(written(tmp_path, content)) == {"lr": ["0.1"], "loss": ["1"]}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0,001", "1e-2", "5"], ["0.001", "1e-2", "5"]),
        (["-1,5e-3", " 2,0", ",5"], ["-1.5e-3", " 2.0", ".5"]),
        (["91,2%", "", "nan"], ["91.2%", "", "nan"]),
        (["1.234,5", "0,5"], ["1.234,5", "0,5"]),
        (["a,b", "c"], ["a,b", "c"]),
    ],
)
def test_decimal_commas_between_semicolons(tmp_path: Path, cells: list[str], expected: list[str]) -> None:
    lines = "".join(f"{cell};1\n" for cell in cells)
    assert read_csv(written(tmp_path, f"lr;loss\n{lines}"))["lr"] == expected


def test_csv_with_quotes_and_short_rows(tmp_path: Path) -> None:
    columns = read_csv(written(tmp_path, '"val, loss",note\n1,"two\nlines"\n2\n'))
    assert columns == {"val, loss": ["1", "2"], "note": ["two\nlines", None]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("lr,lr\n1,2\n", "must have each column once, got 'lr' twice"),
        ("lr,loss\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        ("", "must have 1 to 2000 columns, got 0"),
        ('lr,loss\n"1,2\n', "is not CSV"),
        (pickle.dumps({"lr": [0.1]}), "must be a text in UTF-8, got the byte 0x80"),
        ("lr,loss\n1,\0\n", "must be a text, got the byte 0x0"),
        ("lr\n1\n".encode("utf-16"), "must be a text in UTF-8"),
    ],
)
def test_what_is_no_csv(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_csv(written(tmp_path, content))


def test_files_that_are_too_large_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)  # sparse
    for read in (read_csv, read_json_lines):
        with pytest.raises(InputError, match=r"runs.csv must have at most 100 MB, got 5,000 MB"):
            read(path)


def test_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_files, "MAX_ROWS", 2)
    with pytest.raises(InputError, match="at most 2 rows, got more"):
        read_csv(written(tmp_path, "a\n1\n2\n3\n"))


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path, Path("x" * 300)):
        with pytest.raises(InputError, match="--from"):
            read_csv(path)


@pytest.mark.parametrize("content", ['{"a": {"b": 1}}\n\n{"c": NaN}\n', '[{"a": {"b": 1}}, {"c": NaN}]'])
def test_json(tmp_path: Path, content: str) -> None:
    columns = read_json_lines(written(tmp_path, content, "runs.jsonl"))
    assert columns["a.b"] == [1, None]
    assert str(columns["c"]) == "[None, nan]"


@pytest.mark.parametrize("content", ["[1, 2]", '{"a": 1}\nx\n', '"text"', "[" * 100_000, '{"a": 1'])
def test_what_is_no_json(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"line \d+ (is not JSON|must be a JSON object)"):
        read_json_lines(written(tmp_path, content, "runs.jsonl"))
