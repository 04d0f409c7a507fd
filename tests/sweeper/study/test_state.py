import json
from typing import Any

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.study.state import STATE, Command, SweepState, read_state, write_state

COMMAND = {"config_dir": None, "config_name": "quickstart", "overrides": ["study=s"]}
STORED = {
    "run_id": "abc",
    "width": 4,
    "microbatches": [[1, 8], [32, 16]],
    "outputs": "/outputs",
    "command": COMMAND,
}


def test_a_study_without_state() -> None:
    study = optuna.create_study()
    assert read_state(study) is None
    write_state(study, SweepState())
    assert read_state(study) is None


@pytest.mark.parametrize("command", [Command(("/sweeps", "/more"), "mine", ("study=s", "+a=1")), None])
def test_a_state_survives_the_storage(command: Command | None) -> None:
    study = optuna.create_study()
    state = SweepState("abc", 4, ((1, 8), (32, 16)), command)
    write_state(study, state)
    study.set_user_attr(STATE, json.loads(json.dumps(study.user_attrs[STATE])))
    assert read_state(study) == state


@pytest.mark.parametrize(("config_dir", "config_dirs"), [(None, ()), ("/sweeps", ("/sweeps",))])
def test_the_state_of_the_first_version(config_dir: str | None, config_dirs: tuple[str, ...]) -> None:
    study = optuna.create_study()
    study.set_user_attr(STATE, STORED | {"command": COMMAND | {"config_dir": config_dir}})
    command = Command(config_dirs, "quickstart", ("study=s",))
    assert read_state(study) == SweepState("abc", 4, ((1, 8), (32, 16)), command)


@pytest.mark.parametrize("change", [{"width": None}, {"microbatches": [8]}, {"command": {}}, {"command": "lrlab"}])
def test_an_unknown_form_is_refused_in_one_line(change: dict[str, Any]) -> None:
    study = optuna.create_study(study_name="s")
    study.set_user_attr(STATE, STORED | change)
    with pytest.raises(InputError, match=r"^study s was begun by another version of lrlab, [^\n]*begin a new study$"):
        read_state(study)


def test_a_missing_key_is_refused() -> None:
    study = optuna.create_study(study_name="s")
    study.set_user_attr(STATE, {"run_id": "abc"})
    with pytest.raises(InputError, match=r"^study s was begun by another version of lrlab"):
        read_state(study)


def test_the_question_is_part_of_the_state_and_not_of_what_a_study_is_resumed_with() -> None:
    study = optuna.create_study()
    write_state(study, SweepState("abc", question="Does it help?"))
    state = read_state(study)
    assert state is not None
    assert state.question == "Does it help?"
    study.set_user_attr(STATE, STORED)  # of a version that had none
    assert (read_state(study) or SweepState()).question == ""
