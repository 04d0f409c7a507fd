import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import mlflow
from lrlab.tracking.client_store import ClientStore
from lrlab.tracking.database import OWN, address
from lrlab.tracking.mlflow import Mlflow, connect
from lrlab.tracking.place import EXPERIMENT, URI, Place


class TestMlflow:
    @pytest.mark.parametrize(
        "uri", [None, "sqlite:////tmp/runs.db", "http://localhost:5000", "postgresql+psycopg2://me@host/runs"]
    )
    def test_addresses_of_stores(self, uri: str | None) -> None:
        assert Mlflow(uri).uri == uri

    @pytest.mark.parametrize("uri", ["", "mlruns", "file:///tmp/mlruns", "sqlite://", 5000])
    def test_other_addresses_are_refused(self, uri: str) -> None:
        with pytest.raises(InputError, match=r"^tracking\.uri must be null, .* got "):
            Mlflow(uri)

    @pytest.mark.parametrize("name", ["", " ", 3])
    def test_an_experiment_has_a_name(self, name: str) -> None:
        with pytest.raises(InputError, match=r"^tracking\.experiment must be"):
            Mlflow(experiment=name)

    def test_a_place_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("a file")
        with pytest.raises(InputError, match=r"^the MLflow store .*/taken cannot be written: File exists; make it"):
            Mlflow().open(str(tmp_path / "taken"))

    def test_mlflow_is_not_imported_for_a_local_store(self, outputs: str) -> None:
        code = """
import sys
from lrlab.tracking.mlflow import Mlflow, connect
with Mlflow().open(sys.argv[1]) as tracker:
    run = tracker.create_run("run")
    tracker.end_run(run)
    tracker.get_run(run)
print([name for name in ("mlflow", "sqlalchemy", "optuna", "hydra") if name in sys.modules])
"""
        assert subprocess.check_output([sys.executable, "-c", code, outputs], text=True).strip() == "[]"

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_a_schema_of_another_mlflow_is_left_to_the_client_which_says_what_it_knows(self, outputs: str) -> None:
        db = sqlite3.connect(Path(outputs) / "mlflow.db")
        with db:
            db.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        db.close()
        with pytest.raises(InputError, match=r"mlflow\.db \(Detected out-of-date database schema .*ffffffffffff"):
            Mlflow().open(outputs)

    def test_a_store_that_is_laid_out_otherwise_is_left_to_the_client(
        self, outputs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Recognized(Exception):
            pass

        def recognized(uri: str, experiment: str, artifact_root: str | None, view: object) -> None:
            raise Recognized(uri)

        monkeypatch.setattr(mlflow, "schema_is_supported", lambda url: False)
        monkeypatch.setattr(mlflow, "ClientStore", recognized)
        with pytest.raises(Recognized, match=r"^sqlite:////.*/outputs/mlflow\.db$"):
            Mlflow().open(outputs)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URI, EXPERIMENT, "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_environment")
