from typing import Any

import pytest

from lrlab.config.secrets import HIDDEN, is_secret, without_secret, without_secrets

SECRETS = [
    ("password", "x"),
    ("db.password", 1234),
    ("db.PASSWORD", "x"),
    ("userPassword", "x"),
    ("hub_token", "x"),
    ("wandb.api_key", "x"),
    ("wandb.apiKey", "x"),
    ("apikey", "x"),
    ("aws_secret_access_key", "x"),
    ("client_secret", "x"),
    ("credentials.user", "x"),
    ("store", "postgresql://me:pw@host/db"),
]
NO_SECRETS = [
    ("max_tokens", 512),
    ("pad_token", 0),
    ("tokenizer", "bpe"),
    ("n_token", 3),
    ("key", "x"),
    ("optimizer.lr", 0.1),
    ("password", None),
    ("keyboard", "us"),
    ("secretary", "x"),
    ("store", "postgresql://host/db"),
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_a_secret_is_known_by_its_name(key: str, value: Any) -> None:
    assert is_secret(key, value)


@pytest.mark.parametrize(("key", "value"), NO_SECRETS)
def test_what_is_none(key: str, value: Any) -> None:
    assert not is_secret(key, value)


def test_secrets_are_hidden_wherever_they_are() -> None:
    resolved = {
        "db": {"user": "me", "password": "pw"},
        "lr": 0.1,
        "list": [{"token": "t"}, 1],
        "url": "pw@x",
        "e": "pw",
    }
    written = {**resolved, "url": "${db.password}@x", "e": "${oc.env:MY_PASSWORD}"}
    assert without_secrets(resolved, written) == {
        "db": {"user": "me", "password": HIDDEN},
        "lr": 0.1,
        "list": [{"token": HIDDEN}, 1],
        "url": HIDDEN,
        "e": HIDDEN,
    }


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("db.password=pw", f"db.password='{HIDDEN}'"),
        ("+hub.token='a b'", f"+hub.token='{HIDDEN}'"),
        ("db={user: me, password: pw}", f"db='{HIDDEN}'"),
        ("lr=0.1", "lr=0.1"),
        ("~db", "~db"),
        ("max_tokens=3", "max_tokens=3"),
    ],
)
def test_an_override_keeps_its_key(override: str, shown: str) -> None:
    assert without_secret(override) == shown
