"""An ordinary Hydra application that knows nothing of lrlab but `report`."""

import time

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from lrlab.sweeper.report import report

ConfigStore.instance().store(
    name="minimal_app", node={"x": 0.0, "y": 1, "steps": 0, "wait": "${oc.decode:${oc.env:MINIMAL_APP_WAIT,0}}"}
)


@hydra.main(version_base="1.3", config_path=None, config_name="minimal_app")
def main(config: DictConfig) -> float:
    loss = (config.x - 2) ** 2 / config.y  # fails with y=0
    for step in range(config.steps):
        report(step, loss)
    time.sleep(config.wait)
    return float(loss)


if __name__ == "__main__":
    main()
