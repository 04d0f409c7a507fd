"""The command line: options anywhere, exit codes, and a `main` that may be called from wherever a program stands."""

import asyncio
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from lrlab.cli.main import main, with_topic
from lrlab.runs.recorder import config_of
from lrlab.tracking.mlflow import Mlflow

TINY = ["epochs=1", "data.train_size=200"]
SPACE = ["optimizer.lr=interval(0.01,1)", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "hydra/launcher=basic"]
SWEEP = "defaults: [sweep, _self_, {override hydra/sweeper: lrlab}]\nepochs: 7\n"


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints that succeeds."""
    capsys.readouterr()
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The line of a command that is refused."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("lrlab: ")
    return line


def study(name: str, outputs: str = "outputs") -> optuna.Study:
    from lrlab.cli.options import Records

    return Records(Path(outputs)).study(name)


def test_without_a_command_there_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == shown(capsys, "--help") == shown(capsys, "-h")
    assert "lrlab sweep quickstart" in shown(capsys)


@pytest.mark.parametrize(
    "command",
    ["train", "sweep", "resume", "repair", "best", "report", "reproduce", "ui", "gradcheck", "lecture", "data list"],
)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    help_text = shown(capsys, *command.split(), "--help")
    assert f"Usage: lrlab {command}" in help_text
    assert f"examples:\n    lrlab {command}" in help_text


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_the_help_is_ours_and_hydra_help_is_hydras(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = ["quickstart"] if command == "sweep" else []
    assert "--hydra-help" in shown(capsys, command, *name, "--help")
    assert "Hydra is installed" not in shown(capsys, command, *name, "--help")
    assert "hydra/launcher: " in shown(capsys, command, *name, "--hydra-help")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    from lrlab import __version__

    assert shown(capsys, "--version") == f"lrlab {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("nosuch", "nosuch"),
        ("best --nosuch", "--nosuch"),
        ("best --top many", "--top"),
        ("sweep", "NAME"),
        ("train --cfg everything", "everything"),
        ("train --cfg job --package nosuch", "nosuch"),
        ("train --config-dir nosuch", "nosuch"),
        ("train --config-name nosuch", "nosuch"),
        ("ui --port http", "--port"),
    ],
)
def test_usage_errors_are_one_line(arguments: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert named in refused(capsys, *arguments.split())
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        "train --cfg job optimizer=adam",
        "train optimizer=adam --cfg job",
        "train -c job optimizer=adam",
        "sweep quickstart optimizer=adam --cfg job",
        "sweep --cfg job quickstart optimizer=adam",
        "sweep -m quickstart --cfg job optimizer=adam",
    ],
)
def test_the_configuration_is_shown_wherever_the_option_is(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "_target_: lrlab.core.optimizer.Adam\n" in shown(capsys, *arguments.split())
    assert list(Path.cwd().iterdir()) == []


def test_a_package_resolved(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--resolve", "--cfg", "all", "outputs=there", "--package", "hydra.run"]
    out = shown(capsys, *arguments)
    assert out.startswith("# @package hydra.run\ndir: there/train/")


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "train", "--info", "searchpath")
    assert "| main " in out
    assert "/sweeps" in out
    assert "Defaults List" in shown(capsys, "sweep", "quickstart", "--info", "epochs=2")


def test_info_without_a_topic() -> None:
    assert with_topic(["train", "--info"]) == ["train", "--info", "all"]
    assert with_topic(["train", "-i", "a=1"]) == ["train", "-i", "all", "a=1"]
    assert with_topic(["train", "-i", "-m"]) == ["train", "-i", "all", "-m"]
    assert with_topic(["train", "--info", "config", "a=1"]) == ["train", "--info", "config", "a=1"]


def test_a_config_directory_beside_the_shipped_sweeps(working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, epochs in ("sweeps", 7), ("more", 8):
        (working_folder / folder / "optimizer").mkdir(parents=True)
        (working_folder / folder / f"{folder}_mine.yaml").write_text(SWEEP.replace("7", str(epochs)))
        (working_folder / folder / "both.yaml").write_text(SWEEP.replace("7", str(epochs)))
        (working_folder / folder / "optimizer" / f"{folder}_sgd.yaml").write_text(
            "_target_: lrlab.core.optimizer.SGD\nlr: 0.5\n"
        )
    assert "epochs: 7\n" in shown(capsys, "sweep", "sweeps_mine", "--cfg", "job")
    assert "epochs: 7\n" in shown(capsys, "sweep", "both", "--cfg", "job")
    assert "epochs: 8\n" in shown(capsys, "sweep", "more_mine", "--config-dir", "more", "--cfg", "job")
    assert "epochs: 8\n" in shown(capsys, "sweep", "--config-dir", "more", "both", "--cfg", "job")
    for arguments in (
        ["sweep", "quickstart", "--config-dir", "more", "optimizer=more_sgd"],
        ["sweep", "quickstart", "optimizer=sweeps_sgd", "--config-dir", "more"],
        ["train", "optimizer=more_sgd", "--config-dir", "more"],
    ):
        assert "lr: 0.5\n" in shown(capsys, *arguments, "--cfg", "job")
    line = refused(capsys, "sweep", "nosuch", "--config-dir", "more")
    assert {"more_mine", "sweeps_mine", "quickstart"} <= set(line.replace(",", "").split())


def test_a_multirun_of_train_trains_every_combination(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "optimizer.lr=0.01,0.1", "-m", *TINY]) == 0
    assert capsys.readouterr().out.count("finished after epoch 1") == 2


@pytest.mark.parametrize(("chosen", "kinds"), [([], {"sgd": "l2", "adamw": "none"}), (["regularizer=l2"], None)])
def test_a_sweep_over_optimizers_gives_adamw_no_second_decay(
    chosen: list[str], kinds: dict[str, str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    space = ["optimizer=choice(sgd,adamw)", "optimizer.lr=choice(0.01)", "seed=choice(0)", "batch_size=choice(50)"]
    assert main(["sweep", "optimizers", "study=s", *space, *SPACE[2:], *TINY, *chosen]) == 0
    assert capsys.readouterr().err.count("training with both AdamW's weight_decay") == len(chosen)
    with Mlflow().open() as tracker:
        (parent,) = {tracker.get_run(trial.user_attrs["run_id"]).parent for trial in study("s").trials}
        trials = [run.params for run in tracker.child_runs(str(parent))]
    assert {run["optimizer"]: run["regularizer"] for run in trials} == (kinds or dict.fromkeys(["sgd", "adamw"], "l2"))


def test_a_sweep_resumed_with_options_anywhere(working_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (working_folder / "more").mkdir()
    (working_folder / "more" / "mine.yaml").write_text(SWEEP)
    begin = ["sweep", "--config-dir", "more", "-m", "mine", "study=s", "outputs=there", *SPACE, *TINY]
    assert main(begin) == 0
    assert "lrlab best s --confirm 5 --outputs there" in capsys.readouterr().out
    before = dict(os.environ)
    more = "hydra.sweeper.n_trials={}"
    lr = "optimizer.lr=interval(0.01,0.1)"
    assert "optimizer.lr" in refused(capsys, "resume", "s", "--outputs", "there", lr)
    for n, arguments in enumerate(
        (
            ["resume", "s", "--outputs", "there", more],
            ["resume", more, "--outputs", "there"],
            ["resume", "--outputs", "there", more, "--tracking-uri", f"sqlite:///{working_folder}/there/mlflow.db"],
            ["resume", "--outputs", "there", "s", more],
        )
    ):
        assert main([text.format(3 + n) for text in arguments]) == 0, capsys.readouterr().err
        assert len(study("s", "there").trials) == 3 + n
        with Mlflow().open("there") as tracker:
            parent = tracker.get_run(str(tracker.get_run(study("s", "there").trials[0].user_attrs["run_id"]).parent))
        assert (parent.tags["lrlab.n_trials"], parent.status) == (str(3 + n), "FINISHED")
        assert "n_trials" not in parent.params
    assert dict(os.environ) == before


@pytest.mark.parametrize("place", ["mlartifacts", "mlartifacts/2"])  # 1: Mlflow's below
@pytest.mark.parametrize("command", [["train"], ["sweep", "quickstart", "study=s", *SPACE]], ids=lambda words: words[0])
def test_artifacts_that_cannot_be_written_are_one_line(
    working_folder: Path, capsys: pytest.CaptureFixture[str], command: list[str], place: str
) -> None:
    file = working_folder / "outputs" / place
    Mlflow().open("outputs").close()
    (working_folder / "outputs" / "mlartifacts").rmdir()
    file.parent.mkdir(exist_ok=True)
    file.write_text("a file in the place of the folder")
    line = refused(capsys, *command, *TINY)
    assert " cannot be written: " in line
    assert str(file) in line
    assert "make it writable, then run the command again" in line
    file.unlink()
    with Mlflow().open("outputs") as tracker:
        assert tracker.unfinished_runs() == []


@pytest.mark.parametrize("arguments", [["data", "list"], ["data", "list", "--json"], ["--help"]])
def test_an_output_that_is_full_is_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lrlab.cli.main", *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr.startswith("lrlab: the output cannot be written: No space left on device; free some space there")
    assert done.stderr.count("\n") == 1


def test_a_study_is_not_continued_with_an_edited_sweep(
    working_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps, own = working_folder / "sweeps", working_folder / "own" / "optimizer"
    sweeps.mkdir()
    own.mkdir(parents=True)
    (sweeps / "mine.yaml").write_text(SWEEP)
    mine = "_target_: lrlab.core.optimizer.Momentum\nlr: 0.1\nrho: {}\nnesterov: false\n".format
    (own / "mine.yaml").write_text(mine(0))
    begin = ["sweep", "--config-dir", "own", "mine", "study=s", "optimizer=choice(adam,mine)", *SPACE, *TINY[1:]]
    assert main([*begin, "epochs=1"]) == 0
    capsys.readouterr()
    (sweeps / "mine.yaml").write_text(SWEEP.replace("7", "1"))
    assert main([*begin, "hydra.sweeper.n_trials=3"]) == 0  # the same, said elsewhere
    assert main(["resume", "s", "hydra.sweeper.n_trials=4"]) == 0
    capsys.readouterr()
    for edited, changes in (
        (SWEEP.replace("7", "1") + "regularizer: {strength: 0.5}\n", "regularizer.strength was 0.0001, is 0.5"),
        (SWEEP.replace("7", "4"), "epochs was 1, is 4"),
    ):
        (sweeps / "mine.yaml").write_text(edited)
        line = refused(capsys, *begin, "hydra.sweeper.n_trials=5")
        assert f"study s exists with another search: {changes}" in line
    (sweeps / "mine.yaml").write_text(SWEEP.replace("7", "1"))
    (own / "mine.yaml").write_text(mine(0.5))
    assert "optimizer.rho was 0, is 0.5" in refused(capsys, *begin, "hydra.sweeper.n_trials=5")


def test_a_moved_and_a_copied_project_live_on_by_themselves(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, copy = (working_folder / name for name in ("proj", "a?b %20#é", "copy"))
    (old / "sweeps").mkdir(parents=True)
    monkeypatch.chdir(old)
    (old / "sweeps" / "mine.yaml").write_text(SWEEP)
    assert main(["sweep", "mine", "study=s", "tracking.experiment=bobs", *SPACE, *TINY]) == 0
    old.rename(new)
    monkeypatch.chdir(new)
    shutil.copytree(new, copy)
    for place in (new, copy):
        monkeypatch.chdir(place)
        before = {path: path.read_bytes() for path in new.rglob("*") if path.is_file() and place == copy}
        assert main(["resume", "hydra.sweeper.n_trials=3"]) == 0, capsys.readouterr().err
        capsys.readouterr()
        assert json.loads(shown(capsys, "best", "--json"))["config"]["epochs"] == 1
        assert main(["report"]) == 0
        assert main(["reproduce", "best"]) == 0
        assert {path: path.read_bytes() for path in before} == before
        assert {path.name for path in working_folder.iterdir()} == {new.name, "copy"}
    shutil.rmtree(new)
    with Mlflow().open_existing() as tracker:
        found = [tracker.get_run(trial.user_attrs["run_id"]) for trial in study("s").trials]
    assert {run.experiment for run in found} == {"bobs"}
    assert all(config_of(run) for run in found)
    assert [path.name for path in working_folder.iterdir()] == ["copy"]


def test_what_mlflow_users_have_in_their_environment_is_where_runs_go(
    working_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{working_folder}/mine.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "alices")
    assert main(["sweep", "quickstart", "study=s", *SPACE, *TINY]) == 0
    line = "lrlab: MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME: runs are in sqlite:///"
    assert capsys.readouterr().err.count(line) == 1
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "others")
    run_id = json.loads(shown(capsys, "best", "--json"))["run_id"]
    again = main(["reproduce", "best", "--json"]), json.loads(capsys.readouterr().out)["new_run_id"]
    with Mlflow(f"sqlite:///{working_folder}/mine.db").open_existing() as tracker:
        assert again[0] == 0
        assert [tracker.get_run(each).experiment for each in (run_id, again[1])] == ["alices", "alices"]
    assert "tracking.experiment must be 'alices'" in refused(capsys, "resume", "tracking.experiment=x")
    assert "tracking.uri" in refused(capsys, "resume", "--tracking-uri", "sqlite:///no.db")
    assert not (working_folder / "outputs" / "mlflow.db").exists()


def in_thread(act: Callable[[], int]) -> int:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(act()))
    thread.start()
    thread.join()
    (code,) = codes
    return code


def in_event_loop(act: Callable[[], int]) -> int:
    async def call() -> int:
        return act()

    return asyncio.run(call())


@pytest.mark.parametrize("somewhere", [in_thread, in_event_loop])
def test_called_from_a_program(
    somewhere: Callable[[Callable[[], int]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    import signal

    signals = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)}
    root, own = logging.getLogger(), logging.getLogger("lrlab")
    logs = (root.handlers[:], root.level, own.handlers[:], own.level, own.propagate)
    process = (list(sys.argv), dict(os.environ), Path.cwd())

    def run(*arguments: str) -> str:
        assert somewhere(lambda: main(arguments)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    run_id = run("train", *TINY).partition("run ")[2].split()[0]
    run("sweep", "quickstart", "study=s", *SPACE, *TINY)
    assert run("resume", "s")
    assert json.loads(run("best", "--json"))["study"] == "s"
    assert json.loads(run("reproduce", run_id, "--json"))["verdict"] == "identical"
    with Mlflow().open() as tracker:
        assert tracker.get_run(run_id).status == "FINISHED"

    assert {each: signal.getsignal(each) for each in signals} == signals
    assert (root.handlers, root.level, own.handlers, own.level, own.propagate) == logs
    assert (sys.argv, dict(os.environ), Path.cwd()) == process


def test_as_a_module(working_folder: Path) -> None:
    """`python -m lrlab` is the Hydra application: what `lrlab train` runs."""
    arguments = [sys.executable, "-m", "lrlab", "optimizer=adam", "--cfg", "job", "--package", "optimizer"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "_target_: lrlab.core.optimizer.Adam" in done.stdout


def test_an_interruption_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lrlab.core.gradcheck.check_all", interrupt)
    assert main(["gradcheck"]) == 130
    assert capsys.readouterr().err == "lrlab: interrupted\n"


@pytest.mark.parametrize(
    ("words", "runs"), [((), "in MLflow, outputs/mlflow.db"), (("tracking=none",), "kept nowhere")]
)
def test_a_dry_run_tells_what_would_be_done_and_writes_nothing(
    working_folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], runs: str
) -> None:
    out = shown(capsys, "sweep", "knn", "--dry-run", *words)
    assert "objective:  val/accuracy: maximize\n" in out
    assert f"runs:       {runs}\n" in out
    assert "  model.metric=l1 model.k=1\n  model.metric=l1 model.k=3\n" in out
    assert list(working_folder.iterdir()) == []
