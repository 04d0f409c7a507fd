from collections.abc import Callable

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf

from lrlab.config.composition_errors import one_line
from lrlab.errors import InputError


def raised(action: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of any library
        action()
    return caught.value


def unknown_key() -> None:
    config = OmegaConf.create({"part": {"_target_": "x", "lr": 0.1, "hydra": 1, "beta": 0.9}})
    OmegaConf.set_struct(config, True)
    try:
        config.part.lrr = 1
    except Exception as error:
        raise HydraException("Could not override 'part.lrr'.\nTo append to your config use +part.lrr=1") from error


def test_an_unknown_key_comes_with_those_there_are() -> None:
    assert one_line(raised(unknown_key)) == "the config has no key part.lrr; there is lr, beta"


def test_a_missing_choice_comes_with_those_there_are() -> None:
    error = MissingConfigException("Could not find 'opt/rmsprop'\n\nAvailable options", "opt", ["adam", "sgd"])
    assert one_line(error) == "Could not find 'opt/rmsprop': there is adam, sgd"


@pytest.mark.parametrize(
    ("override", "reason"),
    [("optimizer.lr", "missing EQUAL at '<EOF>'"), ("x=[1", "no viable alternative at input '[1'")],
)
def test_an_override_that_cannot_be_parsed_says_where(override: str, reason: str) -> None:
    line = one_line(raised(lambda: OverridesParser.create().parse_overrides([override])))
    assert line == f"Error parsing override '{override}': {reason}"


def test_an_interpolation_that_leads_nowhere_names_its_key() -> None:
    config = OmegaConf.create({"part": {"lr": "${nope}"}})
    assert one_line(raised(lambda: config.part.lr)) == "part.lr: Interpolation key 'nope' not found"


def test_a_refusal_is_one_line_already() -> None:
    assert one_line(raised(refuse)) == "lr must be > 0"


def refuse() -> None:
    try:
        raise ValueError("of a library")
    except ValueError as error:
        raise InputError("lr must be > 0") from error
