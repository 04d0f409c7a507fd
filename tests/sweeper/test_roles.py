from typing import Any

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.roles import RolesOfSweep, loss_of
from lrlab.sweeper.study.state import SweepState, seed_key, write_state
from tests.sweeper.conftest import Planner


def roles(*keys: str, typed: tuple[str, ...] = (), **named: str) -> RolesOfSweep:
    return RolesOfSweep.of(keys, typed, named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "known"),
    [
        (roles("model.depth", "optim.lr", "bs", "seed"), {"lr": "optim.lr", "batch_size": "bs", "seed": "seed"}),
        (roles("a.lr", "b.lr"), {}),
        (roles("a.lr", "b.lr", typed=("b.lr",)), {"lr": "b.lr"}),
        (roles("a.lr", "b.lr", lr="a.lr"), {"lr": "a.lr"}),
        (roles("speed", "lr", lr="speed"), {"lr": "speed"}),
        (roles("x", loss="val"), {"loss": "val"}),
    ],
)
def test_the_roles_of_keys(found: RolesOfSweep, known: dict[str, str]) -> None:
    assert found.known == known


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"lr": "gone"}, "hydra.sweeper.roles.lr must be a key of the configuration, one of a, b, got 'gone'"),
        ({"lr": "a", "seed": "a"}, "hydra.sweeper.roles.lr must be another key than hydra.sweeper.roles.seed, got 'a'"),
    ],
)
def test_a_role_that_cannot_be_played(named: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        roles("a", "b", **named)
    assert str(refused.value) == said


def test_what_is_said_of_the_roles() -> None:
    found = roles("a.lr", "b.lr", "bs", "seed")
    assert found.lines(optuna.create_study(), ["objective", "acc"]) == [
        "roles: batch_size=bs, seed=seed, loss=objective",
        "lr: which of 'a.lr', 'b.lr'? hydra.sweeper.roles.lr=KEY tells",
        "no key is known to be the weight decay, warmup: hydra.sweeper.roles.ROLE=KEY names it",
    ]


@pytest.mark.parametrize(
    ("direction", "metrics", "loss"),
    [
        ("minimize", ["reported", "objective"], "objective"),
        ("minimize", ["objective", "loss", "train/loss"], "objective"),
        ("minimize", ["objective", "val_loss", "loss"], "val_loss"),
        ("maximize", ["objective", "val/loss"], "val/loss"),
        ("maximize", ["objective", "loss"], "loss"),
    ],
)
def test_the_loss(direction: Any, metrics: list[str], loss: str) -> None:
    assert loss_of(optuna.create_study(direction=direction), metrics) == loss


@pytest.mark.parametrize(
    ("direction", "metrics", "named", "said"),
    [
        (
            "maximize",
            ["objective", "acc"],
            {},
            "no metric is known to be the loss: hydra.sweeper.roles.loss=NAME tells",
        ),
        ("minimize", ["a/val_loss", "b/val_loss"], {}, "loss: which of 'a/val_loss', 'b/val_loss'?"),
        ("minimize", ["objective"], {"loss": "gone"}, "hydra.sweeper.roles.loss must be a metric that the trials"),
    ],
)
def test_a_loss_in_doubt(direction: Any, metrics: list[str], named: dict[str, str], said: str) -> None:
    study = optuna.create_study(direction=direction)
    write_state(study, SweepState(run_id="a", roles=named))
    with pytest.raises(InputError) as refused:
        loss_of(study, metrics)
    assert str(refused.value).startswith(said)


def test_the_key_of_the_repetitions() -> None:
    study = optuna.create_study()
    assert seed_key(study) == "seed"
    write_state(study, SweepState(run_id="a", roles={"seed": "train.random_state"}))
    assert seed_key(study) == "train.random_state"


def test_a_sweep_is_refused_whose_roles_are_not_there(planned: Planner) -> None:
    with pytest.raises(
        InputError, match=r"hydra\.sweeper\.roles\.lr must be a key of the configuration, one of x, o\.r"
    ):
        planned(lambda config: 0.0, "x=1,2", "hydra.sweeper.roles.lr=o.s", x=0, o={"r": 1})
    plan: Any = planned(lambda config: 0.0, "x=1,2", "hydra.sweeper.roles.lr=o.r", x=0, o={"r": 1})
    assert plan.application.roles(plan.sweep).known == {"lr": "o.r"}
