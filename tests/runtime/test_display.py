from importlib.util import find_spec
from io import StringIO

import pytest
from rich.console import Console

from lrlab.runtime.display import can_redraw, has_display


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


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ""}, False),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, False),
    ],
)
def test_a_browser_needs_a_display(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], *, expected: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert has_display() == expected
