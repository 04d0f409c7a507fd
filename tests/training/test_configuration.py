"""Records and configurations as plain values; test_compose_all.py has what conf/ composes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import yaml

from lrlab.config.schema import PARTS, SETTINGS
from lrlab.core.model import MLP
from lrlab.core.optimizer import AdamW
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.training.configuration import (
    check_shared,
    flat,
    from_config,
    from_flat,
    from_record,
    from_yaml,
    says_all,
    spell_choices,
    to_record,
    to_yaml,
)
from lrlab.training.experiment import Experiment

Make = Callable[..., Experiment]


@dataclass(frozen=True)
class Mine(AdamW):
    """An optimizer that conf/ does not offer."""


@pytest.fixture
def wanted(experiment: Make) -> Experiment:
    return experiment(
        data=Digits(train_size=64), model=MLP([7, 5]), optimizer=AdamW(lr=1e-5), batch_size=16, updates=70
    )


def config_of(experiment: Experiment) -> dict[str, Any]:
    """What a composition of this experiment resolves to."""
    config = to_record(experiment)
    for name in PARTS:
        kind = type(getattr(experiment, name))
        config[name] = {"_target_": f"{kind.__module__}.{kind.__qualname__}", **config[name]}
        del config[name]["choice"]
    return config


def test_a_configuration_becomes_its_experiment_whatever_else_it_holds(wanted: Experiment) -> None:
    config = config_of(wanted)
    assert from_config(config | {"outputs": "elsewhere", "tracking": {"_target_": "os.system"}}) == wanted
    del config["seed"], config["dtype"]
    assert from_config(config) == wanted  # both are the defaults


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"batch_size": "16"}, "batch_size must be an integer >= 1, got '16'"),
        ({"updates": 0.5}, "updates must be "),
        ({"seed": True}, "seed must be an integer >= 0, got True"),
        ({"dtype": "float16"}, "dtype must be one of float32, float64, got 'float16'"),
        ({"loss": {"_target_": "lrlab.core.optimizer.SGD"}}, "loss._target_ must start with lrlab.core.loss., got"),
        (
            {"optimizer": {"_target_": "lrlab.core.optimizer.SGD", "lr": -1}},
            "optimizer.lr must be a number > 0, got -1",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_named(wanted: Experiment, changes: dict, message: str) -> None:
    with pytest.raises(InputError) as error:
        from_config(config_of(wanted) | changes)
    assert str(error.value).startswith(message)


def test_a_record_is_plain_values_with_choices_by_name(wanted: Experiment) -> None:
    record = to_record(wanted)
    assert list(record) == [*PARTS, *SETTINGS]
    assert record["model"] == {"choice": "mlp", "hidden": [7, 5]}
    assert (record["optimizer"]["choice"], record["optimizer"]["lr"]) == ("adamw", 1e-5)
    assert (record["batch_size"], record["updates"]) == (16, 70)
    assert spell_choices(config_of(wanted) | {"outputs": "elsewhere"}) == record
    assert from_yaml(to_yaml(record)) == record
    assert from_record(from_yaml(to_yaml(record))) == wanted


def test_what_a_record_says_of_trust_does_not_count(wanted: Experiment) -> None:
    record = to_record(replace(wanted, optimizer=Mine(lr=0.5)))
    assert record["optimizer"]["choice"] == f"{Mine.__module__}.Mine"
    with pytest.raises(InputError, match=r"^optimizer\._target_ must start with lrlab\.core\.optimizer\."):
        from_record(record | {"allow": [Mine.__module__]})


@pytest.mark.parametrize("part", PARTS)
def test_a_record_without_a_choice_or_without_a_part_is_of_an_earlier_version(wanted: Experiment, part: str) -> None:
    record = to_record(wanted)
    without = {name: value for name, value in record.items() if name != part}
    for earlier in (without, record | {part: config_of(wanted)[part]}):
        with pytest.raises(InputError, match=r"^this run was recorded by an earlier version of lrlab"):
            from_record(earlier)


def test_a_record_is_left_as_it_is_by_its_reader(wanted: Experiment) -> None:
    record, config = to_record(wanted), config_of(wanted)
    from_record(record)
    spell_choices(config)
    assert (record, config) == (to_record(wanted), config_of(wanted))


def test_flat_names_are_paths_and_a_choice_goes_by_its_part() -> None:
    record = {"optimizer": {"choice": "sgd", "lr": 0.1, "deep": {"er": None}}, "hidden": [1, 2], "seed": 0}
    assert flat(record) == {
        "optimizer": "sgd",
        "optimizer.lr": 0.1,
        "optimizer.deep.er": None,
        "hidden": [1, 2],
        "seed": 0,
    }


def test_a_record_that_holds_code_is_not_read() -> None:
    with pytest.raises(yaml.YAMLError):
        from_yaml("optimizer: !!python/object/apply:os.getcwd []")


def test_trials_may_differ_in_what_is_trained_alone() -> None:
    sweep = {"outputs": "o", "population": {"width": None, "microbatch": None}, "seed": 0}
    check_shared(sweep, [sweep | {"seed": seed} for seed in (1, 2)])
    for changes, message in (
        ([{"outputs": "o"}, {"outputs": "p"}], r"^outputs must be one value for the whole sweep, .* got o, p$"),
        ([{"outputs": "p"}], r"^outputs must .* hydra\.sweeper\.params, got p$"),
        ([{"population": {"width": 2, "microbatch": None}}, {}], r"^population\.width must .* got 2, None$"),
        ([{"study": "s"}], r"^study must .* got s$"),
    ):
        with pytest.raises(InputError, match=message):
            check_shared(sweep, [sweep | change for change in changes])


def test_params_say_all_of_a_record(wanted: Experiment) -> None:
    record = to_record(wanted)
    texts = {key: str(value) for key, value in flat(record).items()}
    assert says_all(flat(record), record)
    assert from_flat(texts) == record
    assert from_record(from_flat(dict(sorted(texts.items(), reverse=True)))) == wanted  # as a store may return them


@pytest.mark.parametrize("text", ["1", "1e-3", "True", "None", "[1, 2]", "'quoted'"])
def test_params_do_not_say_that_a_value_is_a_text_which_looks_like_another(text: str) -> None:
    assert not says_all({"data.path": text}, {"data": {"path": text}})
    assert says_all({"data.path": "train.csv"}, {"data": {"path": "train.csv"}})


def test_params_do_not_say_all_of_a_key_with_a_dot() -> None:
    assert not says_all({"a.b": 1}, {"a.b": 1})
    assert not says_all({"a": 1, "a.b": 1}, {"a": 1, "a.b": 1})


def test_records_that_are_told_from_the_same_texts_share_nothing() -> None:
    params = {"model": "mlp", "model.hidden": "[8, 4]"}
    from_flat(params)["model"]["hidden"].append(2)
    assert from_flat(params)["model"]["hidden"] == [8, 4]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1.0), ("True", True), ("None", None), ("1e3", 1e3), ("l2", "l2"), ("'1'", "1")],
)
def test_a_text_is_told_the_same_the_second_time(text: str, value: object) -> None:
    for _ in range(2):
        assert repr(from_flat({"epochs": text})["epochs"]) == repr(value)
