"""An application whose jobs end in the ways that cost a sweep more than the job."""

import os
import threading
import time

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

ConfigStore.instance().store(name="deadly_app", node={"x": 0, "end": "die"})


class NotMadeAgainError(Exception):
    """Cannot be unpickled: pickle calls it with its message alone."""

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"{what} {code}")


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


@hydra.main(version_base="1.3", config_path=None, config_name="deadly_app")
def main(config: DictConfig) -> float:
    if config.x == 1:
        if config.end == "die":
            os._exit(7)
        raise NotMadeAgainError(7, "code") if config.end == "again" else LockedError("code 7")
    time.sleep(0.2)
    return float(config.x)


if __name__ == "__main__":
    main()
