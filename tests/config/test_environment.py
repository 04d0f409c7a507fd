"""Addresses in LRLAB_STORAGE and LRLAB_TRACKING_URI: where they count, and what is said of them."""

import logging
from pathlib import Path

import pytest

from lrlab.cli.app import tracking
from lrlab.cli.options import Records
from lrlab.config import environment
from lrlab.config.command_line import command
from lrlab.tracking.mlflow import Mlflow

DATABASE, SERVER = "postgresql://me:hush@db/studies", "http://runs:5000"
MLFLOW = {"_target_": "lrlab.tracking.mlflow.Mlflow", "uri": None, "experiment": None}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRLAB_STORAGE", DATABASE)
    monkeypatch.setenv("LRLAB_TRACKING_URI", SERVER)


def test_commands_take_them_where_nothing_is_given(variables: None) -> None:
    records = Records(Path("outputs"))
    assert (records.storage_url, records.tracking_uri) == (DATABASE, SERVER)
    assert records.storage().url == DATABASE


def test_what_is_given_comes_first(variables: None) -> None:
    records = Records(Path("outputs"), "memory", "outputs")
    assert (records.storage_url, records.tracking_uri) == ("memory", "outputs")
    assert tracking({"tracking": {**MLFLOW, "uri": "outputs"}, "allow": [], "outputs": "o"}) == Mlflow("outputs")


def test_trainings_and_sweeps_record_there(variables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert tracking({"tracking": MLFLOW, "allow": [], "outputs": "o"}) == Mlflow(SERVER)


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_one_is_not_set(empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRLAB_STORAGE", empty)
    assert environment.address(environment.STORAGE) is None


def test_hints_carry_them_without_a_password(variables: None) -> None:
    hint = command("resume", "s", places=Records(Path("outputs")))
    assert hint == f'lrlab resume s --storage "$LRLAB_STORAGE" --tracking-uri {SERVER}'


def test_a_line_says_that_they_count(variables: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    environment.announce(environment.STORAGE, DATABASE)
    environment.announce(environment.TRACKING_URI, "http://given:5000")
    environment.announce(environment.TRACKING_URI, None)
    assert caplog.messages == ["LRLAB_STORAGE: studies are in postgresql://…@db/studies"]
