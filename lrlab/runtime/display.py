"""What can be shown: progress, on a terminal or in a notebook that has widgets; pages, in a browser."""

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def can_redraw(console: "Console") -> bool:
    """Return whether what stands on a console can be replaced; Rich needs ipywidgets for that in a notebook."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)


def has_display() -> bool:
    """Return whether a browser could open a window for the user of this process."""
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
