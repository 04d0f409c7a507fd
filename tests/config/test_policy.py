"""Configs that came from somebody else: each is refused, in one line, and what it aims at is untouched."""

import json
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.sweeper.study import storage

SQLITE = "_target_: lrlab.tracking.sqlite_store.SqliteStore, file: canary, experiment: x, artifact_root: x"
FILES = {
    "optimizer": "optimizer: {_target_: os.system, command: touch canary}",
    "optimizer of another kind": f"optimizer: {{{SQLITE}}}",
    "model": "model: {_target_: subprocess.Popen, args: [touch, canary]}",
    "a part inside a part": "model: {_target_: lrlab.core.model.MLP, hidden: {_target_: os.mkdir, path: canary}}",
    "an import inside lrlab": "schedule: {_target_: lrlab.core.schedule.math.sqrt}",
    "data": "data: {_target_: numpy.load, file: canary.npy, allow_pickle: true}",
    "pickle": "data: {_target_: joblib.load, filename: canary.pkl}",
    "tracking": f"tracking: {{{SQLITE}}}",
    "vouching for itself": "allow: [subprocess.]\nmodel: {_target_: subprocess.Popen, args: [touch, canary]}",
    "partial": "loss: {_target_: lrlab.core.loss.SoftmaxCrossEntropy, _partial_: true}",
    "callback": "hydra: {callbacks: {x: {_target_: subprocess.check_call, args: [touch, canary]}}}",
    "callback of ours": "hydra: {callbacks: {x: {_target_: lrlab.sweeper.study.journal.create_private, file: canary}}}",
    "launcher": "hydra: {launcher: {_target_: os.system, command: touch canary}}",
    "sweeper": "hydra: {sweeper: {_target_: os.system, command: touch canary}}",
    "sampler": "hydra: {sweeper: {sampler: {_target_: os.system, command: touch canary}}}",
    "pruner": "hydra: {sweeper: {pruner: {_target_: os.mkdir, path: canary}}}",
    "sampler by Hydra": "hydra: {sweeper: {_recursive_: true, sampler: {_target_: os.mkdir, path: canary}}}",
    "custom space": "hydra: {sweeper: {custom_search_space: os.mkdir, allow: [os.]}}",
    "logging factory": "hydra: {job_logging: {handlers: {x: {(): subprocess.check_call, args: [touch, canary]}}}}",
    "logging class": "hydra: {job_logging: {handlers: {x: {class: subprocess.Popen, args: [touch, canary]}}}}",
    "logging reference": "hydra: {hydra_logging: {handlers: {x: {class: logging.StreamHandler, y: 'ext://os.sep'}}}}",
    "log file": "hydra: {job_logging: {handlers: {file: {filename: canary}}}}",
    "log file above": "hydra: {job_logging: {handlers: {file: {filename: '${hydra.runtime.output_dir}/../../../canary'}}}}",  # noqa: E501
    "job name": "hydra: {job: {name: ../../../canary}}",
    "run directory": "hydra: {run: {dir: canary}}",
    "run directory above": "hydra: {run: {dir: '${outputs}/../canary'}}",
    "sweep directory": "hydra: {sweep: {dir: canary}}",
    "sweep subdirectory": "hydra: {sweep: {subdir: ../../../canary}}",
    "hydra's files": "hydra: {output_subdir: ../../../canary}",
    "environment": "hydra: {job: {env_set: {LD_PRELOAD: canary}}}",
    "environment on record": "hydra: {job: {env_copy: [LRLAB_SECRET]}}",
    "secret in a part": "data: {root: '${oc.env:LRLAB_SECRET}'}",
    "secret by a detour": "dtype: '${tracking.uri}'\ntracking: {uri: '${oc.env:LRLAB_SECRET}'}",
    "secret in the name": "study: '${oc.env:LRLAB_SECRET}'",
    "secret decoded": "seed: '${oc.decode:${oc.env:LRLAB_SECRET}}'",
    "study as a path": "study: ../../canary",
}


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a" / "b" / "c"
    (folder / "sweeps").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LRLAB_SECRET", "31415926")
    return folder


