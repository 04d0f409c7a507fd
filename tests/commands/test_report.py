"""From a sweep to its answer and to a model in the registry, as a user walks it, on the digits."""

import base64
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import optuna
import pytest

from lrlab.cli.main import main
from lrlab.tracking.mlflow import Mlflow

SMALL = ["data.train_size=300", "epochs=2", "evaluate=log", "hydra/launcher=basic", "hydra.sweeper.n_jobs=1"]
SPACE = ["batch_size=choice(8,16,32)", "optimizer.lr=choice(0.05,0.1,0.2,0.4,0.8,1.6)"]
KEYS = {
    *("study", "exponent", "exponent_ci", "reading", "holds_from", "holds_to", "noise_scale"),
    *("per_batch_size", "verdict", "reasons", "probabilities"),
}
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a scaling study, one of two optimizers at one batch size, and one that is foreign."""
    study_folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(study_folder)
        assert main(["sweep", "linear_scaling", "study=scaling", *SMALL, *SPACE]) == 0
        one = ["batch_size=32", "optimizer.lr=choice(0.1,0.2)", "seed=0"]
        assert main(["sweep", "linear_scaling", "study=one", *SMALL, *one]) == 0
        file = optuna.storages.journal.JournalFileBackend("outputs/optuna.log")
        foreign = optuna.create_study(storage=optuna.storages.JournalStorage(file), study_name="foreign")
        foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    return study_folder


@pytest.fixture(autouse=True)
def in_study_folder(study_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study_folder)


def run_json(study_folder: Path, *arguments: str) -> dict:
    """What a command says in JSON."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.chdir(study_folder)
        assert main([*arguments, "--json"]) == 0
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def verdict(study_folder: Path) -> dict:
    return run_json(study_folder, "report", "scaling")


@pytest.fixture(scope="module")
def confirmed(study_folder: Path) -> dict:
    return run_json(study_folder, "best", "scaling", "--confirm", "3", "--top", "2")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    return line


def test_verdict(verdict: dict) -> None:
    assert set(verdict) == KEYS | {"answers"}
    assert [each["kind"] for each in verdict["answers"]] == ["scaling", "steps_to_target", "best"]
    assert verdict["study"] == "scaling"
    assert verdict["verdict"] == "cannot_tell"  # three batch sizes are too few
    assert any(reason.endswith("at least 4 are needed") for reason in verdict["reasons"])
    assert [each["batch_size"] for each in verdict["per_batch_size"]] == [8, 16, 32]
    assert all(each["seeds"] == 3 for each in verdict["per_batch_size"])
    assert verdict["noise_scale"] > 0


def test_the_best_over_seeds_is_on_the_sweep_s_run(study_folder: Path) -> None:
    best = run_json(study_folder, "best", "scaling")
    assert "seed" not in best["params"]
    assert (best["seeds"], len(best["trials"])) == (3, 3)
    assert best["value"] == pytest.approx(best["metrics"]["val/loss"])
    with Mlflow().open("outputs") as tracker:
        runs = tracker.child_runs(str(tracker.get_run(best["run_id"]).parent))
        sweep = tracker.get_run(str(runs[0].parent))
    assert sweep.tags["lrlab.best_run_id"] == best["run_id"]
    assert f"val/loss {best['value']:.4g}" in sweep.tags["mlflow.note.content"]
    assert f"trial {best['trial']} is their median" in sweep.tags["mlflow.note.content"]
    assert sweep.metrics["val/loss"] == [(best["trial"], best["metrics"]["val/loss"])]
    losses = {int(run.tags["lrlab.trial"]): run.metrics["val/loss"][-1][1] for run in runs}
    assert best["value"] == pytest.approx(np.mean([losses[trial] for trial in best["trials"]]))
    assert min(losses.values()) < best["value"]


def test_page_and_pictures(verdict: dict) -> None:
    folder = Path("outputs/reports/scaling")
    page = (folder / "index.html").read_text()
    assert json.loads((folder / "verdict.json").read_text()) == {key: verdict[key] for key in KEYS}
    pictures = {path.stem: path.read_bytes() for path in folder.glob("*.png")}
    assert set(pictures) >= {
        *("loss_against_lr", "best_lr", "loss_surface", "steps_to_target", "learning_rates"),
        *("history", "importance", "search_space"),
    }
    assert all(content.startswith(PNG) for content in pictures.values())
    embedded = re.findall(r'<noscript><img src="(data:[^"]*)"', page)  # where no script draws them
    assert {base64.b64decode(each.partition("base64,")[2]) for each in embedded} == set(pictures.values())
    text = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="(?!data:|#)', text)  # nothing is fetched
    assert len(page.encode()) < 3_000_000
    assert "equal budget of epochs (2)" in page


def test_it_is_attached_to_the_sweep_s_run(verdict: dict) -> None:
    attached = list(Path("outputs/mlartifacts").glob("*/*/artifacts/report/index.html"))
    assert len(attached) == 1
    with Mlflow().open("outputs") as tracker:
        assert tracker.get_run(attached[0].parts[-4]).name == "scaling"


