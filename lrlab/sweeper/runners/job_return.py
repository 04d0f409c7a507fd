"""What a job returns to Hydra, in a form that reaches the process of the sweep."""

import copy
from contextlib import suppress
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from lrlab.config.hydra_compat import exception_of
from lrlab.sweeper.study.objective import short


def reason_of(error: BaseException) -> str:
    """Return the type and the message of what a job raised."""
    return f"{type(error).__name__}: {short(error, str)}".rstrip(": ")


def sendable(result: Any) -> Any:
    """Return a job's return with what another process could not read replaced by its text.

    The study holds the outcome of the job already: it must not end the sweep that Hydra cannot have it as it was.
    """
    if not isinstance(result, JobReturn):
        return result
    result = copy.copy(result)
    if result.status == JobStatus.FAILED:
        error = exception_of(result)
        if not (_can_be_copied(error) and _is_plain([error.args, vars(error)])):
            result.return_value = RuntimeError(reason_of(error))
    elif not _can_be_copied(result.return_value):
        result.return_value = short(result.return_value)
    if result.cfg is not None and not _can_be_copied(
        OmegaConf.to_container(result.cfg)
    ):  # it may hold what the job has put there
        result.cfg = None
    return result


def _can_be_copied(value: Any) -> bool:
    """Return whether a value can be taken apart and made again, as it is for another process."""
    with suppress(Exception):
        copy.deepcopy(value)
        return True
    return False


def _is_plain(value: Any) -> bool:
    """Return whether a value, already known to end somewhere, is made of nothing but numbers and texts.

    A function or a weak reference is its own copy, but may not be readable elsewhere.
    """
    if isinstance(value, dict):
        return _is_plain([*value, *value.values()])
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | complex | str | bytes)
