import json

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweep.study.study import StudySpec, check_spec, create, find, load, names, newest

TERMS = StudySpec(("minimize",), {"lr": "interval(0.1, 1.0)", "b": "choice(1, 2)"}, ("data=digits", "epochs=3"))


def test_a_study_is_found_again_with_its_terms(storage):
    assert find(storage, "s") is None
    assert names(storage) == []
    create(storage, "s", TERMS)
    create(storage, "t", TERMS)
    check_spec(find(storage, "s"), TERMS)
    assert load(storage, "s").study_name == "s"
    assert names(storage) == ["s", "t"]
    assert newest(storage) == "t"


def test_the_order_of_fixed_overrides_does_not_matter(storage):
    study = create(storage, "s", TERMS)
    check_spec(study, StudySpec(TERMS.directions, TERMS.space, TERMS.fixed[::-1]))


@pytest.mark.parametrize(
    ("terms", "difference"),
    [
        (StudySpec(("maximize",), TERMS.space, TERMS.fixed), "direction was minimize, is maximize"),
        (
            StudySpec(("minimize", "maximize"), TERMS.space, TERMS.fixed),
            "direction was minimize, is minimize, maximize",
        ),
        (
            StudySpec(("minimize",), {"lr": "interval(0.01, 1.0)", "wd": "choice(0)"}, TERMS.fixed),
            "lr was interval(0.1, 1.0), is interval(0.01, 1.0); "
            "b was choice(1, 2), is not swept; wd was not swept, is choice(0)",
        ),
        (
            StudySpec(("minimize",), TERMS.space, ("data=cifar10",)),
            "overrides were data=digits, epochs=3, are data=cifar10",
        ),
    ],
)
def test_other_terms_are_refused_with_the_difference(storage, terms, difference):
    study = create(storage, "s", TERMS)
    with pytest.raises(InputError) as error:
        check_spec(study, terms)
    assert f"study s exists with another search: {difference} (" in str(error.value)


def test_a_study_of_somebody_else_is_refused(storage):
    study = optuna.create_study(storage=storage.open(), study_name="theirs")
    study.add_trial(optuna.trial.create_trial(value=0.0))
    with pytest.raises(InputError, match="study theirs was not made by this sweeper"):
        check_spec(study, TERMS)


def test_a_study_whose_maker_was_killed_at_once_is_begun_again(storage):
    check_spec(optuna.create_study(storage=storage.open(), study_name="s"), TERMS)


def test_an_unknown_study_is_refused_with_those_there_are(storage):
    with pytest.raises(InputError, match=r"there is no study in journal:.* yet"):
        newest(storage)
    create(storage, "s", TERMS)
    with pytest.raises(InputError, match=r"study 'nope' is not in journal:.*; the newest there: s"):
        load(storage, "nope")


def test_terms_survive_the_storage(storage):
    study = create(storage, "s", TERMS)
    assert TERMS.differences(json.loads(json.dumps(study.user_attrs["lrlab.terms"]))) == []