class TestTheEnvironment:
    HOST, BOBS = "http://host", "bobs"

    @pytest.mark.parametrize(
        ("chosen", "recorded", "environment", "expected"),
        [
            ((None, None), None, {}, (OWN, "lrlab")),
            ((None, None), None, {URI: HOST}, (HOST, "lrlab")),
            ((None, None), None, {URI: "", EXPERIMENT: " "}, (OWN, "lrlab")),
            ((None, None), None, {EXPERIMENT: BOBS}, (OWN, BOBS)),
            ((OWN, "x"), None, {URI: HOST, EXPERIMENT: BOBS}, (OWN, "x")),
            (("http://other", None), None, {URI: HOST, EXPERIMENT: BOBS}, ("http://other", BOBS)),
            ((None, None), Place(OWN, "of study"), {URI: HOST, EXPERIMENT: BOBS}, (OWN, "of study")),
            (("http://other", None), Place(OWN, "of study"), {EXPERIMENT: BOBS}, ("http://other", "of study")),
            ((None, "x"), Place(HOST, "of study"), {}, (HOST, "x")),
        ],
    )
    def test_is_a_default_that_a_study_beats_and_what_is_chosen_beats_both(
        self, chosen, recorded, environment, expected, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert Mlflow(*chosen).following(recorded, "outputs").place == Place(*expected)

    @pytest.mark.parametrize(
        ("chosen", "recorded", "environment", "lines"),
        [
            ((None, None), None, {}, []),
            ((None, None), None, {URI: "http://me:pw@h"}, [f"{URI}: runs are in http://h, experiment 'lrlab'"]),
            (
                (None, None),
                None,
                {EXPERIMENT: BOBS},
                [f"{EXPERIMENT}: runs are in the output directory, experiment 'bobs'"],
            ),
            ((HOST, "x"), None, {URI: "http://h", EXPERIMENT: BOBS}, []),
            (
                (None, None),
                Place(OWN, "e"),
                {URI: HOST},
                [f"{URI} does not count: the study has its runs in the output directory"],
            ),
            ((None, None), Place(HOST, "e"), {URI: HOST}, []),
            (
                (None, None),
                None,
                {"MLFLOW_EXPERIMENT_ID": "3"},
                [f"MLFLOW_EXPERIMENT_ID is not followed: name the experiment in {EXPERIMENT}"],
            ),
        ],
    )
    def test_what_counts_is_said_in_a_line(
        self, chosen, recorded, environment, lines, monkeypatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "lrlab")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        Mlflow(*chosen).following(recorded, "outputs").announce(recorded)
        assert caplog.messages == lines

    def test_that_cannot_be_used_is_refused_under_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(URI, "databricks")
        with pytest.raises(InputError, match=f"^{URI} must be "):
            Mlflow().open("outputs")
        assert Mlflow(OWN).place.uri == OWN


@pytest.mark.usefixtures("no_environment")
class TestExperiments:
    def test_new_runs_lie_beside_the_one_that_they_repeat(self, outputs: str) -> None:
        with Mlflow(experiment="bobs").open(outputs) as tracker:
            first = tracker.create_run("first")
        with Mlflow().open_beside(first, outputs) as tracker:
            assert tracker.get_run(tracker.create_run("second")).experiment == "bobs"
        with Mlflow(experiment="chosen").open_beside(first, outputs) as tracker:
            assert tracker.get_run(tracker.create_run("third")).experiment == "chosen"
        with pytest.raises(InputError, match=r"^run_id 'nosuch' is not in "):
            Mlflow().open_beside("nosuch", outputs)
        with closing(sqlite3.connect(Path(outputs) / "mlflow.db")) as db:
            names = {name for (name,) in db.execute("SELECT name FROM experiments")}
        assert names == {"Default", "bobs", "chosen"}

    def test_a_store_that_is_not_there_is_not_made_to_be_read(self, tmp_path: Path) -> None:
        for chosen, key in ((Mlflow(), "outputs"), (Mlflow(f"sqlite:///{tmp_path}/no.db"), r"tracking\.uri")):
            for reads in (lambda m: m.open_existing(str(tmp_path)), lambda m: m.open_beside("r", str(tmp_path))):
                with pytest.raises(InputError, match=f"^{key} must be where runs of lrlab's are, got "):
                    reads(chosen)
        assert list(tmp_path.iterdir()) == []

    def test_the_runs_of_a_study_stay_together(self, outputs: str, tmp_path: Path) -> None:
        recorded = Place(OWN, "bobs")
        with Mlflow(experiment="bobs").open(outputs) as tracker:
            run_id = tracker.create_run("sweep")
        (tmp_path / "moved").mkdir()
        copied = shutil.copy(f"{outputs}/mlflow.db", tmp_path / "moved" / "runs.db")
        for same in (
            Mlflow(OWN, "bobs"),
            Mlflow(f"sqlite:///{outputs}/mlflow.db", "bobs"),
            Mlflow(f"sqlite:///{copied}", "bobs"),
        ):
            same.check_same(recorded, run_id, outputs)
        with pytest.raises(InputError, match=r"^tracking\.experiment must be 'bobs', .* got 'lrlab'$"):
            Mlflow(OWN).check_same(recorded, run_id, outputs)
        with pytest.raises(InputError, match=r"^tracking\.uri must be where the runs of the study are, got sqlite"):
            Mlflow(f"sqlite:///{copied}", "bobs").check_same(recorded, "0" * 32, outputs)

    def test_another_programs_database_is_left_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "other.db"
        with closing(sqlite3.connect(file)) as db:
            db.execute("CREATE TABLE studies (x)")
        before = file.read_bytes()
        with pytest.raises(InputError, match=r"^tracking\.uri must name an MLflow database, got .*another program's$"):
            Mlflow(f"sqlite:///{file}").open(str(tmp_path))
        assert file.read_bytes() == before


ODD = "a?b %20#it's é:&."


@pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
def test_an_output_directory_of_any_name_keeps_its_store_and_files_inside(outputs: str, tmp_path: Path) -> None:
    place = tmp_path / ODD / "outputs"
    place.parent.mkdir()
    shutil.move(outputs, place)
    with Mlflow().open(str(place)) as tracker:
        run_id = tracker.create_run("run", config="seed: 0\n")
        assert tracker.get_run(run_id).config == "seed: 0\n"
    with closing(ClientStore(address(None, str(place)), "lrlab", None)) as client:  # as MLflow sees it
        assert client.get_run(run_id).config == "seed: 0\n"
        client.log_artifacts(run_id, {"more.txt": b"more"})
    assert [path.name for path in tmp_path.iterdir()] == [ODD]
    (found,) = place.rglob("more.txt")
    assert (found.parent / "config.yaml").is_file()
    assert list(place.parent.iterdir()) == [place]


def test_a_copied_output_directory_leaves_the_original_alone(outputs: str, tmp_path: Path) -> None:
    with Mlflow().open(outputs) as tracker:
        run_id = tracker.create_run("run", config="seed: 0\n")
    copy = str(tmp_path / "copy")
    shutil.copytree(outputs, copy)
    before = {path: path.stat().st_mtime_ns for path in Path(outputs).rglob("*")}
    with Mlflow().open(copy) as tracker:
        tracker.log_artifacts(run_id, {"report.html": b"report"})
        new = tracker.create_run("new", config="seed: 1\n")
        assert [tracker.get_run(each).config for each in (run_id, new)] == ["seed: 0\n", "seed: 1\n"]
    assert {path: path.stat().st_mtime_ns for path in Path(outputs).rglob("*")} == before
    shutil.rmtree(outputs)
    with Mlflow().open(copy) as tracker:
        assert [tracker.get_run(each).config for each in (run_id, new)] == ["seed: 0\n", "seed: 1\n"]
    assert not Path(outputs).exists()


@pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
def test_a_copied_store_that_is_laid_out_otherwise_is_told_where_its_files_are(
    outputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mlflow().open(outputs) as tracker:
        run_id = tracker.create_run("run", config="seed: 0\n")
    moved = str(tmp_path / "moved")
    shutil.move(outputs, moved)
    monkeypatch.setattr(mlflow, "schema_is_supported", lambda url: False)
    with Mlflow().open(moved) as tracker:
        assert tracker.get_run(run_id).config == "seed: 0\n"
        new = tracker.create_run("new", config="seed: 1\n")
        assert tracker.get_run(new).config == "seed: 1\n"
    assert not Path(outputs).exists()


@pytest.mark.usefixtures("no_environment")
class TestKind:
    """Where runs go for which no experiment was chosen."""

    @pytest.mark.parametrize(
        ("chosen", "recorded", "environment", "experiment"),
        [
            (None, None, "", "quickstart"),
            (None, None, "team", "team"),
            (None, "lrlab", "team", "lrlab"),  # a study of an earlier version
            ("mine", None, "team", "mine"),
        ],
    )
    def test_the_kind_comes_last(
        self,
        monkeypatch: pytest.MonkeyPatch,
        outputs: str,
        chosen: str | None,
        recorded: str | None,
        environment: str,
        experiment: str,
    ) -> None:
        monkeypatch.setenv(EXPERIMENT, environment)
        place = Place(experiment=recorded) if recorded else None
        assert Mlflow(None, chosen, "quickstart").following(place, outputs).place.experiment == experiment

    def test_runs_of_all_experiments_are_found_and_none_is_created(self, outputs: str) -> None:
        ids = {}
        for kind in ("quickstart", "train"):
            with Mlflow(kind=kind).open(outputs) as tracker:
                ids[kind] = tracker.create_run(kind)
        client = Mlflow().client_store(outputs)
        assert client
        with Mlflow().open_all(outputs) as tracker:
            assert {tracker.get_run(run_id).experiment for run_id in ids.values()} == set(ids)
            assert {run.run_id for run in tracker.unfinished_runs()} == set(ids.values())
        assert {run.run_id for run in client.unfinished_runs()} == set(ids.values())
        assert client.find_run("mlflow.runName", "train") == ids["train"]
        client.close()
        with closing(sqlite3.connect(f"{outputs}/mlflow.db")) as db:
            names = {name for (name,) in db.execute("SELECT name FROM experiments")}
        assert names >= set(ids)

    def test_a_run_is_repeated_beside_itself(self, outputs: str) -> None:
        with Mlflow(kind="train").open(outputs) as tracker:
            first = tracker.create_run("first")
        with Mlflow().open_beside(first, outputs) as tracker:
            second = tracker.get_run(tracker.create_run("second"))
        assert second.experiment == "train"
        assert second.experiment_id == id_of(outputs, "train")

    def test_the_view_of_an_experiment_is_that_of_what_was_recorded_last(self, outputs: str) -> None:
        for view in ({"view": "a"}, {"view": "b", "further": "c"}, None):
            Mlflow(kind="quickstart").open(outputs, view).close()
        connect(address(None, outputs), outputs, "quickstart", {"view": "d"}).close()
        with closing(sqlite3.connect(f"{outputs}/mlflow.db")) as db:
            query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ? AND key IN ('view', 'further')"
            assert dict(db.execute(query, (id_of(outputs, "quickstart"),))) == {"view": "d", "further": "c"}


def id_of(outputs: str, experiment: str) -> str:
    """Return the number of an experiment."""
    with closing(sqlite3.connect(f"{outputs}/mlflow.db")) as db:
        return str(db.execute("SELECT experiment_id FROM experiments WHERE name = ?", (experiment,)).fetchone()[0])
