from typing import Literal

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from lrlab.sweeper.course import BEST, OBJECTIVE, log_course, points
from lrlab.tracking.memory_tracker import MemoryTracker


def study(*values: float | None, direction: Literal["minimize", "maximize"] = "minimize") -> optuna.Study:
    """Return a study whose trials came to these values; None is one that failed."""
    made = optuna.create_study(direction=direction)
    for value in values:
        made.add_trial(create_trial(value=value, state=TrialState.FAIL if value is None else TrialState.COMPLETE))
    return made


@pytest.mark.parametrize(
    ("direction", "best"), [("minimize", [3, 2, 2]), ("maximize", [3, 3, 5])], ids=["minimize", "maximize"]
)
def test_the_best_so_far_is_the_best_of_the_trials_up_to_there(
    direction: Literal["minimize", "maximize"], best: list[float]
) -> None:
    assert points(study(3, None, 2, 5, direction=direction)) == [
        (number, value, so_far) for (number, value), so_far in zip([(0, 3), (2, 2), (3, 5)], best, strict=True)
    ]


def test_a_search_without_a_result_or_with_several_objectives_has_no_course() -> None:
    assert points(study(None)) == []
    several = optuna.create_study(directions=["minimize", "maximize"])
    several.add_trial(create_trial(values=[1, 2]))
    assert points(several) == []


def test_a_sweep_that_goes_on_adds_what_its_run_does_not_hold_yet() -> None:
    tracker, made = MemoryTracker(), study(3, 2)
    run_id = tracker.create_run("s")
    log_course(tracker, run_id, made)
    made.add_trial(create_trial(value=1))
    log_course(tracker, run_id, made)
    assert tracker.get_run(run_id).metrics == {OBJECTIVE: [(0, 3), (1, 2), (2, 1)], BEST: [(0, 3), (1, 2), (2, 1)]}
