"""How a program was started: what is needed to start it again, from the folder where its user stands."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from lrlab.errors import InputError

PACKAGE: Final = "pkg://"  # before a folder of configs that lies in a package
SOURCES: Final = (".", "src")  # where the modules of a project are, from its folder
REACHES_FAR: Final = ("hydra.searchpath", "hydra.job.env_set", "hydra.callbacks", "hydra.sweeper.custom_search_space")


@dataclass(frozen=True)
class Launch:
    """A Hydra application as it was started.

    Attributes:
        module: of `python -m`; "" for a script.
        script: its path, relative to the folder if it lies in it; "" for a module.
        folder: the working directory.
        config_name: the primary config.
        config_path: the folder of the primary config, relative if it lies in the folder, or pkg://…; "" for none.
        config_dirs: of `--config-dir`, likewise.
    """

    module: str
    script: str
    folder: str
    config_name: str
    config_path: str = ""
    config_dirs: tuple[str, ...] = ()

    @classmethod
    def of(cls, main: Any, folder: str, config_name: str, config_path: str, config_dirs: Sequence[str]) -> Self:
        """Return the launch of a process.

        Args:
            main: its module `__main__`.
            folder, config_name, config_path, config_dirs: as of the attributes, paths absolute.
        """
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        return cls(
            module=spec.name.removesuffix(".__main__") if spec else "",
            script=_inside(os.path.abspath(file), folder) if file and not spec else "",
            folder=folder,
            config_name=config_name,
            config_path=_inside(config_path, folder),
            config_dirs=tuple(_inside(each, folder) for each in config_dirs),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote.

        Raises:
            KeyError, TypeError: it has another form.
        """
        return cls(**{**stored, "config_dirs": tuple(stored["config_dirs"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def program(self) -> Path:
        """Return the file of the program, as near as is known."""
        return Path(self.folder, self.script or f"{self.module.replace('.', '/')}.py")

    def command(self, overrides: Sequence[str]) -> list[str]:
        """Return the command that starts it in this process's working directory, as a sweep."""
        program = ["-m", self.module] if self.module else [self.script]
        path = ["--config-path", _absolute(self.config_path)] if self.config_path else []
        directories = [word for each in self.config_dirs for word in ("--config-dir", _absolute(each))]
        return [sys.executable, *program, *path, "--config-name", self.config_name, *directories, "-m", *overrides]

    def check_trusted(self, overrides: Sequence[str], allow: Sequence[str]) -> None:
        """Refuse to run what lies outside the working directory, or classes that overrides name, unless allowed.

        What a record says of itself does not count: whoever wrote it chose the program and the overrides.

        Raises:
            InputError: says what to allow.
        """
        if not (self.module or self.script):
            raise InputError(f"only a script or a module can be run again, and this was typed in {self.folder}")
        if self.module and not _allowed(f"{self.module}.", allow) and not _is_module_here(self.module):
            root = self.module.partition(".")[0]
            raise InputError(
                f"module {self.module} must lie in the current folder, or be allowed with --allow {root}. "
                f"(it was run in {self.folder})"
            )
        for path in filter(None, (self.script, self.config_path, *self.config_dirs)):
            if path.startswith(PACKAGE):
                _check_package(path.removeprefix(PACKAGE).replace("/", "."), allow)
            elif not _allowed(path, allow):
                _check_here(path, self.folder)
        for override in overrides:
            key, _, value = override.lstrip("+~").partition("=")
            if "_target_" in override or key.startswith(REACHES_FAR):
                code = value.strip("'\"") if key.endswith("_target_") else key
                if not _allowed(code, allow):
                    raise InputError(f"{key} may run other code: --allow {code} if you trust it, got {override!r}")


def _check_package(package: str, allow: Sequence[str]) -> None:
    root = package.partition(".")[0]
    if not _allowed(f"{package}.", allow) and not any(Path(folder, root).is_dir() for folder in SOURCES):
        raise InputError(f"package {package} must lie in the current folder, or be allowed with --allow {root}.")


def _check_here(path: str, folder: str) -> None:
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(os.curdir)):
        raise InputError(f"{path} must lie in the current folder, or be allowed with --allow {path}")
    if not os.path.exists(path):
        raise InputError(f"{path} is not in the current folder: the application was run in {folder}")


def _is_module_here(module: str) -> bool:
    place = module.replace(".", "/")
    return any(Path(root, each).is_file() for root in SOURCES for each in (f"{place}.py", f"{place}/__main__.py"))


def _allowed(name: str, allow: Sequence[str]) -> bool:
    return any(prefix and name.startswith(prefix) for prefix in allow)


def _inside(path: str, folder: str) -> str:
    """Return a path relative to a folder if it lies in it."""
    if not path or path.startswith(PACKAGE):
        return path
    return os.path.relpath(path, folder) if Path(path).is_relative_to(folder) else path


def _absolute(path: str) -> str:
    return path if path.startswith(PACKAGE) else os.path.abspath(path)
