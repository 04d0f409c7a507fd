import os
import threading

import pytest

from lrlab.tracking.client_settings import client_settings


def test_the_environment_is_as_before_once_no_thread_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")  # the user's own
    before = dict(os.environ)
    entered, leave = threading.Event(), threading.Event()

    def use() -> None:
        with client_settings:
            entered.set()
            leave.wait()

    other = threading.Thread(target=use)
    with client_settings:
        other.start()
        entered.wait()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"  # the other thread needs it
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    leave.set()
    other.join()
    assert dict(os.environ) == before
