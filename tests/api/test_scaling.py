"""The verdict from Python."""

import json
import math
from dataclasses import replace

import pytest

from lrlab.analysis.runs import Run, Runs
from lrlab.api.scaling import Scaling, of_runs
from lrlab.errors import InputError
from lrlab.scaling_law.analysis import analyse
from tests.scaling_law.synthetic import Noise, Simulation


def test_a_verdict_is_shown_with_its_picture() -> None:
    columns = replace(Simulation(noise=Noise(0.001), factor=math.sqrt(2), steps=6), seeds=3).table(0)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    scaling = Scaling(analyse(rows), rows)
    assert scaling.verdict == "linear"
    assert json.loads(json.dumps(scaling.to_dict()))["verdict"] == "linear"
    page = scaling._repr_html_()
    assert "<p>linear: exponent" in page
    assert page.count("<img") == 1
    assert scaling.loss_figure().png.startswith(b"\x89PNG")


def test_several_settings_have_no_verdict_in_common() -> None:
    params = [{"batch_size": 8, "optimizer.lr": 0.1, "seed": 0, "optimizer": name} for name in ("SGD", "Adam")]
    runs = Runs(
        "s", "", {"optimizer": "sgd,adam"}, tuple(Run(0, "", each, {}, None, diverged=False) for each in params)
    )
    with pytest.raises(InputError, match="got 2: optimizer=SGD; optimizer=Adam"):
        of_runs(runs)
