"""What the doctor finds, and that it leaves nothing behind."""

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from lrlab.cli.main import main
from lrlab.commands.doctor import CheckResult, HostLook, clock_finding, host_findings, look
from lrlab.config.command_line import Places
from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study.storage import parse
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag
from tests import postgres

Look = Callable[..., dict[str, CheckResult]]
DEAD = ProcessId.current()._replace(pid=2**22 + 1)


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """The last finding of each check, of a project in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def looked(storage: str | None = None, uri: str | None = None) -> dict[str, CheckResult]:
        findings = look(parse(storage, tmp_path), Mlflow(uri), Places())
        return {finding.check: finding for finding in findings}

    return looked


def mend(findings: dict[str, CheckResult]) -> list[str]:
    return [name for name, finding in findings.items() if finding.state == "mend"]


@pytest.mark.parametrize("storage", [None, "studies.log", "sqlite:///studies.db"])
def test_an_empty_project_is_well_and_stays_empty(found: Look, storage: str | None, tmp_path: Path) -> None:
    findings = found(storage)
    assert mend(findings) == []
    assert "BLAS openblas" in findings["versions"].found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("storage", [None, "sqlite:///studies.db"])
def test_trials_of_dead_processes(found: Look, storage: str | None, tmp_path: Path) -> None:
    study = optuna.create_study(storage=parse(storage, tmp_path).open(), study_name="s")
    study.ask().set_user_attr(f"{Tag.OWNER}/{ProcessId.current()}", True)
    assert found(storage)["trials"].found == "1 trials run"
    study.ask().set_user_attr(f"{Tag.OWNER}/{DEAD}", True)
    finding = found(storage)["trials"]
    assert (finding.state, finding.remedy) == ("mend", "lrlab repair")


def test_runs_of_dead_processes(found: Look) -> None:
    with Mlflow().open("outputs") as tracker:
        run_id = tracker.create_run("r")
        assert found()["runs"].state == "ok"
        tracker.set_tags(run_id, {Tag.OWNER: str(DEAD)})
    assert (found()["runs"].state, found()["runs"].remedy) == ("mend", "lrlab repair")


@pytest.mark.parametrize(("lines", "state"), [(1, "ok"), (3, "mend")])
def test_records_that_wait(found: Look, lines: int, state: str) -> None:
    spool = Path("outputs/spool/a.jsonl")
    spool.parent.mkdir(parents=True)
    spool.write_text("{}\n" * lines)
    assert found()["spool"].state == state
    assert spool.read_text() == "{}\n" * lines


@pytest.mark.parametrize(
    ("storage", "uri", "checks"),
    [
        ("postgresql+psycopg://me:hush@127.0.0.1:1/s", None, ["storage", "trials"]),
        (None, "http://127.0.0.1:1", ["tracking"]),
    ],
)
def test_services_that_do_not_answer(found: Look, storage: str | None, uri: str | None, checks: list[str]) -> None:
    findings = found(storage, uri)
    assert mend(findings) == checks
    assert all(findings[name].remedy for name in checks)
    assert "hush" not in str(findings)


def test_a_file_that_is_no_database(found: Look, tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_text("no database, whatever its name" * 100)
    assert "storage" in mend(found("sqlite:///studies.db"))


@pytest.mark.parametrize(
    ("difference", "state"), [(0.0, "ok"), (-1.9, "ok"), (2.1, "mend"), (-3600.0, "mend"), (1e9, "mend")]
)
def test_clocks(difference: float, state: str) -> None:
    finding = clock_finding("the database", difference)
    assert finding.state == state
    assert ("ahead of" if difference > 0 else "behind") in finding.found


def test_a_host_without_the_folder(tmp_path: Path) -> None:
    storage = parse(None, tmp_path)
    seen = HostLook(str(tmp_path / "project"), Places(), storage, Mlflow(), None, "")
    with pytest.raises(InputError, match="the folder of the sweep: share it"):
        seen(None)
    assert list(tmp_path.iterdir()) == []


def test_a_host_with_other_versions_or_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = parse(None, tmp_path)
    with pytest.raises(InputError, match=r"is not 9\.9 with"):
        HostLook(str(tmp_path), Places(), storage, Mlflow(), None, "", lrlab="9.9")(None)
    from lrlab.data.digits import Digits

    with pytest.raises(InputError, match="data differ, by their digest"):
        HostLook(str(tmp_path), Places(), storage, Mlflow(), Digits(), "0" * 16)(None)


def test_what_is_missing_on_a_host_has_a_remedy() -> None:
    (finding,) = host_findings("n1", "", "n1: there is no /data")
    assert finding.state == "mend"
    assert "hydra.launcher.exclude=n1" in finding.remedy


def test_the_command(found: Look, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor", "--json"]) == 0
    checks = {finding["check"] for finding in json.loads(capsys.readouterr().out)}
    assert {"versions", "storage", "tracking", "spool", "data"} <= checks
    assert main(["doctor", "data=table", "data.path=missing.csv", "data.target=y"]) == 1
    assert "mend  data" in capsys.readouterr().out
    assert main(["doctor", "optimizer=x"]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.machines
@pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL is not installed")
def test_a_database_server_and_its_clock(found: Look) -> None:
    with postgres.running() as url:
        findings = found(url)
        assert mend(findings) == []
        assert findings["clock"].found.startswith("the database is 0.0 s")
        tables = sqlalchemy.inspect(engine := sqlalchemy.create_engine(url)).get_table_names()
        engine.dispose()
    assert tables == []
