"""What of a job's return reaches another process."""

import threading
import weakref
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from lrlab.config.hydra_compat import exception_of
from lrlab.sweeper.runners.job_return import reason_of, sendable
from tests.plugin.deadly_app import LockedError, NotMadeAgainError


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError


def failed(error: BaseException) -> JobReturn:
    return JobReturn(overrides=["x=1"], status=JobStatus.FAILED, _return_value=error)


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), OSError(2, "none", "file"), KeyError("x"), ValueError()])
def test_a_plain_error_stays_what_it_is(error: BaseException) -> None:
    assert exception_of(sendable(failed(error))) is error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (LockedError("code 7"), "LockedError: code 7"),
        (NotMadeAgainError(7, "code"), "NotMadeAgainError: code 7"),
        (ValueError(threading.Lock), "ValueError: <built-in function allocate_lock>"),
        (ExceptionGroup("two", [LockedError("a")]), "ExceptionGroup: two (1 sub-exception)"),
        (MuteError(weakref.ref(MuteError)), "MuteError: a MuteError that cannot be shown"),
    ],
)
def test_another_error_is_sent_as_its_type_and_message(error: BaseException, text: str) -> None:
    before = failed(error)
    sent = exception_of(sendable(before))
    assert (type(sent), str(sent), reason_of(error)) == (RuntimeError, text, text)
    assert exception_of(before) is error


@pytest.mark.parametrize("value", [1.0, None, [1, 2], {"a": 1}, "text"])
def test_values_stay_what_they_are(value: Any) -> None:
    assert sendable(JobReturn(status=JobStatus.COMPLETED, _return_value=value)).return_value is value


def test_what_cannot_be_copied_is_sent_as_its_text() -> None:
    config = OmegaConf.create({"x": 1}, flags={"allow_objects": True})
    config.lock = threading.Lock()
    sent = sendable(JobReturn(cfg=config, status=JobStatus.COMPLETED, _return_value=(x for x in [1])))
    assert "<generator ob" in sent.return_value
    assert sent.cfg is None


def test_what_other_runners_return_is_theirs() -> None:
    assert sendable("whole") == "whole"
