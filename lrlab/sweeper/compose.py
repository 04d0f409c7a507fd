"""Compose the configuration of a trial from its overrides."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from lrlab.config.composition_errors import one_line
from lrlab.config.hydra_compat import group_options
from lrlab.config.override import overrides_of
from lrlab.errors import InputError

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override

# A number that Hydra's grammar and Python read alike. No group has choices that are numbers: Hydra refuses them.
NUMBER = re.compile(
    r"""(?P<sign>\+{0,2}) (?P<key>[A-Za-z_][\w.]*) =
        (?P<value>-?(?:0|[1-9]\d*) (?P<fraction>\.\d+)? (?P<exponent>e[+-]?\d+)?)""",
    re.VERBOSE,
)
MAX_TEMPLATES = 64  # composed templates that are kept


@dataclass(frozen=True)
class _Composed:
    task: DictConfig  # without its hydra node
    sweeper: dict[str, Any]  # of that node, with its interpolations


class Composer:
    """Composes trials of one sweep; picklable.

    Args:
        config_loader: Hydra's.
        config: the sweep's composed config, with its hydra node.
    """

    def __init__(self, config_loader: "ConfigLoader", config: DictConfig) -> None:
        self._loader = config_loader
        self._config = config
        self._templates: dict[Any, _Composed] = {}
        self._groups: dict[str, bool] = {}

    def parse(self, overrides: Sequence[str]) -> list["Override"]:
        """Read overrides in Hydra's grammar, glob(…) included.

        Raises:
            InputError: one of them cannot be read.
        """
        try:
            return OverridesParser.create(config_loader=self._loader).parse_overrides(list(overrides))
        except HydraException as error:
            raise InputError(one_line(error)) from error

    def job(self, overrides: Sequence[str], number: int) -> DictConfig:
        """Return what Hydra composes for one job, with its hydra node.

        Raises:
            InputError: an override names no key of the config, or its value has another type.
        """
        try:
            job = self._loader.load_sweep_config(self._config, list(overrides))
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            raise InputError(one_line(error)) from error
        with read_write(job.hydra), open_dict(job.hydra):
            job.hydra.job.id = str(number)
            job.hydra.job.num = number
        return job

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """Return the resolved configuration of one trial, without its hydra node.

        Raises:
            InputError: as of `job`, or an interpolation cannot be resolved.
        """
        try:
            resolved: Any = OmegaConf.to_container(self.unresolved(overrides), resolve=True)
        except OmegaConfBaseException as error:
            raise InputError(one_line(error)) from error
        return resolved  # type: ignore[no-any-return]

    def unresolved(self, overrides: Sequence[str]) -> DictConfig:
        """Return the unresolved configuration of one trial, without its hydra node; valid until the next call.

        It is exactly what Hydra composes. Trials that differ in numbers alone share one composition, in which the
        numbers are replaced.
        """
        return self._composed(overrides).task

    def sweeper(self, overrides: Sequence[str]) -> dict[str, Any]:
        """Return `hydra.sweeper` as it is written in the configuration of one trial."""
        return self._composed(overrides).sweeper

    def _composed(self, overrides: Sequence[str]) -> "_Composed":
        numbers, others = self._sorted(overrides)
        if numbers is None:
            return self._task(overrides)
        where = tuple((sign, key) for sign, key, _ in numbers)
        if (others, where) not in self._templates:
            if len(self._templates) == MAX_TEMPLATES:
                self._templates.clear()
            self._templates[others, where] = self._task(overrides)
        template = self._templates[others, where]
        try:
            for _, key, value in numbers:
                OmegaConf.update(template.task, key, value)
        except OmegaConfBaseException:
            return self._task(overrides)  # raises an error that names the key
        return template

    def is_group(self, key: str) -> bool:
        """Return whether a key, with its package if it has one, is that of a config group."""
        if key not in self._groups:
            self._groups[key] = bool(self._group_options(key.partition("@")[0]))
        return self._groups[key]

    @cached_property
    def _group_options(self) -> Callable[[str], Sequence[str]]:
        name: str = self._config.hydra.job.config_name
        return group_options(self._loader, name, overrides_of(self._config, "hydra"))

    def _task(self, overrides: Sequence[str]) -> "_Composed":
        task = self.job(overrides, 0)
        sweeper: Any = OmegaConf.to_container(task.hydra.sweeper, resolve=False)
        OmegaConf.set_readonly(task, False)
        with open_dict(task):
            del task["hydra"]
        return _Composed(task, sweeper)

    def _sorted(self, overrides: Sequence[str]) -> tuple[list[tuple[str, str, float]] | None, tuple[str, ...]]:
        """Return the overrides that set numbers, and the others; None for the numbers if the order matters."""
        numbers, others = [], []
        for override in overrides:
            match = NUMBER.fullmatch(override)
            if match:
                whole = match["fraction"] is None and match["exponent"] is None
                numbers.append((match["sign"], match["key"], (int if whole else float)(match["value"])))
            else:
                others.append(override)
        keys = [key for _, key, _ in numbers]
        values = [_key(other) for other in others if not self._chooses(other)]
        if any(_overlap(a, b) for i, a in enumerate(keys) for b in (*keys[:i], *values)):
            return None, tuple(overrides)
        return numbers, tuple(others)

    def _chooses(self, override: str) -> bool:
        """Return whether an override chooses an option of a config group, rather than sets a value."""
        key, _, value = override.lstrip("+~").partition("=")
        return self.is_group(key) and not value.strip().startswith("{")


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _overlap(a: str, b: str) -> bool:
    """Return whether one key is the other, or inside it."""
    return f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")
