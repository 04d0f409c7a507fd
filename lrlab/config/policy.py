"""What a configuration may make Hydra do: checked before Hydra does any of it.

A config from an untrusted source must not run code, write outside the output directory, or record what is in
the environment.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lrlab.config.command_line import PASSWORD
from lrlab.config.hydra_compat import CORE_PLUGINS
from lrlab.config.override import overrides_of
from lrlab.config.schema import PARTS, SETTINGS
from lrlab.errors import InputError

PLUGINS = ("hydra_plugins.", CORE_PLUGINS)
HANDLERS = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler", "rich.logging.RichHandler")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
THREADS = re.compile(r"[A-Z]+(_[A-Z]+)*_NUM_THREADS")
PLAIN = re.compile(r"[\w+-][\w.+-]*")
REFERENCE = re.compile(r"\$\{\.*(?!tracking|outputs|study|hydra)\w+(\.\w+)*\}")  # to a key, by no resolver


def check_composed(config: DictConfig) -> None:
    """Refuse code, paths and secrets in a composed config.

    Raises:
        InputError: names the key, what is allowed and what was given.
    """
    overrides = (*overrides_of(config, "task"), *overrides_of(config, "hydra"))
    typed = {override.lstrip("+").partition("=")[0] for override in overrides}
    for key in ("allow", "hydra.sweeper.allow"):
        if OmegaConf.select(config, key) and key not in typed:
            raise InputError(f"{key} must be given on the command line: a file cannot vouch for itself")
    for key, text in _texts(OmegaConf.to_container(config, resolve=False)):
        if PASSWORD.search(text):
            key = text.partition("=")[0] if key.startswith("hydra.overrides") else key
            raise InputError(f"{key} must not hold a password: put it in the environment, {key}='${{oc.env:NAME}}'")
    _check_targets(config)
    for kind in ("hydra.job_logging", "hydra.hydra_logging"):
        _check_logging(kind, config)
    for key in ("env_set", "env_copy"):
        for name in OmegaConf.select(config, f"hydra.job.{key}") or ():
            if not THREADS.fullmatch(str(name)):
                raise InputError(f"hydra.job.{key}.{name} must not be set: only variables such as OMP_NUM_THREADS may")
    _check_paths(config)
    check_recorded(config)
    asked = OmegaConf.to_container(config.hydra.sweeper, resolve=False).get("question")  # type: ignore[union-attr]
    if "${" in str(asked).replace("${question}", ""):
        raise InputError(f"hydra.sweeper.question is kept on record and must not come from elsewhere, got {asked!r}")


def check_recorded(config: DictConfig) -> None:
    """Refuse what would record the environment: what is recorded may refer only to what is recorded.

    Raises:
        InputError: names the key.
    """
    raw: Any = OmegaConf.to_container(config, resolve=False)
    for key, text in _texts({name: raw.get(name) for name in (*PARTS, *SETTINGS, "study", "question", "objective")}):
        if "${" in REFERENCE.sub("", text):
            raise InputError(f"{key} is kept on record and must not come from elsewhere, got {text!r}")


def _check_targets(config: DictConfig) -> None:
    own = tuple(f"{prefix.rstrip('.')}." for prefix in config.get("allow") or ())
    for name, allowed in (
        ("callbacks", ("lrlab.cli.app.ValidateConfig", *own)),
        ("launcher", PLUGINS),
        ("sweeper", PLUGINS),
    ):
        node: Any = OmegaConf.to_container(config.hydra.get(name) or OmegaConf.create(), resolve=True)
        if name == "sweeper" and node.get("_recursive_") is False:
            node = {"_target_": node.get("_target_")}  # the sweeper checks the rest itself
        for key, text in _texts(node, f"hydra.{name}"):
            depth = key.count(".") - (name == "callbacks")
            if key.endswith("._target_") and (depth > 2 or not text.startswith(allowed)):
                raise InputError(f"{key} must start with {' or '.join(allowed)}, got {text!r}")


def _check_logging(kind: str, config: DictConfig) -> None:
    raw: Any = OmegaConf.to_container(OmegaConf.select(config, kind) or OmegaConf.create(), resolve=False)
    directory = str(OmegaConf.select(config, "hydra.run.dir"))
    for key, text in _texts(raw, kind):
        name = key.rpartition(".")[2]
        if name == "()" and text != "colorlog.ColoredFormatter":
            raise InputError(f"{key} must be colorlog.ColoredFormatter, got {text!r}")
        if name == "class" and text not in HANDLERS:
            raise InputError(f"{key} must be one of {', '.join(HANDLERS)}, got {text!r}")
        if ("ext://" in text and text not in STREAMS) or "cfg://" in text:
            raise InputError(f"{key} must be one of {', '.join(STREAMS)}, got {text!r}")
        if name == "filename":
            job = str(OmegaConf.select(config, "hydra.job.name"))
            file = text.replace("${hydra.runtime.output_dir}", directory).replace("${hydra.job.name}", job)
            _check_inside(key, file, directory)


def _check_paths(config: DictConfig) -> None:
    try:
        outputs, job = str(config.outputs), str(config.hydra.job.name)
        run, sweep = str(config.hydra.run.dir), str(config.hydra.sweep.dir)
    except OmegaConfBaseException as error:
        raise InputError(str(error).partition("\n")[0]) from error
    if not PLAIN.fullmatch(job):
        raise InputError(f"hydra.job.name must be a plain name, got {job!r}")
    _check_inside("hydra.run.dir", run, outputs)
    _check_inside("hydra.sweep.dir", sweep, outputs)
    inner: Any = OmegaConf.to_container(config.hydra, resolve=False)
    for key, path in (("output_subdir", inner["output_subdir"]), ("sweep.subdir", inner["sweep"]["subdir"])):
        _check_inside(f"hydra.{key}", os.path.join(run, str(path or ".")), run)


def _check_inside(key: str, path: str, outer: str) -> None:
    within = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(outer))
    if not within or ("${" in path and "output_dir" in path):
        raise InputError(f"{key} must stay inside {outer}, got {path!r}")


def _texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a config, with its key."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, f"{key}[{index}]")
    elif isinstance(node, str):
        yield key, node
