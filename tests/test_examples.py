"""The commands of examples/, as a reader types them."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lrlab.cli.main import main
from lrlab.data.table import Table
from tests.markdown_pages import run_page

OWN_DATA = Path(__file__).parents[1] / "examples" / "own_data"
README = (OWN_DATA / "README.md").read_text()


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example in which every command has run, the sweep with fewer trials."""
    folder = tmp_path_factory.mktemp("example") / "own data"
    shutil.copytree(OWN_DATA, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LRLAB_DATA", str(folder / "cache"))
        run_page(OWN_DATA / "README.md", languages=("bash",))
    return folder


@pytest.fixture
def in_example(example: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(example)
    monkeypatch.setenv("LRLAB_DATA", str(example / "cache"))
    return example


def test_the_table_is_small_and_made_by_the_script(tmp_path: Path) -> None:
    shutil.copy(OWN_DATA / "make_customers.py", tmp_path)
    subprocess.run([sys.executable, str(tmp_path / "make_customers.py")], check=True)
    content = (OWN_DATA / "customers.csv").read_bytes()
    assert (tmp_path / "customers.csv").read_bytes() == content
    assert len(content) < 50_000


def test_a_report_and_a_data_set_are_on_record(in_example: Path) -> None:
    assert (in_example / "outputs/reports/customers/index.html").is_file()
    data = Table(path="customers.csv", target="left", ignore=["customer"]).load()
    with sqlite3.connect("outputs/mlflow.db") as database:
        rows = set(database.execute("SELECT name, digest, dataset_source FROM datasets"))
    assert rows == {("customers", data.digest[:36], json.dumps({"uri": str(in_example / "customers.csv")}))}


def test_the_model_takes_rows_as_they_are_in_the_file(in_example: Path) -> None:
    """In a process that does not know lrlab, with the accuracy that the confirmation found."""
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    end = "import sys, numpy\nassert 'lrlab' not in sys.modules\nnumpy.save('scores.npy', scores)"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program + end], check=True, capture_output=True)
    scores = np.load("scores.npy", allow_pickle=False)
    source = Table(path="customers.csv", target="left", ignore=["customer"])
    test = np.flatnonzero(source.draw_parts(len(scores), test=True) == 2)
    accuracy = float((scores[test].argmax(axis=1) == source.load().y_test).mean())
    with sqlite3.connect("outputs/mlflow.db") as database:
        recorded = [value for (value,) in database.execute("SELECT value FROM metrics WHERE key = 'test/accuracy'")]
    assert accuracy in [pytest.approx(value) for value in recorded]


def test_a_sweep_goes_on_from_another_directory(in_example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (in_example / "elsewhere").mkdir()
    monkeypatch.chdir(in_example / "elsewhere")
    assert main(["resume", "customers", "--outputs", "../outputs"]) == 0
    assert main(["reproduce", "0", "--study", "customers", "--outputs", "../outputs"]) == 0


def test_changed_data_are_refused_and_moved_data_are_not(
    in_example: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Path("customers.csv").read_text()
    Path("moved.csv").write_text(content)
    Path("customers.csv").write_text(content.replace("family", "single", 1))
    try:
        for arguments, said in (
            (["reproduce", "best"], "have changed: the digest of"),
            (["resume", "customers"], "data.digest was"),
        ):
            capsys.readouterr()
            assert main(arguments) == 2
            (line,) = capsys.readouterr().err.strip().splitlines()
            assert said in line
        Path("customers.csv").unlink()
        assert main(["reproduce", "best"]) == 2
        assert "there is no such file" in capsys.readouterr().err
        assert main(["reproduce", "data.path=moved.csv", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["verdict"] == "identical"
    finally:
        Path("customers.csv").write_text(content)
