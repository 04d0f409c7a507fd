"""Compose a configuration with Hydra, check it, and run or show it; nothing of the process is changed for that.

Does what ``hydra.main`` does, but reads no ``sys.argv`` and prints no traceback for what the user can mend.
"""

import os
import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from hydra import version
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lrlab.cli.app import TrainingTask, resolve
from lrlab.config.choices import shipped_folder
from lrlab.config.composition_errors import one_line
from lrlab.config.hydra_compat import (
    Hydra,
    compose_next,
    context_without_callbacks,
    create_config_search_path,
    get_args_parser,
    restored_logging,
)
from lrlab.config.override import check_texts, text_override, texts_as_typed
from lrlab.config.policy import check_composed
from lrlab.errors import NO_SPACE, NOT_WRITABLE, InputError, NotDoneError, cannot_write

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class HydraCommand:
    """What to compose.

    Attributes:
        overrides: of Hydra's grammar.
        config_name: the primary config.
        config_dirs: searched after conf/ and before the sweeps that ship, the first one first.
        multirun: whether to sweep.
    """

    overrides: Sequence[str] = ()
    config_name: str = "config"
    config_dirs: Sequence[str | Path] = ()
    multirun: bool = False

    def words(self) -> list[str]:
        """Return the overrides as Hydra has to read them: names and paths as they were typed."""
        return texts_as_typed(self.overrides)


def sweep_command(name: str, overrides: Sequence[str] = (), config_dirs: Sequence[Path] = ()) -> HydraCommand:
    """Return the command of a sweep: of `config_dirs` first, then of ./sweeps/, then of those that ship.

    Raises:
        InputError: there is no such sweep.
    """
    local = Path("sweeps").absolute()
    folders = [*config_dirs, local, shipped_folder("sweeps")]
    if not re.fullmatch(r"[\w.+-]+", name) or not any((folder / f"{name}.yaml").is_file() for folder in folders):
        known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
        raise InputError(f"sweep must be one of {', '.join(known)}, got {name!r}")
    return HydraCommand(overrides, name, [*config_dirs, *([local] if local.is_dir() else [])], multirun=True)


def literal(text: str) -> str:
    """Return a text as Hydra's grammar reads it unchanged."""
    return QuotedString(text.replace("${", r"\${"), Quote.single).with_quotes()


def resume_command(study: "optuna.Study", outputs: Path, further: Sequence[str]) -> HydraCommand:
    """Return the command that goes on with a study's sweep, to its number of trials.

    Args:
        outputs: the output directory in use.
        further: overrides that win over those the sweep was begun with. They name the places in use: those of the
            beginning may be those of a project that was copied since.

    Raises:
        InputError: lrlab does not know its command.
    """
    from lrlab.sweeper.study.state import read_state

    state = read_state(study)
    begun = state.command if state else None
    if begun is None and not study.get_trials(deepcopy=False):
        raise InputError(f"study {study.study_name} was never begun: run its command again, with its name")
    if begun is None:
        raise InputError(
            f"study {study.study_name} is another application's: "
            f"run its command again with {quote(text_override('hydra.sweeper.study_name', study.study_name))}"
        )
    again = ["study=", "allow=", "hydra.sweeper.allow=", "outputs=", "hydra.sweeper.storage="]  # trust is not inherited
    if state and state.runs:
        again += ["tracking.uri=", "tracking.experiment="]
    kept = [override for override in begun.overrides if not override.lstrip("+").startswith(tuple(again))]
    overrides = [*kept, text_override("study", study.study_name), *further]
    return HydraCommand(overrides, begun.config_name, [outputs / path for path in begun.config_dirs], multirun=True)


