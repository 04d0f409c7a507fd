"""The commands about studies as a whole."""

from pathlib import Path

import optuna
import pytest

from lrlab.cli.main import main
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names


@pytest.mark.parametrize("command", ["delete --yes", "show", "trials", "best", "report", "resume", "reproduce --study"])
def test_an_empty_name_is_no_study(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    storage = parse("journal:outputs/optuna.log", tmp_path)
    optuna.create_study(study_name="s", storage=storage.open())
    assert main([*command.split(), ""]) == 2
    assert f"lrlab: study '' is not in {storage}; the newest there: s\n" == capsys.readouterr().err
    assert names(storage) == ["s"]
