"""What MLflow's client takes from the environment, set while it is used."""

import os
import threading

from lrlab.runtime.home import home_variable
from lrlab.runtime.proxies import no_proxy
from lrlab.tracking import database

SETTINGS = {
    **database.QUIET,
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server that is down is noticed within seconds, not after MLflow's four minutes; what is tried again, and when,
    # is decided in `lrlab.tracking.spooling_store`
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def environment() -> dict[str, str]:
    """Return what MLflow needs in the environment, and may miss."""
    return {**no_proxy(), **home_variable()}


class _Settings:
    """Set `SETTINGS` in the environment while any thread is inside; what the user has set stays as it is.

    Requests to this machine go through no proxy meanwhile.

    MLflow reads them from the environment at each request, and has no other way to pass them.
    """

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                new = {name: value for name, value in SETTINGS.items() if name not in os.environ} | environment()
                self._before = {name: os.environ.get(name) for name in new}
                os.environ.update(new)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for name, value in self._before.items():
                    os.environ.pop(name, None)
                    if value is not None:
                        os.environ[name] = value


client_settings = _Settings()
