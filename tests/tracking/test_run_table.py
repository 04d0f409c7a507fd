import json

import pytest

from lrlab.tracking import run_table
from lrlab.tracking.tags import Tag


def columns(tags: dict[str, str]) -> list[str]:
    shown: list[str] = json.loads(tags[run_table.TAG])["selectedColumns"]
    return shown


@pytest.mark.parametrize("swept", [(), ("optimizer.lr",), ("model.hidden", "seed", "batch_size")])
def test_the_table_of_a_sweep_has_its_metrics_what_was_swept_and_the_answer(swept: tuple[str, ...]) -> None:
    shown = columns(run_table.of_sweep(["val/loss", "val/accuracy"], swept))
    params = [f"params.`{key}`" for key in swept]
    assert shown == ["metrics.`val/loss`", "metrics.`val/accuracy`", *params, f"tags.`{Tag.ANSWER}`"]


def test_a_view_with_more_columns_than_mlflow_keeps_loses_the_last_ones() -> None:
    keys = [f"a.long.name.of.a.key.{number}" for number in range(300)]
    tags = run_table.of_sweep(["objective"], keys)
    assert len(tags[run_table.TAG]) <= run_table.MAX_LENGTH
    assert columns(tags)[:2] == ["metrics.`objective`", f"params.`{keys[0]}`"]


def test_the_table_of_trainings_tells_what_the_curve_says() -> None:
    assert columns(run_table.of_trainings())[-1] == f"tags.`{Tag.LEARNING_RATE}`"


@pytest.mark.parametrize(("has_view", "end"), [(True, "&viewStateShareKey=lrlab"), (False, "")])
def test_the_address_is_that_of_runs_of_trained_models(*, has_view: bool, end: str) -> None:
    address = run_table.address("http://h:1", "7", has_view=has_view)
    assert address == f"http://h:1/#/experiments/7/runs?workflowType=machine_learning{end}"