def run(command: HydraCommand) -> str:
    """Train one configuration, or sweep; return the name of the sweep's study, "" after a single training.

    Raises:
        InputError: something given cannot be used, and nothing has been written; or what is found out cannot be stored.
        NotDoneError: too many trials of a sweep failed, or records are left that a server has not taken.
        TrialsLeft: trials of a sweep are left.
    """
    with _composed(command) as (hydra, config):
        mode, given = config.hydra.mode, config.hydra.overrides.hydra
        others = [override for override in given if not override.lstrip("+").startswith("hydra.mode=")]
        config.hydra.overrides.hydra = [*others, f"hydra.mode={mode.name}"]  # jobs are composed with them
        compose_next(hydra, config)
        task = TrainingTask()
        try:
            if mode == RunMode.MULTIRUN:
                hydra.multirun(command.config_name, task, command.words())
            else:
                hydra.run(command.config_name, _train_once, command.words())
        except OSError as error:  # of Hydra's own files, which it writes beside the training's
            if error.errno not in (*NO_SPACE, *NOT_WRITABLE):
                raise
            where = Path(error.filename or config.outputs).absolute()
            raise cannot_write(f"outputs, {where},", error) from error
        return task.study


@contextmanager
def composed(command: HydraCommand) -> Iterator[DictConfig]:
    """Yield the composed configuration.

    Raises:
        InputError: something given cannot be used.
    """
    with _composed(command) as (_, config):
        yield config


@contextmanager
def composed_with_context(command: HydraCommand) -> Iterator[tuple[DictConfig, HydraContext]]:
    """Yield the composed configuration, and what a launcher composes that of its jobs with.

    Raises:
        InputError: something given cannot be used.
    """
    with _composed(command) as (hydra, config):
        yield config, context_without_callbacks(hydra.config_loader)


def _train_once(config: DictConfig) -> float:
    """Train; let an `InputError` pass Hydra, which would print a line of its own about it (see `_composed`)."""
    try:
        return TrainingTask()(config)
    except InputError as error:
        raise SystemExit(2) from error


def show_config(command: HydraCommand, part: str, package: str | None, *, resolve: bool) -> None:
    """Print the composed configuration, as ``--cfg`` does.

    Args:
        part: job, hydra or all.
        package: a key below which everything is shown; None for all.
        resolve: fill in the interpolations.
    """
    with _composed(command) as (hydra, config):
        if package not in (None, "_global_") and OmegaConf.select(config, str(package)) is None:
            raise InputError(f"--package must be a key of the configuration, got {package!r}")
        hydra.show_cfg(command.config_name, command.words(), part, package, resolve)


def show_info(command: HydraCommand, topic: str) -> None:
    """Print what ``--info`` does: all, config, defaults, defaults-tree, plugins or searchpath."""
    with _composed(command) as (hydra, _):
        hydra.show_info(topic, command.config_name, command.words())


def show_hydra_help() -> None:
    """Print the help of Hydra itself."""
    with _composed(HydraCommand()) as (hydra, _):
        hydra.hydra_help(None, get_args_parser(), Namespace(overrides=[]))


@contextmanager
def _composed(command: HydraCommand) -> Iterator[tuple[Hydra, DictConfig]]:
    """Yield Hydra with the config, once what it may not ask for has been refused.

    Raises:
        InputError: of what happens inside, too; one line, whatever Hydra makes of it.
    """
    version.setbase("1.3")
    path = create_config_search_path(f"file://{shipped_folder('conf')}")
    for folder in map(os.path.abspath, command.config_dirs):
        if not os.path.isdir(folder):
            raise InputError(f"--config-dir must be a directory, got {folder!r}")
        path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="lrlab"))
    try:
        hydra = Hydra.create_main_hydra2("lrlab", path)
        name, overrides = command.config_name, command.words()
        mode = RunMode.MULTIRUN if command.multirun else RunMode.RUN
        try:
            config = hydra.config_loader.load_configuration(name, overrides, mode)
        except HydraException:
            if command.multirun or hydra.get_mode(name, overrides) != RunMode.MULTIRUN:
                raise
            config = hydra.config_loader.load_configuration(name, overrides, RunMode.MULTIRUN)
        if command.multirun and config.hydra.mode == RunMode.RUN:
            raise InputError("hydra.mode must be MULTIRUN for a sweep or with --multirun, got RUN")
        config.hydra.mode = config.hydra.mode or mode
        check_composed(config)
        check_texts(resolve(config))
        with restored_logging():
            yield hydra, config
    except NotDoneError:
        raise
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(one_line(error)) from error
    except SystemExit as end:
        if isinstance(end.__cause__, InputError):  # see `ValidateConfig`
            raise end.__cause__ from None
        raise
    finally:
        GlobalHydra.instance().clear()
