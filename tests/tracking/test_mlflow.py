import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import mlflow
from lrlab.tracking.mlflow import Mlflow


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
        with pytest.raises(InputError, match=r"cannot be written \(.*/taken: File exists\)$"):
            Mlflow().open(str(tmp_path / "taken"))

    def test_mlflow_is_not_imported_for_a_local_store(self, outputs: str) -> None:
        code = """
import sys
from lrlab.tracking.mlflow import Mlflow
with Mlflow().open(sys.argv[1]) as tracker:
    run = tracker.create_run("run")
    tracker.end_run(run)
    tracker.get_run(run)
print([name for name in ("mlflow", "sqlalchemy", "optuna", "hydra") if name in sys.modules])
"""
        assert subprocess.check_output([sys.executable, "-c", code, outputs], text=True).strip() == "[]"

    def test_a_store_that_is_laid_out_otherwise_is_left_to_the_client(
        self, outputs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Recognized(Exception):
            pass

        def recognized(uri: str, experiment: str, artifact_root: str | None) -> None:
            raise Recognized(uri)

        monkeypatch.setattr(mlflow, "schema_is_supported", lambda url: False)
        monkeypatch.setattr(mlflow, "ClientStore", recognized)
        with pytest.raises(Recognized, match=r"^sqlite:////.*/outputs/mlflow\.db$"):
            Mlflow().open(outputs)
