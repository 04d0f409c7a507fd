"""Studies from Python."""

import threading
from pathlib import Path

import pytest

from lrlab.api.study import Study, study, sweep
from lrlab.errors import InputError

SMALL = ("data.train_size=300", "epochs=1", "hydra/launcher=basic", "hydra.sweeper.n_jobs=1")
SPACE = ("optimizer.lr=choice(0.1,0.4)", "batch_size=choice(16,32)", "seed=0")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return a study that was swept in a thread, with absolute paths."""
    outputs, swept = tmp_path_factory.mktemp("api") / "outputs", []
    arguments = ("linear_scaling", "study=mine", f"outputs={outputs}", *SMALL, *SPACE)
    thread = threading.Thread(target=lambda: swept.append(sweep(*arguments)))
    thread.start()
    thread.join()
    return swept[0]


def test_a_sweep_is_a_study(made: Study) -> None:
    assert made.name == "mine"
    assert made.summary().trials.complete == 4
    assert study("mine", outputs=made.records.outputs) == study(outputs=made.records.outputs)


def test_a_sweep_that_reached_its_time_limit_is_a_study(tmp_path: Path) -> None:
    limited = ("hydra.sweeper.timeout=0.001", "study=late", f"outputs={tmp_path}")
    late = sweep("linear_scaling", *limited, *SMALL, *SPACE)
    assert late.name == "late"
    assert late.summary().trials.waiting > 0


def test_trials_and_runs_are_tables(made: Study) -> None:
    trials, runs = made.trials(), made.runs()
    assert len(trials) == len(runs) == 4
    assert set(trials["optimizer.lr"]) == {0.1, 0.4}
    assert set(runs["batch_size"]) == {16, 32}
    assert (runs["val/loss"] == trials["objective"]).all()
    assert (runs["run_id"] == trials["run_id"]).all()


def test_the_best_is_that_of_the_trials(made: Study) -> None:
    assert made.best().value == made.trials()["objective"].min()


def test_answers_may_rest_on_whole_curves(tmp_path: Path) -> None:
    space = ("optimizer.lr=choice(0.1,0.2,0.4)", "batch_size=choice(16,32,64)", "seed=0", "evaluate=log")
    curves = sweep("linear_scaling", f"outputs={tmp_path}", *SMALL, *space)
    assert {"steps_to_target", "scaling", "best"} <= {answer.kind for answer in curves.answers()}


def test_two_batch_sizes_are_too_few_for_a_verdict(made: Study) -> None:
    scaling = made.scaling()
    assert scaling.verdict == "cannot_tell"
    assert scaling.to_dict()["study"] == "mine"
    assert "cannot tell" in scaling._repr_html_()
    assert scaling.figures[0].png.startswith(b"\x89PNG")
    with pytest.raises(InputError, match="optimizer must be one of"):
        made.scaling(optimizer="adam")


def test_the_report_is_a_page(made: Study) -> None:
    assert made.report() == made.records.outputs / "reports" / "mine" / "index.html"


def test_a_notebook_shows_what_was_swept(made: Study) -> None:
    page = made._repr_html_()
    assert "4 of 4 done" in page
    assert "choice(0.1, 0.4)" in page


def test_what_is_not_there_is_refused(made: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="'no' is not in"):
        study("no", outputs=made.records.outputs)
    with pytest.raises(InputError, match="there is no study"):
        study()
    with pytest.raises(InputError, match="sweep must be one of"):
        sweep("no")
    with pytest.raises(InputError):
        sweep("quickstart", "epochs=0")
    assert list(tmp_path.iterdir()) == []
