import json
from dataclasses import asdict

from lrlab.analysis.answers.answer import Answer, NextStep, Plot


def test_an_answer_is_json() -> None:
    plot = Plot("x", "y", {"a": [(1.0, 2.0)]}, log_x=True)
    answer = Answer("best", "?", "this", ("that",), {"value": 1.0}, plot, (NextStep("lrlab ui", "see"),))
    assert json.loads(json.dumps(asdict(answer)))["next_steps"] == [{"command": "lrlab ui", "purpose": "see"}]
