import pytest

from lrlab.tables.run_columns import is_progress, is_record, unfinished


@pytest.mark.parametrize(
    "name", ["", "Unnamed: 0", "Created", "_timestamp", "Run ID", "train/loss", "eval_f1", "val ppl"]
)
def test_records_and_results(name: str) -> None:
    assert is_record(name, ["0.5", None, "nan"])


@pytest.mark.parametrize("name", ["width", "optimizer.name", "loss_weight", "epochs", "steps", "score_head"])
def test_what_configures_a_run(name: str) -> None:
    assert not is_record(name, ["1", "2"])
    assert not is_progress(name)


def test_a_result_is_a_number() -> None:
    assert not is_record("method.loss", ["hinge", "logistic"])


@pytest.mark.parametrize("name", ["epoch", "_step", "trainer/global_step", "Iteration", "train.epoch"])
def test_steps(name: str) -> None:
    assert is_progress(name)


def test_runs_that_did_not_finish() -> None:
    assert unfinished({"State": ["finished", "Crashed", None]}) == {1: "State crashed"}
    assert unfinished({"state": ["failed", "Ohio"], "lr": ["failed"]}) == {}
