"""Results are kept as JSON, and what the documentation shows of them is theirs."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import publication, result_files
from benchmarks.figures import FIGURES
from benchmarks.measurement import Measurement
from benchmarks.panels import PANELS, TEXT
from benchmarks.plot import draw, panels
from benchmarks.result_files import Result

ABOUT = {"processor": "a processor", "cores": 2, "blas": "openblas", "blas_kernel": "SkylakeX", "when": "2026-01-01"}
AT: dict[str, dict[str, Any]] = {
    "engine": {"width": 8, "batches": [64], "optimizer": "sgd"},
    "overhead": {"trials": 100, "part": "study"},
    "growth": {"trials": 100},
}


def result(figure: str, pinned: str = "", ours: float = 2.0) -> Result:
    cost = Measurement(
        figure, "a sweep", "s", (ours,), "Optuna 5 + PyTorch", (10.0,), at_least=4.0, at=AT.get(figure, {})
    )
    return Result([cost], ["equal"], ABOUT | ({"blas_kernel": pinned} if pinned else {}), pinned)


def test_results_come_back_in_the_order_of_the_figures_and_pinned_ones_last(tmp_path: Path) -> None:
    for each in (result("mlp", "Haswell"), result("mlp"), result("linear")):
        result_files.save(tmp_path, each.measurements[0].figure, each)
    found = result_files.load(tmp_path, list(FIGURES))
    assert [(each.measurements[0].figure, each.kernels) for each in found] == [
        ("linear", "SkylakeX"),
        ("mlp", "SkylakeX"),
        ("mlp", "Haswell"),
    ]
    assert found[0].notes == ["equal"]
    document = json.loads((tmp_path / "mlp-Haswell.json").read_text())
    assert (document["about"]["blas_kernel"], document["measurements"][0]["result"]) == ("Haswell", 5.0)


def test_results_kept_before_a_measurement_had_a_further_field_are_read(tmp_path: Path) -> None:
    path = result_files.save(tmp_path, "linear", result("linear"))
    document = json.loads(path.read_text())
    del document["measurements"][0]["is_lower_bound"]
    path.write_text(json.dumps(document))
    (found,) = result_files.load(tmp_path, list(FIGURES))
    assert found.measurements[0].result == 5.0


@pytest.mark.parametrize(
    ("versions", "expected"),
    [((), None), (("0.1.0",), "0.1.0"), (("0.9.0", "0.10.0", "0.2.11"), "0.10.0"), (("1.0.0rc1", "0.9.0"), "1.0.0rc1")],
)
def test_newest_version_that_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: tuple[str, ...], expected: str | None
) -> None:
    monkeypatch.setattr(result_files, "KEPT", tmp_path)
    (tmp_path / "99.0.0").mkdir()  # not measured yet
    for version in versions:
        result_files.save(tmp_path / version, "linear", result("linear"))
    assert result_files.newest() == (tmp_path / expected if expected else None)


def test_every_kind_of_panel_can_be_drawn() -> None:
    assert set(PANELS) <= set(FIGURES)
    several = [result(figure) for figure in PANELS] + [result("linear", "Haswell")]
    assert draw(several).startswith(b"\x89PNG")
    assert draw([]).startswith(b"\x89PNG")
    assert draw([Result([Measurement("verdict", "a sweep", "s", (2.0,))], (), ABOUT)]).startswith(b"\x89PNG")
    assert TEXT >= 9


def test_bars_have_a_panel_for_each_unit() -> None:
    seconds = result("large")
    memory = Measurement("large", "a sweep", "MB", (2.0,))
    drawn = panels(Result([*seconds.measurements, memory], (), ABOUT))
    assert [[m.unit for m in each.measurements] for each in drawn] == [["s"], ["MB"]]


def test_page_takes_the_table_of_the_results() -> None:
    page = f"before\n{publication.BEGIN}\nold\n{publication.END}\nafter\n"
    written = publication.with_table(page, [result("linear"), result("linear", "Haswell", ours=5.0), result("search")])
    assert [line for line in written.splitlines() if "sweep" in line] == [
        "| a sweep | 2 s | Optuna 5 + PyTorch: 10 s | 5.00 x | >= 4.00 x |",
        "| a sweep (Haswell kernels) | 5 s | Optuna 5 + PyTorch: 10 s | 2.00 x | >= 4.00 x |",
    ]
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert publication.with_table(written, [result("linear")]).count("a sweep") == 1


def test_documentation_shows_what_was_measured() -> None:
    page = publication.PAGE.read_text()
    assert publication.BEGIN in page
    assert publication.with_table(page, publication.newest()) == page
