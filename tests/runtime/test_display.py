from importlib.util import find_spec
from io import StringIO

import pytest
from rich.console import Console

from lrlab.runtime.display import can_redraw


@pytest.mark.parametrize(
    ("console", "expected"),
    [
        (Console(file=StringIO(), force_terminal=True), True),
        (Console(file=StringIO(), force_terminal=False), False),
        (Console(file=StringIO(), force_jupyter=True), find_spec("ipywidgets") is not None),
    ],
)
def test_terminals_and_notebooks_with_widgets_can_be_redrawn(console: Console, expected: bool) -> None:
    assert can_redraw(console) == expected
