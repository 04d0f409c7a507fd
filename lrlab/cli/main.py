"""The command line. ``train`` and ``sweep`` are doors to the Hydra application; the rest reads what it left."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from lrlab.errors import InputError
from lrlab.runtime import entrypoint

RUN_ID = re.compile(r"(spooled-)?[0-9a-f]{32}")
EXAMPLES = """\
examples:
  lrlab sweep quickstart                       all four hyperparameters on the digits, under a minute
  lrlab train optimizer=adamw optimizer.lr=3e-3
  lrlab ui                                     browse the runs in MLflow
  lrlab reproduce best                         train the best configuration again, and prove it is the same
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 (a replay that differs), 2 (input that cannot be used)."""
    given = parser().parse_args(list(sys.argv[1:] if arguments is None else arguments))
    return entrypoint.run_command(lambda: _run(given))


def program() -> NoReturn:
    """``lrlab``: the command line, as all that a process does."""
    entrypoint.run_program(main)


def _run(given: argparse.Namespace) -> int:
    try:
        code: int = given.command(given)
    except InputError as error:
        print(f"lrlab: {error}", file=sys.stderr)
        return 2
    return code


def parser() -> argparse.ArgumentParser:
    """All commands, each with its help and examples."""
    top = argparse.ArgumentParser(
        prog="lrlab",
        description="Which learning rate, batch size, warmup and regularization, and how do they move together?",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    from lrlab import __version__

    top.add_argument("--version", action="version", version=f"lrlab {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    train = _command(
        commands,
        "train",
        _train,
        "train one configuration",
        "lrlab train data=cifar10 model=mlp optimizer=adamw schedule=cosine epochs=15",
        "lrlab train --cfg job                        # show the configuration, train nothing",
    )
    train.add_argument("overrides", nargs=argparse.REMAINDER, help="Hydra overrides and options")

    sweep = _command(
        commands,
        "sweep",
        _sweep,
        "search hyperparameters: a file of sweeps/, or of ./sweeps/",
        "lrlab sweep best data=cifar10",
        "lrlab sweep quickstart hydra.sweeper.n_trials=64 hydra/sweeper/pruner=median",
    )
    sweep.add_argument("name", metavar="NAME", help="a sweep; an unknown one lists what there is")
    sweep.add_argument("overrides", nargs=argparse.REMAINDER, help="Hydra overrides and options")

    resume = _command(
        commands,
        "resume",
        _resume,
        "go on with a sweep or a training that was stopped, to its end",
        "lrlab resume                                 # the newest study, to the number of trials asked for",
        "lrlab resume quickstart_2026-01-31_12-00-00_3f9a hydra.sweeper.n_trials=100",
        "lrlab resume 0f3c…                           # a run of lrlab train, from its last checkpoint",
    )
    _places(resume)
    _allow(resume)
    resume.add_argument("what", nargs="?", metavar="STUDY|RUN_ID", help="default: the newest study")
    resume.add_argument("overrides", nargs=argparse.REMAINDER, help="further Hydra overrides for a study")

    repair = _command(
        commands,
        "repair",
        _repair,
        "give back the trials and close the runs of killed processes, deliver what waits for a server",
        "lrlab repair --gone HOST                     # that machine will not come back",
    )
    _places(repair)
    repair.add_argument("--gone", metavar="HOST", action="append", default=[], help="its processes are dead")
    _json(repair)

    best = _command(
        commands,
        "best",
        _best,
        "the best configuration of a study",
        "lrlab best --json",
        "lrlab best --confirm 5                       # the best three again on five fresh seeds, then the test split",
    )
    best.add_argument("study", nargs="?", metavar="STUDY", help="default: the newest")
    best.add_argument("--confirm", type=int, metavar="N", help="train again on N fresh seeds, test, and register")
    best.add_argument("--top", type=int, metavar="K", default=3, help="with --confirm: so many configurations (3)")
    _places(best)
    _json(best)

    report = _command(
        commands,
        "report",
        _report,
        "figures and a verdict: how does the best learning rate move with the batch size?",
        "lrlab report                                 # the newest study; writes OUTPUTS/reports/STUDY/index.html",
        "lrlab report --json                          # the verdict, for programs",
        "lrlab report --where optimizer=adam          # of a study with several",
    )
    report.add_argument("study", nargs="?", metavar="STUDY", help="default: the newest")
    report.add_argument("--where", metavar="KEY=VALUE", action="append", default=[], help="only runs with this value")
    _places(report)
    _json(report)

    reproduce = _command(
        commands,
        "reproduce",
        _reproduce,
        "train a recorded run again and compare every epoch of every metric",
        "lrlab reproduce best",
        "lrlab reproduce 17 --study quickstart_2026-01-31_12-00-00_3f9a",
        "lrlab reproduce 0f3c…  # an MLflow run id",
    )
    reproduce.add_argument("run", nargs="?", default="best", metavar="RUN", help="best, trial number or run id")
    reproduce.add_argument("--study", help="default: the newest")
    _places(reproduce)
    _allow(reproduce)
    _json(reproduce)

    ui = _command(commands, "ui", _ui, "browse all runs in MLflow, on this machine only", "lrlab ui --port 5001")
    ui.add_argument("--port", type=int, default=5000)
    _places(ui)

    data = _command(commands, "data", _data_list, "list and fetch the data sets", "lrlab data fetch cifar10")
    actions = data.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = _command(actions, "list", _data_list, "what there is, and what is fetched", "lrlab data list --json")
    _json(listing)
    fetch = _command(
        actions,
        "fetch",
        _data_fetch,
        "download and check a data set",
        "lrlab data fetch cifar10",
        "lrlab data fetch cifar10 --from ~/Downloads/cifar-10-binary.tar.gz",
    )
    fetch.add_argument("name", metavar="NAME")
    fetch.add_argument("--from", dest="source", type=Path, help="a folder or tar file that you have already")
    for command in (listing, fetch):
        command.add_argument("--root", help="default: $LRLAB_DATA, else your cache directory")

    gradcheck = _command(
        commands, "gradcheck", _gradcheck, "backpropagation against numerical gradients", "lrlab gradcheck"
    )
    _json(gradcheck)

    lecture = _command(
        commands,
        "lecture",
        _lecture,
        "measure every claim of the lecture, with pictures: 2 minutes on digits, 15 on cifar10",
        "lrlab lecture --data cifar10                 # writes OUTPUTS/lecture/cifar10.html",
        "lrlab lecture --json                         # claim, expected, measured, holds",
    )
    lecture.add_argument("--data", default="digits", help="digits (default) or cifar10")
    _places(lecture)
    _json(lecture)
    return top


def _command(commands: Any, name: str, run: Any, purpose: str, *examples: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog="\n  ".join(("examples:", *examples)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=run)
    return command


def _places(command: argparse.ArgumentParser) -> None:
    command.add_argument("--outputs", type=Path, default=Path("outputs"), help="default: ./outputs")
    command.add_argument("--storage", help="URL of the studies, if they are not in OUTPUTS/optuna.log")
    command.add_argument("--tracking-uri", help="of MLflow, if it is not OUTPUTS/mlflow.db")


def _allow(command: argparse.ArgumentParser) -> None:
    trust = "further code to trust, such as my_package."
    command.add_argument("--allow", metavar="PREFIX", action="append", default=[], help=trust)


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON document on stdout")


def _train(given: argparse.Namespace) -> int:
    from lrlab.cli import app

    return app.run(given.overrides)


def _sweep(given: argparse.Namespace) -> int:
    from lrlab.cli import app

    return app.run([*app.sweep_options(given.name), *given.overrides])


def _resume(given: argparse.Namespace) -> int:
    from lrlab.cli import app, console
    from lrlab.runs.train import resume

    if given.what and "=" in given.what:
        given.what, given.overrides = None, [given.what, *given.overrides]
    if given.what and RUN_ID.fullmatch(given.what):
        with _tracker(given) as tracker, console.epoch_progress() as watch:
            outcome = resume(given.what, str(given.outputs), tracker, watch, given.allow)
        console.trained(outcome)
        return 0
    given.study = given.what
    trust = [f"allow=[{','.join(given.allow)}]"] if given.allow else []
    overrides = app.resume_options(_study(given), [*trust, *given.overrides])
    return app.run([*overrides, *app.place_options(str(given.outputs), given.storage, given.tracking_uri)])


def _repair(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.commands.repair import repair

    local = given.tracking_uri is None and (given.outputs / "mlflow.db").is_file()
    tracker = _tracker(given) if local else None
    done = repair(_storage(given), tracker, str(given.outputs), given.tracking_uri, given.gone)
    if tracker:
        tracker.close()
    if given.json:
        print(json.dumps(done.to_dict(), indent=2))
    else:
        console.repaired(done)
    return 1 if done.waiting else 0


def _best(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.commands.best import best

    study = _study(given)
    if given.confirm is not None:
        return _confirm(given, study)
    with _tracker(given) as tracker:
        found = best(study, tracker)
    if given.json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        console.best(found)
        console.after_sweep(found.study)
    return 0


def _confirm(given: argparse.Namespace, study: Any) -> int:
    from lrlab.cli import console
    from lrlab.commands.confirm import confirm
    from lrlab.tracking.registry import Registry

    registry = Registry(given.tracking_uri, str(given.outputs))
    with _tracker(given) as tracker, console.step_progress("confirming") as watch:
        found = confirm(study, tracker, seeds=given.confirm, top=given.top, registry=registry, watch=watch)
    if given.json:
        print(json.dumps(found.to_dict(), indent=2))
    else:
        console.confirmed(found)
    return 0


def _report(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.commands.report import conditions, publish

    study = _study(given)
    with _tracker(given) as tracker:
        report, page = publish(study, tracker, given.outputs, conditions(given.where))
    if given.json:
        print(json.dumps(report.verdict(), indent=2))
    else:
        console.report(report, page)
    return 0


def _reproduce(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.runs.reproduce import reproduce

    with _tracker(given) as tracker, console.epoch_progress() as watch:
        outcome = reproduce(tracker, _run_id(given, tracker), watch, given.allow)
    if given.json:
        print(json.dumps(outcome.to_dict(), indent=2))
    else:
        console.reproduced(outcome)
    return 1 if outcome.verdict == "differs" else 0


def _run_id(given: argparse.Namespace, tracker: Any) -> str:
    """The run that RUN means: the study's best, a trial of it, or the run itself."""
    run: str = given.run
    if run != "best" and not (run.isdecimal() and len(run) < 32):
        return run
    from lrlab.commands.best import best, run_of

    return best(_study(given), tracker).run_id if run == "best" else run_of(_study(given), int(run))


