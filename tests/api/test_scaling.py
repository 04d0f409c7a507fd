"""The verdict from Python."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lrlab
from lrlab.analysis.runs import Run, Runs
from lrlab.api.scaling import of_runs, scaling
from lrlab.errors import InputError
from tests.scaling_law.synthetic import Noise, Simulation

SHARP = Simulation(noise=Noise(0.001), factor=math.sqrt(2), steps=6, seeds=3)


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(SHARP.table(0)).rename(columns=changes)


def test_the_verdict_of_a_data_frame_is_shown_with_its_pictures() -> None:
    found = scaling(frame(lr="optimizer.lr", batch_size="bs", loss="val loss"))
    assert found.verdict == "linear"
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "linear"
    page = found._repr_html_()
    assert "<p>linear: exponent" in page
    assert "optimizer.lr = learning rate, bs = batch size" in page
    assert page.count("<img") == len(found.figures) > 1
    assert found.figure().png.startswith(b"\x89PNG")


def test_columns_are_a_table_too() -> None:
    table = frame(lr="a", batch_size="b", loss="c", seed="d")
    columns = {name: table[name].to_numpy() for name in table}
    given: dict[str, Any] = {"lr": "a", "batch_size": "b", "loss": "c", "seed": "d"}
    assert scaling(columns, **given).to_dict() == scaling(table, **given).to_dict()


def test_settings_are_pooled() -> None:
    deep = [frame().assign(depth=depth, lr=lambda f, depth=depth: f["lr"] * depth) for depth in (1, 2, 4)]
    found = scaling(pd.concat(deep), by=["depth"])
    assert found.verdict == "linear"
    assert len(found.to_dict()["settings"]) == 3
    assert found.figure().name == "best_lr"


def test_accuracies_are_maximized() -> None:
    table = frame(loss="val_accuracy")
    table["val_accuracy"] = 1 - table["val_accuracy"] / 10
    assert scaling(table).verdict == scaling(table, maximize=True).verdict == "linear"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"lr": [0.1], "batch_size": [8, 16], "loss": [1.0, 2.0]}, "columns must be equally long"),
        ({"batch_size": [8, 16], "loss": [1.0, 2.0]}, "learning rate"),
        (pd.DataFrame({"lr": [-0.1, 0.1], "batch_size": [8, 16], "loss": [1.0, 2.0]}), "finite numbers > 0"),
        (pd.DataFrame({"lr": [0.1, 0.1], "batch_size": [8, 8], "loss": [1.0, 2.0]}), "at least two values"),
        (pd.DataFrame(), "must have rows"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_line(table: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as refusal:
        scaling(table)
    assert "\n" not in str(refusal.value)


def test_without_an_answer_there_is_nothing_to_draw() -> None:
    found = scaling({"lr": [0.1, 0.2], "batch_size": [8, 16], "loss": [1.0, np.inf]})
    assert found.verdict == "cannot_tell"
    with pytest.raises(InputError, match="there is nothing to draw"):
        found.figure()


def test_several_settings_of_a_study_have_no_verdict_in_common() -> None:
    params = [{"batch_size": 8, "optimizer.lr": 0.1, "seed": 0, "optimizer": name} for name in ("SGD", "Adam")]
    ran = tuple(Run(0, "", each, {}, None, diverged=False) for each in params)
    with pytest.raises(InputError, match="got 2: optimizer=SGD; optimizer=Adam"):
        of_runs(Runs("s", "", {"optimizer": "sgd,adam"}, ran))


def test_the_public_face_is_what_it_says() -> None:
    assert lrlab.scaling is scaling
    assert all(getattr(lrlab, name) for name in lrlab.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = lrlab.nothing
