"""What can show progress: a terminal, or a notebook that has widgets."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def can_redraw(console: "Console") -> bool:
    """Return whether what stands on a console can be replaced; Rich needs ipywidgets for that in a notebook."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)
