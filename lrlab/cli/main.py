"""The command line: ``train`` and ``sweep`` run one Hydra application; the other commands read what it left."""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from lrlab.cli import data, doctor, lecture, report, results, studies, training
from lrlab.cli.logs import logs_on_stderr
from lrlab.cli.options import Json
from lrlab.errors import NO_SPACE, NOT_WRITABLE, InputError, cannot_write
from lrlab.runtime import entrypoint

Version = Annotated[bool, typer.Option("--version", help="show the version")]


def lrlab(context: typer.Context, version: Version = False) -> None:
    """Which learning rate, batch size, warmup and regularization, and how do they move together?

    \b
    examples:
      lrlab sweep quickstart                       all four hyperparameters on the digits, under a minute
      lrlab train optimizer=adamw optimizer.lr=3e-3
      lrlab ui                                     browse the runs in MLflow
      lrlab reproduce best                         train the best configuration again, and prove it is the same
    """
    if version:
        from lrlab import __version__

        print(f"lrlab {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def datasets(context: typer.Context) -> None:
    """List and fetch the data sets.

    \b
    examples:
      lrlab data fetch cifar10
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def gradcheck(as_json: Json = False) -> int:
    """Check backpropagation against numerical gradients.

    \b
    examples:
      lrlab gradcheck
    """
    from lrlab.cli import console
    from lrlab.core.gradcheck import check_all

    outcomes = check_all()
    console.result(outcomes, console.gradients, as_json=as_json)
    return 0 if all(outcome["passed"] for outcome in outcomes) else 1


def app() -> typer.Typer:
    """Return all commands."""
    help_options = {"help_option_names": ["-h", "--help"]}
    top = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=help_options)
    data_app = typer.Typer(rich_markup_mode=None)
    top.callback(invoke_without_command=True)(lrlab)
    trains, reads = (training.train, training.sweep, training.resume), (results.best, report.report, results.reproduce)
    for command in (*trains, results.repair, *reads, results.ui, gradcheck, lecture.lecture):
        top.command()(command)
    top.command("list")(studies.list_studies)
    top.command("show")(studies.show_study)
    top.command()(studies.trials)
    top.command()(studies.delete)
    top.command()(doctor.doctor)
    data_app.callback(invoke_without_command=True)(datasets)
    data_app.command("list")(data.list_datasets)
    data_app.command("fetch")(data.fetch)
    top.add_typer(data_app, name="data")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: all of it was done; 1: a replay differs, trials of a sweep failed or are left; 2: something cannot be used.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with logs_on_stderr():
        return entrypoint.run_command(lambda: _run(given))


def program() -> NoReturn:
    """Run ``lrlab``: the command line, as all that a process does."""
    entrypoint.run_program(main)


def with_topic(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with "all" after an ``--info`` that has no topic, as Hydra reads it."""
    complete: list[str] = []
    for word in (*arguments, "-"):
        if complete and complete[-1] in ("--info", "-i") and (word.startswith("-") or "=" in word):
            complete.append("all")
        complete.append(word)
    return complete[:-1]


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app())
    try:
        with command.make_context("lrlab", with_topic(arguments)) as context:
            code: int = command.invoke(context) or 0
            sys.stdout.flush()
            return code
    except typer.Exit as end:  # --help
        return end.exit_code
    except typer.TyperException as error:
        return _refuse(error.format_message())
    except InputError as error:
        return _refuse(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in NO_SPACE and (error.filename is None or error.errno not in NOT_WRITABLE):
            raise
        return _refuse(str(cannot_write(str(error.filename or "the output"), error)))


def _refuse(message: str, code: int = InputError.exit_code) -> int:
    print(f"lrlab: {' '.join(line.strip() for line in message.splitlines())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    program()
