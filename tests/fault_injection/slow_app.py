"""An ordinary Hydra application whose jobs take a while, and say in a file that they began."""

import os
import time
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

ConfigStore.instance().store(name="slow_app", node={"x": 0.0, "who": "${oc.env:WHO}"})


@hydra.main(version_base="1.3", config_path=None, config_name="slow_app")
def main(config: DictConfig) -> float:
    Path(os.environ["BEGUN"], f"{config.who}-{config.x:g}").touch()
    until = time.monotonic() + float(os.environ["SECONDS"])
    while time.monotonic() < until:
        time.sleep(0.05)
    return float(config.x)


if __name__ == "__main__":
    main()
