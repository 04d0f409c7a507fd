"""A launch is stored, repeated from the folder where its user stands, and trusted only if it lies there."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lrlab.errors import InputError
from lrlab.runs.launch import Launch


def launch(**changes: Any) -> Launch:
    plain = {"module": "", "script": "train.py", "folder": "/home/me/project", "config_name": "config"}
    return Launch(**{**plain, **changes})


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("train.py", "pkg/train.py", "src/other/__main__.py", "conf/config.yaml"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()


def test_what_a_process_runs() -> None:
    script, module, typed = ModuleType("__main__"), ModuleType("__main__"), ModuleType("__main__")
    script.__file__ = "/home/me/project/train.py"
    module.__spec__ = type("Spec", (), {"name": "pkg.__main__"})()
    found = Launch.of(script, "/home/me/project", "config", "/home/me/project/conf", ["/elsewhere"])
    assert found == launch(config_path="conf", config_dirs=("/elsewhere",))
    assert Launch.of(module, "/home/me", "config", "pkg://pkg.conf", []).module == "pkg"
    assert not Launch.of(typed, "/home/me", "config", "", []).script


def test_it_survives_the_record() -> None:
    before = launch(config_path="conf", config_dirs=("more",))
    assert Launch.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_the_command_is_run_in_the_current_folder() -> None:
    words = launch(config_path="conf", config_dirs=("more",)).command(["x=1"])
    here = str(Path.cwd())
    assert words[:2] == [sys.executable, "train.py"]
    assert words[2:] == [
        *("--config-path", f"{here}/conf", "--config-name", "config", "--config-dir", f"{here}/more"),
        *("-m", "x=1"),
    ]
    assert launch(module="pkg.train", script="").command([])[1:3] == ["-m", "pkg.train"]


@pytest.mark.parametrize(
    ("changes", "overrides"),
    [
        ({}, ["x=1"]),
        ({"module": "pkg.train", "script": ""}, []),
        ({"module": "other", "script": ""}, []),
        ({"config_path": "conf"}, []),
        ({"config_path": "pkg://pkg.conf"}, []),
    ],
)
def test_what_lies_here_is_trusted(changes: dict[str, Any], overrides: list[str]) -> None:
    launch(**changes).check_trusted(overrides, [])


@pytest.mark.parametrize(
    ("changes", "overrides", "said", "allow"),
    [
        ({"script": "/tmp/evil.py"}, [], "--allow /tmp/evil.py", "/tmp/"),
        ({"script": "../evil.py"}, [], "--allow ../evil.py", "../"),
        ({"module": "evil.train", "script": ""}, [], "--allow evil.", "evil."),
        ({"config_path": "/tmp/conf"}, [], "--allow /tmp/conf", "/tmp/"),
        ({"config_path": "pkg://evil.conf"}, [], "--allow evil.", "evil."),
        ({"config_dirs": ("/tmp/conf",)}, [], "--allow /tmp/conf", "/tmp/"),
        ({}, ["+x._target_=os.system"], "--allow os.system", "os."),
        ({}, ["x={_target_: os.system}"], "--allow x if you trust it", "x"),
        ({}, ["hydra.searchpath=[file:///tmp]"], "--allow hydra.searchpath", "hydra.searchpath"),
        ({}, ["+hydra.callbacks.a.b=1"], "--allow hydra.callbacks", "hydra.callbacks"),
    ],
)
def test_what_does_not_must_be_allowed(changes: dict[str, Any], overrides: list[str], said: str, allow: str) -> None:
    with pytest.raises(InputError) as refused:
        launch(**changes).check_trusted(overrides, ["harmless."])
    assert said in str(refused.value)
    launch(**changes).check_trusted(overrides, [allow])


@pytest.mark.parametrize("changes", [{"script": "gone.py"}, {"script": ""}])
def test_what_is_not_there_cannot_be_run(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^(gone\.py is not in the current folder|only a script or a module)"):
        launch(**changes).check_trusted([], [])
