"""One training from Python."""

from pathlib import Path

import pandas as pd
import pytest

from lrlab.api.training import Training, train
from lrlab.errors import InputError
from lrlab.tracking.mlflow import Mlflow

SMALL = ("data.train_size=300", "epochs=2")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_training_is_on_record_with_its_history() -> None:
    done = train(*SMALL, "outputs=elsewhere")
    assert list(done.history.index) == [1, 2]
    assert done.history["val/loss"].iloc[-1] == done.metrics["val/loss"]
    assert not done.diverged
    with Mlflow().open("elsewhere") as tracker:
        run = tracker.get_run(done.run_id)
    assert run.status == "FINISHED"
    assert run.metrics["val/loss"] == list(done.history["val/loss"].items())
    assert not Path("outputs").exists()


def test_two_trainings_in_one_process_are_alike() -> None:
    first, second = train(*SMALL, "evaluate=log"), train(*SMALL, "evaluate=log")
    assert first.run_id != second.run_id
    pd.testing.assert_frame_equal(first.history, second.history)


@pytest.mark.parametrize("override", ["optimizer=sgdd", "epochs=0", "no.such.key=1", "optimizer.lr=fast"])
def test_bad_input_is_an_error_of_one_line_and_leaves_nothing(override: str) -> None:
    with pytest.raises(InputError) as refusal:
        train(override)
    assert "\n" not in str(refusal.value)
    assert list(Path.cwd().iterdir()) == []


def test_a_notebook_shows_the_curves_and_escapes_what_it_is_told() -> None:
    history = pd.DataFrame({"train/loss": [2.0, 1.0], "val/loss": [2.0, 1.5]}, index=[1, 2])
    done = Training("ab12", {"val/<loss>": 1.5}, history, diverged=False, diagnosis="too <b>low")
    page = done._repr_html_()
    assert "run ab12: finished" in page
    assert '<img src="data:image/png;base64,' in page
    assert "too &lt;b&gt;low" in page
    assert "val/&lt;loss&gt;" in page
    done.figure().save("curves.png")
    assert Path("curves.png").read_bytes() == done.figure()._repr_png_()
