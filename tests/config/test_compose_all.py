"""Every choice and every sweep composes, and every configuration trains."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from lrlab.cli.app import resolve
from lrlab.config.choices import shipped_folder
from lrlab.config.schema import PARTS, SETTINGS
from lrlab.core.optimizer import AdamW
from lrlab.core.regularizer import L2, NoRegularizer
from lrlab.core.schedule import Cosine
from lrlab.errors import InputError
from lrlab.lecture.chapters.momentum import Velocity
from lrlab.training.configuration import flat, from_config, from_record, from_yaml, spell_choices, to_record, to_yaml
from tests.training.single import single, train_epochs

CHOICES = [
    f"{path.parent.name}={path.stem}"
    for path in sorted(shipped_folder("conf").glob("*/*.yaml"))
    if path.parent.name in PARTS
]


def composed(*overrides: str) -> dict:
    with initialize_config_dir(str(shipped_folder("conf")), version_base="1.3"):
        return resolve(compose("config", list(overrides)))


SET_BY_OTHERS = {"method=knn"}  # by model=knn


@pytest.mark.parametrize(
    "choice", [choice for choice in CHOICES if not choice.startswith("data=") and choice not in SET_BY_OTHERS]
)
def test_every_choice_trains(choice: str) -> None:
    wanted = from_config(composed(choice, "epochs=1", "data.train_size=64", "batch_size=16"))
    for event in train_epochs(single(wanted, wanted.data.load())):
        assert not event.diverged
        assert event.metrics["val/loss"] > 0


@pytest.mark.parametrize("path", sorted(shipped_folder("conf").glob("experiment/*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_trains(path: Path) -> None:
    wanted = from_config(composed(f"experiment={path.stem}", "epochs=2", "data.train_size=64", "batch_size=16"))
    *_, last = train_epochs(single(wanted, wanted.data.load()))
    assert not last.diverged


def test_the_recommended_experiment_is_the_lecture_s() -> None:
    wanted = from_config(composed("experiment=recommended", "model=mlp"))
    assert wanted.optimizer == AdamW(lr=1e-3, beta1=0.9, beta2=0.999)
    assert (wanted.schedule, wanted.regularizer) == (Cosine(warmup=0.1), NoRegularizer())
    assert from_config(composed("experiment=recommended", "optimizer.lr=5e-4")).optimizer.lr == 5e-4


@pytest.mark.parametrize("adamw", ["optimizer=adamw", "experiment=recommended"])
def test_adamw_comes_without_a_regularizer_unless_one_is_chosen(adamw: str) -> None:
    assert from_config(composed(adamw)).regularizer == NoRegularizer()
    assert from_config(composed(adamw, "regularizer=l2")).regularizer == L2(1e-4)
    assert from_config(composed("regularizer=l2", adamw, "regularizer.strength=0.1")).regularizer == L2(0.1)
    assert from_config(composed("optimizer=adam")).regularizer == L2(1e-4)


@pytest.mark.parametrize("choice", [choice for choice in CHOICES if choice.startswith("data=")])
def test_every_data_set_composes(choice: str) -> None:
    assert from_config(composed(choice)).data is not None


@pytest.mark.parametrize(("optimizer", "schedule"), [*itertools.product(("sgd", "adamw"), ("cosine", "step"))])
def test_groups_combine(optimizer: str, schedule: str) -> None:
    config = composed(f"optimizer={optimizer}", f"schedule={schedule}", "schedule.warmup=0.1", "optimizer.lr=0.5")
    made = from_config(config)
    assert (made.optimizer.lr, made.schedule.warmup) == (0.5, 0.1)


@pytest.mark.parametrize(
    "choice",
    [
        *("model=mlp model.hidden=[7,5]", "model=knn", "method=newton", "method=test_function", "method=random_search"),
        *(
            "regularizer=l1_proximal",
            "optimizer=adamw",
            "schedule=step",
            "data=spirals",
            "updates=70",
            "dtype=float64",
            "evaluate=log",
            "drop_last=true",
        ),
    ],
)
def test_what_goes_on_record_comes_back(choice: str) -> None:
    config = composed(*choice.split())
    record = from_yaml(to_yaml(to_record(from_config(config))))
    assert from_record(record) == from_config(config)
    assert record == spell_choices(config)
    assert set(record) == {*PARTS, *SETTINGS}
    assert "lrlab." not in str(record)  # so that a class may move


def test_the_record_of_an_earlier_version_is_refused() -> None:
    with pytest.raises(InputError, match=r"^this run was recorded by an earlier version of lrlab"):
        from_record(composed("optimizer=adamw"))


def test_a_class_of_somebody_else_is_recorded_by_its_path_and_needs_trust() -> None:
    record = to_record(replace(from_config(composed()), optimizer=Velocity()))
    assert record["optimizer"]["choice"] == "lrlab.lecture.chapters.momentum.Velocity"
    with pytest.raises(InputError, match=r"^optimizer\._target_ must start with lrlab\.core\.optimizer\."):
        from_record(record)
    assert from_record(record, allow=["lrlab.lecture."]).optimizer == Velocity()


def test_flat_names_are_the_override_words() -> None:
    names = flat(spell_choices(composed("optimizer=adamw")))
    assert names["optimizer"] == "adamw"
    assert names["optimizer.lr"] == 1e-3
    assert {"regularizer.strength", "batch_size", "schedule.warmup"} <= set(names)