def test_a_part_of_a_study(study_folder: Path) -> None:
    part = run_json(study_folder, "report", "scaling", "--where", "seed=0")
    assert part["verdict"] == "cannot_tell"
    assert all(each["seeds"] == 1 for each in part["per_batch_size"])
    assert Path("outputs/reports/scaling,seed=0/index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["foreign"], "study must be one that lrlab trained, got 'foreign'"),
        (["nowhere"], "study 'nowhere' is not in"),
        (["scaling", "--where", "seed=7"], "--where seed must be one of 0, 1, 2, got '7'"),
        (["scaling", "--where", "seed"], "--where must be KEY=VALUE, got 'seed'"),
    ],
)
def test_what_cannot_be_reported(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capsys, "report", *arguments)


def test_a_study_without_a_verdict_has_answers(study_folder: Path) -> None:
    for where in (["one"], ["scaling", "--where", "batch_size=32"]):
        found = run_json(study_folder, "report", *where)
        assert found.keys() == {"study", "answers"}
        assert found["answers"][-1]["kind"] == "best"


def test_confirm(confirmed: dict, study_folder: Path) -> None:
    found = confirmed
    assert found["seeds"] == [3, 4, 5]  # the search has had 0, 1 and 2
    assert len(found["candidates"]) == 2
    assert found["validation"] == min(each["validation"] for each in found["candidates"])
    assert found["search_value"] == next(
        each["search_value"] for each in found["candidates"] if each["trial"] == found["trial"]
    )
    best = run_json(study_folder, "best", "scaling")
    first = found["candidates"][0]
    assert (first["trial"], first["search_value"]) == (best["trial"], best["value"])
    low, high = found["test_accuracy_ci"]
    assert 0 <= low < found["test_accuracy"] < high <= 1
    with Mlflow().open("outputs") as tracker:
        run = tracker.get_run(found["run_id"])
        children = tracker.child_runs(found["run_id"])
    assert run.status == "FINISHED"
    assert len(children) == 6
    assert not any(name.startswith("test/") for child in children for name in child.metrics)
    accuracies = [value for _, value in run.metrics["test/accuracy"]]
    assert np.mean(accuracies) == pytest.approx(found["test_accuracy"])


def test_the_registered_model_predicts_as_the_trained_one_in_a_fresh_process(confirmed: dict, tmp_path: Path) -> None:
    program = """
import sys
import mlflow, numpy as np
mlflow.set_tracking_uri("sqlite:///outputs/mlflow.db")
model = mlflow.pyfunc.load_model(sys.argv[1])
scores = model.predict(np.load(sys.argv[2], allow_pickle=False))
np.save(sys.argv[3], scores, allow_pickle=False)
assert "lrlab" not in sys.modules
"""
    from lrlab.data.digits import Digits

    data = Digits().load()
    _, raw = data.pixels()
    np.save(tmp_path / "x.npy", raw.astype(np.float32), allow_pickle=False)
    files = [str(tmp_path / name) for name in ("x.npy", "scores.npy")]
    subprocess.run([sys.executable, "-c", program, confirmed["model"], *files], check=True, capture_output=True)
    scores = np.load(tmp_path / "scores.npy", allow_pickle=False)
    with Mlflow().open("outputs") as tracker:
        history = tracker.get_run(confirmed["run_id"]).metrics["test/accuracy"]
    accuracy = float((scores.argmax(axis=1) == data.y_test).mean())
    assert accuracy in [pytest.approx(value) for _, value in history]
    stored = [path.suffix for path in Path("outputs").rglob("models/**/*") if path.is_file()]
    assert stored
    assert not {".pkl", ".pickle", ".joblib"} & set(stored)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scaling", "--confirm", "1"], "--confirm must be an integer >= 2, got 1"),
        (["scaling", "--confirm", "2", "--top", "0"], "--top must be an integer >= 1, got 0"),
        (["foreign", "--confirm", "2"], "study foreign has trials without runs"),
    ],
)
def test_what_cannot_be_confirmed(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capsys, "best", *arguments)


@pytest.mark.cifar
@pytest.mark.usefixtures("fetched")
def test_the_question_on_cifar_10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven batch sizes, three seeds, five epochs, every optimum bracketed: some minutes."""
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "linear_scaling", "data=cifar10", "study=cifar"]) == 0
    verdict = run_json(tmp_path, "report", "cifar")
    assert len(verdict["per_batch_size"]) == 7
    assert all(each["bracketed"] and each["seeds"] == 3 for each in verdict["per_batch_size"])
    assert verdict["noise_scale"] > 0


def test_a_report_answers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page, the description in MLflow and the terminal show the same answers; so does the figure of the shares."""
    asked: list[str] = []

    def counted(study: optuna.Study) -> dict[str, float]:
        asked.append(study.study_name)
        return {"optimizer.lr": 1.0}

    monkeypatch.setattr("lrlab.analysis.answers.best.importance", counted)
    monkeypatch.setattr("lrlab.analysis.answers.importance.importance", counted)
    assert main(["report", "one"]) == 0
    assert asked == ["one"]
