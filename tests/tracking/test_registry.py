import logging
from pathlib import Path

import numpy as np
import pytest

from lrlab.tracking.registry import save_model


@pytest.mark.filterwarnings("ignore")  # of MLflow's libraries; `Registry.register` leaves them out as well
@pytest.mark.parametrize("level", [logging.NOTSET, logging.DEBUG])
def test_saving_a_model_leaves_the_log_level_of_mlflow(tmp_path: Path, level: int) -> None:
    logger = logging.getLogger("mlflow")
    weights = {"W1": np.zeros((2, 3), np.float32), "b1": np.zeros(2, np.float32)}
    import mlflow.pyfunc  # noqa: F401  sets the level of its logger when it is imported

    before = logger.level
    logger.setLevel(level)
    try:
        save_model(tmp_path / "model", weights, ["a", "b"])
        assert logger.level == level
    finally:
        logger.setLevel(before)
    assert (tmp_path / "model" / "MLmodel").is_file()
