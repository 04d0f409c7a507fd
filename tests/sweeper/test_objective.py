from typing import Any

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.objective import direction_of, objective_of
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.study import StudySpec, create


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(("objective", "direction"), [("val/loss", "minimize"), ("val/accuracy", "maximize")])
def test_the_objective_decides_the_direction(objective: str, direction: str, given: bool) -> None:
    assert direction_of(objective, (direction,) if given else None) == direction


@pytest.mark.parametrize(
    ("objective", "given", "message"),
    [
        ("val/accuracy", ("minimize",), "direction must be maximize with objective=val/accuracy, got minimize"),
        ("val/loss", ("maximize",), "direction must be minimize with objective=val/loss, got maximize"),
        ("val/loss", ("minimize", "minimize"), "with objective=val/loss, got minimize, minimize"),
        ("loss", None, "objective must be one of val/loss, val/accuracy, got 'loss'"),
    ],
)
def test_contradictions_are_refused(objective: str, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        direction_of(objective, given)


@pytest.mark.parametrize(("direction", "objective"), [("minimize", "val/loss"), ("maximize", "val/accuracy")])
def test_a_study_tells_its_objective(direction: Any, objective: str) -> None:
    assert objective_of(optuna.create_study(direction=direction)) == objective


def test_a_study_of_an_earlier_version_may_have_minimized_accuracies(storage: Storage) -> None:
    study = create(storage, "s", StudySpec(("minimize",), {}, ("epochs=1", "objective=val/accuracy")))
    assert objective_of(study) == "val/accuracy"
