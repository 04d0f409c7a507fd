import os
from pathlib import Path

import pytest

from lrlab.runtime.home import NOWHERE, home, home_variable, named_home


def test_a_home_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (home(), home_variable()) == (tmp_path, {})
    with named_home():
        assert os.environ["HOME"] == str(tmp_path)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the machine does not know, without HOME, as in a container."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)


def test_without_one_other_libraries_get_one_that_does_not_exist(nobody: None) -> None:
    assert (home(), home_variable()) == (None, {"HOME": NOWHERE})
    with named_home():
        assert Path.home() == Path(NOWHERE)
    assert "HOME" not in os.environ
