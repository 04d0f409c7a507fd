from importlib.metadata import version

from lrlab.runtime.packages import installed, versions


def test_what_is_installed() -> None:
    found = versions(installed())
    assert found["numpy"] == version("numpy")
    assert found["hydra-core"] == version("hydra-core")
    assert list(found) == sorted(found)


def test_a_text_that_was_cut() -> None:
    assert versions("a==1 b==2.0+cpu c=") == {"a": "1", "b": "2.0+cpu"}
    assert versions("") == {}