def stranger(text: str) -> None:
    """A sweep file that arrived in ./sweeps."""
    head = "defaults: [sweep, _self_, {override hydra/sweeper: lrlab}]\nepochs: 1\n"
    Path("sweeps/stranger.yaml").write_text(head + text)


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_files(text: str, working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stranger(text)
    try:
        code: str | int | None = main(["sweep", "stranger", "hydra.sweeper.n_trials=1", "optimizer.lr=interval(0.1,1)"])
    except SystemExit as stop:
        code = stop.code
    out, err = capsys.readouterr()
    assert code == 2
    assert err.startswith("lrlab: ")
    assert len(err.splitlines()) == 1, err
    assert "31415926" not in out + err
    assert [path.name for path in working_folder.iterdir()] == ["sweeps"]
    assert not list(working_folder.parents[1].rglob("*canary*"))


OVERRIDES = [
    "tracking.uri=http://me:secret@host",
    "hydra.sweeper.storage=postgresql://me:secret@host/db",
    "hydra.sweeper.storage='postgresql://host/db?password=secret'",
    "optimizer.lr=choice(${oc.env:LRLAB_SECRET},1)",
    "+hydra.job.env_set.PYTHONPATH=canary",
    "hydra.sweep.dir=/tmp/canary",
    "hydra.run.dir=.",
    "hydra.sweeper.study_name=../canary",
]


@pytest.mark.parametrize("override", OVERRIDES)
def test_overrides(override: str, working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=1", override]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"lrlab: {override.lstrip('+').partition('=')[0]}")
    assert len(said.splitlines()) == 1
    assert "secret" not in said.replace("LRLAB_SECRET", "")
    assert "31415926" not in said
    assert [path.name for path in working_folder.iterdir()] == ["sweeps"]


@pytest.mark.parametrize("name", ["../sweeps/stranger", "/etc/passwd", "..", ""])
def test_a_sweep_is_named_by_a_plain_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    stranger("")
    assert main(["sweep", name]) == 2
    assert "sweep must be one of" in capsys.readouterr().err


def test_secrets_of_the_environment_reach_what_needs_them_and_no_file(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LRLAB_SECRET", f"{working_folder}/hush31415926.db")
    uri = "tracking.uri='sqlite:///${oc.env:LRLAB_SECRET}'"
    sweep = ["sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=2", "study=s", uri]
    assert main(sweep) == 0
    assert main(["train", "epochs=1", uri]) == 0
    assert Path("hush31415926.db").is_file()
    Path("hush31415926.db").rename("moved.db")
    for path in working_folder.rglob("*"):
        if path.is_file():
            assert b"hush31415926" not in path.read_bytes().replace(f"{working_folder}/hush".encode(), b""), path
    out, err = capsys.readouterr()
    assert "31415926" not in out + err
    assert "${oc.env:LRLAB_SECRET}" in next(Path("outputs/sweeps").glob("*/multirun.yaml")).read_text()


def test_what_is_written_is_for_its_owner_alone(working_folder: Path) -> None:
    assert main(["sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=2"]) == 0
    for path in Path("outputs").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert Path("outputs").stat().st_mode & 0o777 == 0o700
    for name in ("mlflow.db", "optuna.log"):
        assert (Path("outputs") / name).stat().st_mode & 0o777 == 0o600


def test_a_study_does_not_vouch_for_code(working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its command is run again without the trust that its author had."""
    assert main(["sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=1", "study=s", "allow=[os.]"]) == 0
    text = Path("outputs/optuna.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert any("lrlab.extras" in line.get("user_attr", {}) for line in lines)
    evil = text.replace('"epochs=1"', '"epochs=1","optimizer._target_=os.system"')
    Path("outputs/optuna.log").write_text(evil)
    storage._open.cache_clear()  # as in another process
    capsys.readouterr()
    assert main(["resume", "s", "hydra.sweeper.n_trials=2"]) == 2
    assert "optimizer._target_ must start with lrlab.core.optimizer." in capsys.readouterr().err
