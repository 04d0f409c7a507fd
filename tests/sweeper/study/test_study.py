import json
from dataclasses import replace

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.study import StudySpec, check_spec, create, find, load, names, newest

SPEC = StudySpec(("minimize",), {"lr": "interval(0.1, 1.0)", "b": "choice(1, 2)"}, ("data=digits", "epochs=3"))


def test_a_study_is_found_again_with_its_spec(storage: Storage) -> None:
    assert find(storage, "s") is None
    assert names(storage) == []
    create(storage, "s", SPEC)
    create(storage, "t", SPEC)
    found = find(storage, "s")
    assert found
    check_spec(found, SPEC)
    assert load(storage, "s").study_name == "s"
    assert names(storage) == ["s", "t"]
    assert newest(storage) == "t"


def test_the_order_of_fixed_overrides_does_not_matter(storage: Storage) -> None:
    study = create(storage, "s", SPEC)
    check_spec(study, StudySpec(SPEC.directions, SPEC.space, SPEC.fixed[::-1]))


@pytest.mark.parametrize(
    ("spec", "difference"),
    [
        (StudySpec(("maximize",), SPEC.space, SPEC.fixed), "direction was minimize, is maximize"),
        (
            StudySpec(("minimize", "maximize"), SPEC.space, SPEC.fixed),
            "direction was minimize, is minimize, maximize",
        ),
        (
            StudySpec(("minimize",), {"lr": "interval(0.01, 1.0)", "wd": "choice(0)"}, SPEC.fixed),
            "lr was interval(0.1, 1.0), is interval(0.01, 1.0); "
            "b was choice(1, 2), is not swept; wd was not swept, is choice(0)",
        ),
        (
            StudySpec(("minimize",), SPEC.space, ("data=cifar10",)),
            "overrides were data=digits, epochs=3, are data=cifar10",
        ),
    ],
)
def test_another_spec_is_refused_with_the_difference(storage: Storage, spec: StudySpec, difference: str) -> None:
    study = create(storage, "s", SPEC)
    with pytest.raises(InputError) as error:
        check_spec(study, spec)
    assert f"study s exists with another search: {difference} (" in str(error.value)


def test_terms_are_compared_key_by_key_instead_of_overrides(storage: Storage) -> None:
    def spec(*fixed: str, **terms: str) -> StudySpec:
        return StudySpec(("minimize",), {}, fixed, terms)

    study = create(storage, "s", spec("epochs=3", epochs="3", gone="1"))
    check_spec(study, spec(epochs="3", gone="1"))
    with pytest.raises(InputError, match=r": epochs was 3, is 4; gone was 1, is not set; new was not set, is 2 \("):
        check_spec(study, spec("epochs=3", epochs="4", new="2"))


@pytest.mark.parametrize(
    ("then", "now", "difference"),
    [
        ({"b": "lr=1"}, {}, "b applied where lr=1, applies everywhere"),
        ({}, {"b": "lr=1"}, "b applied everywhere, applies where lr=1"),
        ({"b": "lr=1"}, {"b": "lr=1,2"}, "b applied where lr=1, applies where lr=1,2"),
        ({"epochs": "b=1"}, {}, "epochs applied where b=1, applies everywhere"),
    ],
)
def test_other_conditions_are_refused(
    storage: Storage, then: dict[str, str], now: dict[str, str], difference: str
) -> None:
    study = create(storage, "s", replace(SPEC, conditions=then))
    check_spec(study, replace(SPEC, conditions=then))
    with pytest.raises(InputError) as error:
        check_spec(study, replace(SPEC, conditions=now))
    assert f": {difference} (" in str(error.value)


def test_the_conditions_of_a_key_that_is_not_swept_any_more_are_not_told(storage: Storage) -> None:
    study = create(storage, "s", replace(SPEC, conditions={"b": "lr=1"}))
    with pytest.raises(InputError, match=r": b was choice\(1, 2\), is not swept \("):
        check_spec(study, replace(SPEC, space={"lr": SPEC.space["lr"]}))


def test_a_study_from_before_conditions_has_none(storage: Storage) -> None:
    study = create(storage, "s", SPEC)
    stored = dict(study.user_attrs["lrlab.terms"])
    del stored["conditions"]
    study.set_user_attr("lrlab.terms", stored)
    check_spec(study, SPEC)


def test_a_study_of_an_earlier_version_is_compared_by_its_overrides(storage: Storage) -> None:
    study = create(storage, "s", SPEC)
    stored = {key: value for key, value in study.user_attrs["lrlab.terms"].items() if key != "terms"}
    study.set_user_attr("lrlab.terms", stored)
    check_spec(study, replace(SPEC, terms={"epochs": "3"}))
    with pytest.raises(InputError, match="overrides were data=digits, epochs=3, are data=digits"):
        check_spec(study, replace(SPEC, fixed=("data=digits",), terms={"epochs": "3"}))


def test_a_study_of_somebody_else_is_refused(storage: Storage) -> None:
    study = optuna.create_study(storage=storage.open(), study_name="theirs")
    study.add_trial(optuna.trial.create_trial(value=0.0))
    with pytest.raises(InputError, match="study theirs was not made by this sweeper"):
        check_spec(study, SPEC)


def test_a_study_whose_maker_was_killed_at_once_is_begun_again(storage: Storage) -> None:
    check_spec(optuna.create_study(storage=storage.open(), study_name="s"), SPEC)


def test_an_unknown_study_is_refused_with_those_there_are(storage: Storage) -> None:
    with pytest.raises(InputError, match=r"there is no study in journal:.* yet"):
        newest(storage)
    create(storage, "s", SPEC)
    with pytest.raises(InputError, match=r"study 'nope' is not in journal:.*; the newest there: s"):
        load(storage, "nope")


def test_a_spec_survives_the_storage(storage: Storage) -> None:
    study = create(storage, "s", SPEC)
    assert SPEC.differences(json.loads(json.dumps(study.user_attrs["lrlab.terms"]))) == []


def test_a_secret_that_an_earlier_version_stored_is_neither_compared_nor_shown(storage: Storage) -> None:
    study = create(storage, "s", replace(SPEC, terms={"db.password": "hunter2", "epochs": "3"}))
    check_spec(study, replace(SPEC, terms={"epochs": "3"}))
    with pytest.raises(InputError) as refused:
        check_spec(study, replace(SPEC, terms={"epochs": "4"}))
    assert "hunter2" not in str(refused.value)
