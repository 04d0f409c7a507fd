"""The notebook, as Jupyter runs it."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def test_it_is_short_and_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) <= 8
    assert notebook.cells[0].cell_type == "markdown"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_the_text_says(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    streams = [output for cell in outputs for output in cell if output.output_type == "stream"]
    assert not streams  # a line of text by itself would be a warning
    trained, best, trials, verdict = (cell[-1].data for cell in outputs)
    assert trained["text/html"].count("<img") == 1
    assert "val/loss" in trained["text/html"]
    assert "optimizer.lr" in best["text/plain"]
    assert "<table" in trials["text/html"]
    assert "<p>linear: exponent" in verdict["text/html"]
    assert "step size = learning rate" in verdict["text/html"]
    assert verdict["text/html"].count("<img") > 1
    assert (tmp_path / "outputs" / "mlflow.db").is_file()
