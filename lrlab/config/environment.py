"""The environment variables in which lrlab finds addresses that were not given otherwise."""

import logging
import os
import re

STORAGE, TRACKING_URI = "LRLAB_STORAGE", "LRLAB_TRACKING_URI"
HOLDS = {STORAGE: "studies", TRACKING_URI: "runs"}

logger = logging.getLogger(__name__)


def address(variable: str) -> str | None:
    """Return the address in an environment variable; None where it is not set, or empty."""
    return os.environ.get(variable, "").strip() or None


def announce(variable: str, used: str | None) -> None:
    """Say in a line that an address comes from an environment variable, if it does; never its password.

    Args:
        variable: `STORAGE` or `TRACKING_URI`.
        used: the address in use.
    """
    if used is not None and used == address(variable):
        logger.info("%s: %s are in %s", variable, HOLDS[variable], re.sub(r"//[^\s@]*@", "//…@", used))