def _study(given: argparse.Namespace) -> Any:
    """The study that is named, or the newest."""
    from lrlab.sweep.study.study import load, newest

    storage = _storage(given)
    return load(storage, given.study or newest(storage))


def _storage(given: argparse.Namespace) -> Any:
    from lrlab.sweep.study.storage import parse

    return parse(given.storage or str(given.outputs / "optuna.log"), Path.cwd())


def _ui(given: argparse.Namespace) -> int:
    from lrlab.tracking.server import serve

    serve(given.tracking_uri, str(given.outputs), given.port)
    return 0


def _data_list(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.data.catalog import available

    rows = [asdict(row) for row in available(given.root)]
    if given.json:
        print(json.dumps(rows, indent=2))
    else:
        console.datasets(rows)
    return 0


def _data_fetch(given: argparse.Namespace) -> int:
    from lrlab.data.download import fetch

    fetch(given.name, given.root, given.source)
    return 0


def _gradcheck(given: argparse.Namespace) -> int:
    from lrlab.cli import console
    from lrlab.core.gradcheck import check_all

    outcomes = check_all()
    if given.json:
        print(json.dumps(outcomes, indent=2))
    else:
        console.gradients(outcomes)
    return 0 if all(outcome["passed"] for outcome in outcomes) else 1


def _lecture(given: argparse.Namespace) -> int:
    from lrlab.cli.lecture import run

    return run(given.data, given.outputs, given.tracking_uri, as_json=given.json)


def _tracker(given: argparse.Namespace) -> Any:
    from lrlab.tracking.mlflow import Mlflow

    if given.tracking_uri is None and not (given.outputs / "mlflow.db").is_file():
        raise InputError(f"outputs must be a directory with runs of lrlab's, got {str(given.outputs)!r}")
    return Mlflow(uri=given.tracking_uri).open(str(given.outputs))


if __name__ == "__main__":
    program()
