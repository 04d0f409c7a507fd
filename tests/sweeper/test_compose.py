"""The short way through `Composer.compose` must give what Hydra's own composition gives, always."""

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from lrlab.config.composition_errors import one_line
from lrlab.errors import InputError
from lrlab.sweeper.compose import Composer

FILES = {
    "config.yaml": """
        defaults: [{typed: inner}, {opt: sgd}, {size: small}, _self_]
        a: 1
        b: 0.5
        s: text
        twice: ${b}
        sum: {of: [1, '${a}', '${opt.lr}'], name: 'lr=${opt.lr}'}
        link: ${opt}
        when: ${now:%f}
        job: ${hydra:job.name}
    """,
    "opt/sgd.yaml": "{lr: 0.1, name: sgd}",
    "opt/adam.yaml": "{lr: 0.001, beta: 0.9, name: adam, half: '${b}'}",
    "size/small.yaml": "{n: 1}",
    "size/large.yaml": "{n: 2}",
}


@dataclass
class Inner:
    x: float = 1.0
    n: int = 3
    maybe: int | None = None
    many: list[float] = field(default_factory=lambda: [1.0])


@pytest.fixture
def composer(tmp_path: Path) -> Iterator[Composer]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text))
    before = copy.deepcopy(Singleton.get_state())
    try:
        ConfigStore.instance().store(group="typed", name="inner", node=Inner)
        hydra = Hydra.create_main_hydra2("app", create_config_search_path(str(tmp_path)))
        config = hydra.compose_config("config", [], RunMode.MULTIRUN)
        HydraConfig.instance().set_config(config)
        config.when  # noqa: B018 - from now on it is this time
        yield Composer(hydra.config_loader, config)
    finally:
        Singleton.set_state(before)


def composed(composer: Composer, overrides: list[str]) -> object:
    """What Hydra gives to the task of a job."""
    try:
        task = copy.deepcopy(composer._loader.load_sweep_config(composer._config, overrides))
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        raise InputError(one_line(error)) from error
    with open_dict(task):
        del task["hydra"]
    return OmegaConf.to_container(task, resolve=True)


def outcome(compose, overrides: list[str]) -> object:
    try:
        return compose(overrides)
    except InputError as error:
        return str(error)


NUMBERS = ["a=2", "a=-3", "a=2.5", "b=1e-3", "b=3", "opt.lr=0.25", "opt.lr=1e+2", "typed.x=4", "typed.n=5", "+new=1"]
OTHERS = [
    "opt=adam",
    "opt=sgd",
    "size=large",
    "s=words",
    "++extra.deep=7",
    "typed.maybe=2",
    "typed.many=[2,3]",
    "a=null",
]
WRONG = ["size=1", "typed.n=2.5", "typed.x=abc", "nope=1", "opt.nope=1", "+a=3", "s.inside=1", "opt=rmsprop", "a=1,2"]
TOGETHER = [
    "opt={lr:3}",
    "opt.lr=7",
    "++opt.beta=0.5",
    "b=${a}",
    "~opt.name",
    "a=01",
    "a=1_000",
    "a=.5",
    "a=1e5",
    "a=nan",
]


def same(composer: Composer, overrides: list[str]) -> None:
    short = outcome(composer.compose, overrides)
    long = outcome(lambda overrides: composed(composer, overrides), overrides)
    assert repr(short) == repr(long), overrides


@pytest.mark.parametrize("overrides", [NUMBERS, OTHERS, WRONG, TOGETHER])
def test_single_overrides(composer: Composer, overrides: list[str]) -> None:
    for override in overrides:
        same(composer, [override])


def test_single_numbers_from_templates_that_are_there(composer: Composer) -> None:
    for number in (1, 2.5e-7):
        for key in ("a", "b", "opt.lr", "typed.x"):
            same(composer, [f"{key}={number}"])


def test_any_company_of_overrides_in_any_order(composer: Composer) -> None:
    rng = random.Random(0)
    for _ in range(15):
        numbers = rng.sample(NUMBERS, rng.randint(0, 3))
        others = rng.sample(OTHERS + WRONG[:3] + TOGETHER, rng.randint(0, 2))
        same(composer, rng.sample(numbers + others, len(numbers + others)))


@pytest.mark.parametrize(
    "overrides",
    [
        ["opt={lr:3}", "opt.lr=7"],
        ["opt.lr=7", "opt={lr:3}"],
        ["a=1", "a=2"],
        ["a=2", "a=${b}"],
        ["link.lr=3"],
        ["sum.of=3"],
    ],
)
def test_overrides_that_touch_the_same_key(composer: Composer, overrides: list[str]) -> None:
    same(composer, overrides)
    same(composer, [override.replace("7", "8") for override in overrides])


def test_trials_that_differ_in_numbers_share_one_composition(
    composer: Composer, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer.compose(["opt=adam", "opt.lr=0.5"])
    monkeypatch.setattr(composer, "job", None)  # Hydra is not asked again
    for lr in (0.25, 1e-5, 3):
        config = composer.compose(["opt=adam", f"opt.lr={lr}"])
        assert config["opt"] == {"lr": lr, "beta": 0.9, "name": "adam", "half": 0.5}
        assert config["sum"] == {"of": [1, 1, lr], "name": f"lr={lr}"}
        assert config["link"] == config["opt"]


def test_what_one_trial_does_with_its_config_is_its_own_affair(composer: Composer) -> None:
    first = composer.compose(["a=1"])
    first["sum"]["of"].append("spoiled")
    assert composer.compose(["a=2"])["sum"]["of"] == [1, 2, 0.1]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("opt.lrr=1", "the config has no key opt.lrr; there is lr, name"),
        ("size=1", "Config group override must be a string or a list. Got int"),
        ("opt=rmsprop", "In 'config': Could not find 'opt/rmsprop': there is adam, sgd"),
        (
            "typed.n=2.5",
            "Error merging override typed.n=2.5: Value '2.5' of type 'float' could not be converted to Integer",
        ),
    ],
)
def test_refusals_are_one_line(composer: Composer, override: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        composer.compose([override])
    assert str(error.value) == message


def test_a_job_has_its_number_and_keeps_the_sweeps_time(composer: Composer) -> None:
    job = composer.job(["a=2"], 7)
    assert (job.a, job.hydra.job.num, job.hydra.job.id) == (2, 7, "7")
    assert job.when == composer._config.when
