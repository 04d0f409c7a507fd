"""Texts in Hydra's override grammar: written so that Hydra reads the same text again, and read as they were typed."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lrlab.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

# The keys whose values are names and paths: study=1e3 is a study of that name, and no number
TEXT_KEYS = (
    "study",
    "question",
    "outputs",
    "data.root",
    "data.path",
    "data.test_path",
    "data.target",
    "tracking.experiment",
    "hydra.job.name",
    "hydra.sweeper.study_name",
)
WORD = re.compile(r"(?!(true|false|null|inf|nan)\Z)[a-z_][\w./-]*", re.IGNORECASE | re.ASCII)
TYPED = re.compile(  # neither in quotes, nor with escapes, lists, calls or references
    r"""(?P<key>\+{0,2}[\w.]+) = (?!\s*['"]) (?P<text> (?: [^\\()\[\]{},$] | \$(?!\{) )* )""", re.VERBOSE
)


def text_override(key: str, text: str) -> str:
    """Return the override that gives a key this text, whatever characters it holds."""
    return f"{key}={quoted(text)}"


def texts_override(key: str, texts: Sequence[str]) -> str:
    """Return the override that gives a key a list of texts."""
    return f"{key}=[{','.join(map(quoted, texts))}]"


def quoted(text: str) -> str:
    """Return a text as Hydra's grammar reads it: in quotes, unless it is a plain word."""
    if WORD.fullmatch(text):
        return text
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # OmegaConf would take it for a reference
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    text = re.sub(r"(\\+)\Z", r"\1\1", text)
    return f"'{text}'"


def overrides_of(config: "DictConfig", kind: Literal["task", "hydra"]) -> list[str]:
    """Return the overrides with which Hydra composed a config, as typed: references in them are not resolved."""
    from omegaconf import OmegaConf

    typed: dict[str, list[str]] = OmegaConf.to_container(config.hydra.overrides, resolve=False)  # type: ignore[assignment]
    return typed[kind]


def typed_text(override: str) -> str | None:
    """Return the value of an override as it was typed; None where Hydra's grammar makes more of it than a text."""
    match = TYPED.fullmatch(override)
    text = match["text"].strip() if match else None
    return None if text is None or text.lower() == "null" else text


def typed_value(overrides: Sequence[str], key: str) -> str | None:
    """Return what a key was given last, as it was typed; None where it was not given, or Hydra makes more of it."""
    given = [text for text in overrides if text.lstrip("+").startswith(f"{key}=")]
    return typed_text(given[-1]) if given else None


def texts_as_typed(overrides: Sequence[str]) -> list[str]:
    """Return overrides in which the values of `TEXT_KEYS` stay texts, as `1e3` and `007` would not."""
    return [_as_typed(override) for override in overrides]


def check_texts(config: Mapping[str, Any]) -> None:
    """Refuse numbers and truth values for names and paths, which a file says without quotes.

    Args:
        config: a resolved configuration, as nested dictionaries.

    Raises:
        InputError: for example ``study must be a text, got 1000.0: put it in quotes``.
    """
    for key in TEXT_KEYS:
        value: Any = config
        for name in key.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, bool | int | float):
            raise InputError(f"{key} must be a text, got {value!r}: put it in quotes")


def _as_typed(override: str) -> str:
    key, text = override.partition("=")[0], typed_text(override)
    return override if text is None or key.lstrip("+") not in TEXT_KEYS else text_override(key, text)
