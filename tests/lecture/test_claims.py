import json
from dataclasses import replace

import numpy as np

from lrlab.lecture.claims import Claim, Failure
from tests.lecture.made_up import CLAIMS, DEPENDS, FAILED, HELD, UNEXPLAINED


def test_a_verdict_is_one_of_three() -> None:
    assert [claim.verdict for claim in CLAIMS] == ["holds", "fails", "depends", "fails"]


def test_a_claim_that_holds_has_neither_reason_nor_condition() -> None:
    held = replace(DEPENDS, holds=True)
    assert (held.verdict, held.reason, held.condition) == ("holds", "", "")


def test_a_claim_that_does_not_hold_always_has_a_reason() -> None:
    assert (FAILED.reason, FAILED.condition) == ("It rises by 3.", "with less weight")
    assert (DEPENDS.reason, DEPENDS.condition) == ("Wood floats.", "for iron and lead")
    assert UNEXPLAINED.reason == "Measured: 0.25. Expected: 0."
    assert not UNEXPLAINED.condition


def test_json_has_what_there_is_of_a_claim() -> None:
    claim = Claim("1.3", "n", "c", "e", "m", np.bool_(False), Failure("why"))  # type: ignore[arg-type]
    assert json.loads(json.dumps(claim.to_dict())) == {
        "section": "1.3",
        "name": "n",
        "claim": "c",
        "expected": "e",
        "measured": "m",
        "holds": False,
        "verdict": "fails",
        "reason": "why",
        "condition": "",
    }
    assert HELD.to_dict()["holds"] is True
