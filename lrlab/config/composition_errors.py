"""What Hydra and OmegaConf raise for a configuration, as the one line that a user reads."""

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from lrlab.errors import InputError


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line, with the keys or choices that there are."""
    if isinstance(error, InputError):
        return str(error)
    cause = None if isinstance(error.__cause__, OSError) else error.__cause__  # of which the error itself tells
    if isinstance(cause, ConfigAttributeError | ConfigKeyError) and isinstance(cause.parent_node, DictConfig):
        keys = ", ".join(str(key) for key in cause.parent_node if key != "hydra" and not str(key).startswith("_"))
        return f"the config has no key {cause.full_key}" + (f"; there is {keys}" if keys else "")
    parts = [_first_line(error), _first_line(cause)]
    if isinstance(error, OverrideParseException):
        parts = [line for line in str(error).splitlines() if not line.startswith("See ")]
        if error.override not in parts[0]:
            parts.insert(0, f"Error parsing override '{error.override}'")
    if isinstance(error, OmegaConfBaseException) and error.full_key and str(error.full_key) not in parts[0]:
        parts.insert(0, str(error.full_key))
    if isinstance(error, MissingConfigException) and error.options:
        parts.append(f"there is {', '.join(error.options)}")
    return ": ".join(part for part in parts if part)


def _first_line(error: BaseException | None) -> str:
    return str(error or "").partition("\n")[0].rstrip(".")
