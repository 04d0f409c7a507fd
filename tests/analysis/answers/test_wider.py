import optuna
import pytest

from lrlab.analysis.answers.wider import wider
from lrlab.sweeper.study.state import Command, SweepState, write_state
from lrlab.sweeper.study.study import SPEC


def searched(definition: str, key: str = "optimizer.lr", folders: tuple[str, ...] = ()) -> optuna.Study:
    study = optuna.create_study()
    study.set_user_attr(SPEC, {"space": {key: definition}})
    overrides = ("study=s", f"{key}=1", "data.path='my data'")
    write_state(study, SweepState("abc", command=Command(folders, "quickstart", overrides)))
    return study


@pytest.mark.parametrize(
    ("definition", "value", "end", "override"),
    [
        ("tag(log, interval(0.001, 1))", 0.99, "highest", "'optimizer.lr=tag(log,interval(0.1,10))'"),
        ("tag(log, interval(0.001, 1))", 0.001, "lowest", "'optimizer.lr=tag(log,interval(0.0001,0.01))'"),
        ("choice(0.1, 0.2, 0.4)", 0.4, "highest", "'optimizer.lr=choice(0.2,0.4,0.8,1.6,3.2)'"),
    ],
)
def test_a_sweep_begins_where_the_other_ended(definition: str, value: float, end: str, override: str) -> None:
    (step,) = wider(searched(definition), {"optimizer.lr": value}, {"optimizer.lr": end})  # type: ignore[dict-item]
    assert step.command == f"""lrlab sweep quickstart 'data.path='"'"'my data'"'"'' {override}"""
    assert step.purpose == f"look beyond the {end} optimizer.lr tried"


@pytest.mark.parametrize("definition", ["tag(bracket, choice(0.1, 0.2))", "interval(0, 1)", ""])
def test_what_goes_on_by_itself_or_is_bounded_has_none(definition: str) -> None:
    assert wider(searched(definition), {"optimizer.lr": 0.2}, {"optimizer.lr": "highest"}) == ()


def test_other_keys_and_other_files_have_none() -> None:
    found = searched("choice(1, 2)", "model.k")
    assert wider(found, {"model.k": 2}, {"model.k": "highest"}) == ()
    own = searched("choice(0.1, 0.2)", folders=("../mine",))
    assert wider(own, {"optimizer.lr": 0.2}, {"optimizer.lr": "highest"}) == ()
    assert wider(optuna.create_study(), {}, {}) == ()
