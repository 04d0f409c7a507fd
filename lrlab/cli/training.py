"""The commands that train: ``train``, ``sweep`` and ``resume``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lrlab.cli.options import Allow, Outputs, Overrides, Records, StorageUrl, TrackingUri
from lrlab.config.command_line import OUTPUTS
from lrlab.config.override import texts_override
from lrlab.sweeper.study.name import RUN_ID

if TYPE_CHECKING:
    from lrlab.cli.hydra_app import HydraCommand

# Options of Hydra, under Hydra's names
ConfigDirs = Annotated[
    list[Path], typer.Option("--config-dir", "-cd", metavar="DIR", help="further configs (and sweeps)")
]
Multirun = Annotated[bool, typer.Option("--multirun", "-m", help="train every combination of the values given")]
ShowConfig = Annotated[
    Literal["job", "hydra", "all"] | None, typer.Option("--cfg", "-c", help="show the configuration, train nothing")
]
Package = Annotated[str | None, typer.Option("--package", "-p", metavar="KEY", help="with --cfg: only what is below")]
Resolve = Annotated[bool, typer.Option("--resolve", help="with --cfg: fill in the interpolations")]
Info = Annotated[
    Literal["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"] | None,
    typer.Option("--info", "-i", help="show how Hydra composes, train nothing"),
]
HydraHelp = Annotated[bool, typer.Option("--hydra-help", help="show the help of Hydra")]


def train(
    overrides: Overrides = None,
    config_name: Annotated[str, typer.Option("--config-name", "-cn", metavar="NAME", hidden=True)] = "config",
    config_dir: ConfigDirs = [],  # noqa: B006
    multirun: Multirun = False,
    cfg: ShowConfig = None,
    package: Package = None,
    resolve: Resolve = False,
    info: Info = None,
    hydra_help: HydraHelp = False,
) -> None:
    """Train one configuration.

    \b
    examples:
      lrlab train data=cifar10 model=mlp optimizer=adamw schedule=cosine epochs=15
      lrlab train --cfg job                        # show the configuration, train nothing
    """
    from lrlab.cli import hydra_app

    command = hydra_app.HydraCommand(overrides or [], config_name, config_dir, multirun=multirun)
    _run_or_show(command, cfg, package, info, resolve=resolve, hydra_help=hydra_help)


def sweep(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a sweep; an unknown one lists what there is")],
    overrides: Overrides = None,
    config_dir: ConfigDirs = [],  # noqa: B006
    multirun: Annotated[bool, typer.Option("--multirun", "-m", help="what a sweep does anyway")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the trials, write and train nothing")] = False,
    cfg: ShowConfig = None,
    package: Package = None,
    resolve: Resolve = False,
    info: Info = None,
    hydra_help: HydraHelp = False,
) -> None:
    """Search hyperparameters: a file of sweeps/, or of ./sweeps/.

    \b
    examples:
      lrlab sweep best data=cifar10
      lrlab sweep linear_scaling --dry-run         # list the trials, write and train nothing
      lrlab sweep quickstart hydra.sweeper.n_trials=64 hydra/sweeper/pruner=median
    """
    from lrlab.cli import hydra_app

    further = ["hydra.sweeper.dry_run=true"] if dry_run else []
    command = hydra_app.sweep_command(name, [*(overrides or []), *further], config_dir)
    _run_or_show(command, cfg, package, info, resolve=resolve, hydra_help=hydra_help)


def resume(
    what: Annotated[
        str | None, typer.Argument(metavar="STUDY|RUN_ID", help="default: the newest study", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="OVERRIDES", help="further Hydra overrides for a study; data.path=PATH for a run"),
    ] = None,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    allow: Allow = [],  # noqa: B006
) -> int:
    """Go on with a sweep or a training that was stopped, to its end.

    \b
    examples:
      lrlab resume                                 # the newest study, to the number of trials asked for
      lrlab resume quickstart_0131_1200_k3f9x hydra.sweeper.n_trials=100
      lrlab resume 0f3c…                           # a run of lrlab train, from its last checkpoint
    """
    from lrlab.cli import console, hydra_app, own_application_commands, progress
    from lrlab.runs import train as runs
    from lrlab.runs.recorder import moved_paths
    from lrlab.sweeper.study.state import read_state

    further, records = overrides or [], Records(outputs, storage, tracking_uri, allow)
    if what and ("=" in what or what.startswith("~")):
        further, what = [what, *further], None
    if what and RUN_ID.fullmatch(what):
        moved, tracking = moved_paths(further), records.tracking()
        with tracking.open_beside(what, str(outputs)) as tracker:
            with progress.epoch_progress() as watch:
                outcome = runs.resume(what, records, tracker, watch, moved)
            console.trained(outcome, records)
            tracker.deliver()
        return 0
    study = records.study(what)
    state = read_state(study)
    if state and state.launch:
        return own_application_commands.resume(study, state, records, further)
    trust = [texts_override("allow", allow)] if allow else []
    with records.overrides() as places:
        hydra_app.run(hydra_app.resume_command(study, outputs, [*trust, *further, *places]))
    return 0


def _run_or_show(
    command: "HydraCommand", cfg: str | None, package: str | None, info: str | None, *, resolve: bool, hydra_help: bool
) -> None:
    from lrlab.cli import hydra_app

    if hydra_help:
        hydra_app.show_hydra_help()
    elif cfg:
        hydra_app.show_config(command, cfg, package, resolve=resolve)
    elif info:
        hydra_app.show_info(command, info)
    else:
        hydra_app.run(command)
