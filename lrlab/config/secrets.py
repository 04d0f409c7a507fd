"""Which values of a configuration are secrets, by the names of their keys: they are kept out of every record."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from lrlab.config.command_line import PASSWORD

HIDDEN: Final = "(not recorded)"

WORDS: Final = frozenset({"password", "passwd", "passphrase", "secret", "secrets", "credential", "credentials"})
PAIRS: Final = frozenset({"api_key", "access_key", "private_key", "secret_key", "auth_key", "account_key"})
TOKENS: Final = frozenset({"token", "apikey", "pat", "auth"})  # words of language models, too: a number is no secret
REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
INNER_KEY: Final = re.compile(r"[{,]\s*([\w.]+)\s*:")
CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret(key: str, value: Any = "") -> bool:
    """Return whether a value must not be recorded.

    Args:
        key: its name, with those of the nodes around it: `database.password`.
        value: a number is no token: `pad_token=0`.
    """
    words = [word for word in re.split(r"[\W_]+", CAMEL.sub("_", key).lower()) if word]
    pairs = {f"{first}_{second}" for first, second in pairwise(words)}
    if WORDS.intersection(words) or PAIRS & pairs:
        return value is not None
    if isinstance(value, str) and TOKENS.intersection(words):
        return bool(value)
    return isinstance(value, str) and PASSWORD.search(value) is not None


def without_secrets(resolved: Any, written: Any = None, key: str = "") -> Any:
    """Return a configuration in which `HIDDEN` stands for every secret.

    Args:
        resolved: dictionaries, lists and plain values.
        written: the same before its interpolations were filled in: what refers to a secret is one.
        key: of the whole.
    """
    if isinstance(resolved, Mapping):
        below = written if isinstance(written, Mapping) else {}
        return {
            name: without_secrets(value, below.get(name), f"{key}.{name}" if key else str(name))
            for name, value in resolved.items()
        }
    if isinstance(resolved, list):
        items = written if isinstance(written, list) and len(written) == len(resolved) else [None] * len(resolved)
        return [without_secrets(value, item, key) for value, item in zip(resolved, items, strict=True)]
    references = REFERENCE.findall(written) if isinstance(written, str) else ()
    return (
        HIDDEN if is_secret(key, resolved) or any(is_secret(name, str(resolved)) for name in references) else resolved
    )


def without_secret(override: str) -> str:
    """Return an override of Hydra's with `HIDDEN` for its value if that is a secret."""
    key, equals, value = override.partition("=")
    inner = [name for name in INNER_KEY.findall(value) if is_secret(name, value)]  # key={password: …}
    hidden = bool(equals) and (bool(inner) or is_secret(key.lstrip("+~"), value.strip("'\"")))
    return f"{key}={HIDDEN!r}" if hidden else override
