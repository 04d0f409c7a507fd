from typing import Any

import pytest

from lrlab.sweeper.trial_name import MAX_LENGTH, last_parts, short_names, trial_name


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"optimizer.lr": 0.0948, "batch_size": 32}, "lr=0.0948 b=32"),
        ({"seed": 3, "optimizer.lr": 0.001}, "seed=3 lr=0.001"),
        ({"regularizer.strength": 1.2345e-6, "schedule.warmup": 0.0}, "lambda=1.23e-06 warmup=0"),
        ({"optimizer": "adamw", "model.hidden": "[100, 50]"}, "optimizer=adamw hidden=[100, 50]"),
        ({"+x": None, "drop_last": True}, "+x=None drop_last=True"),
        ({}, "trial 7"),
    ],
)
def test_a_trial_is_named_by_what_was_swept(params: dict[str, Any], name: str) -> None:
    assert trial_name(7, params) == name


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["encoder.lr", "decoder.lr"], ["encoder.lr", "decoder.lr"]),
        (["a.x.lr", "b.x.lr", "n"], ["a.x.lr", "b.x.lr", "n"]),
        (["lr", "head.lr"], ["lr", "head.lr"]),
        (["a.strength", "b.strength"], ["a.strength", "b.strength"]),
    ],
)
def test_keys_with_one_last_part_are_told_apart(keys: list[str], names: list[str]) -> None:
    assert list(short_names(keys).values()) == names


def test_a_long_name_is_cut() -> None:
    name = trial_name(0, {f"key_number_{number}": number for number in range(50)})
    assert len(name) == MAX_LENGTH
    assert name.endswith("…")


def test_the_last_parts_of_keys_are_not_abbreviated() -> None:
    assert list(last_parts(["optimizer.lr", "batch_size", "optimizer"]).values()) == ["lr", "batch_size", "optimizer"]
    assert list(last_parts(["encoder.lr", "decoder.lr"]).values()) == ["encoder.lr", "decoder.lr"]
