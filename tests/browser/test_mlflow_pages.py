"""What somebody sees in MLflow after a first sweep: a real browser at a real `lrlab ui`."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SHOWN = "MLflow shows the runs at "
SCREENSHOTS = os.environ.get("LRLAB_SCREENSHOTS")  # a folder that gets a picture of every page, to be looked at

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a sweep, its report, and its confirmation."""
    folder = tmp_path_factory.mktemp("lab")
    for words in (["sweep", "quickstart", "epochs=5"], ["report"], ["best", "--confirm", "2"]):
        subprocess.run([sys.executable, "-m", "lrlab.cli.main", *words], cwd=folder, check=True, capture_output=True)
    return folder / "outputs"


@contextmanager
def served(outputs: Path) -> Iterator[str]:
    """What `lrlab ui` says to open, while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lrlab.cli.main", "ui", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, cwd=outputs.parent, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            said = next(line for line in server.stdout if SHOWN in line)
            yield said.partition(SHOWN)[2].split(" (")[0]
        finally:
            server.terminate()
            server.communicate()


@pytest.fixture(scope="module")
def address(outputs: Path) -> Iterator[str]:
    """What `lrlab ui` says to open."""
    with served(outputs) as found:
        yield found


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(60_000)
        yield page
        browser.close()


@pytest.fixture
def run_id(outputs: Path) -> str:
    """The run of the sweep."""
    with closing(sqlite3.connect(outputs / "mlflow.db")) as db:
        (found,) = db.execute("SELECT run_uuid FROM tags WHERE key = 'lrlab.study'").fetchone()
    return str(found)


def stored(outputs: Path) -> tuple[list[str], bytes]:
    """What the database and the journal of the studies hold."""
    with closing(sqlite3.connect(f"file:{outputs / 'mlflow.db'}?mode=ro", uri=True)) as db:
        return list(db.iterdump()), (outputs / "optuna.log").read_bytes()


def keep(page: Any, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def test_looking_changes_nothing_that_is_stored(page: Any, outputs: Path, run_id: str) -> None:
    before = stored(outputs)
    with served(outputs) as address:
        page.goto(address)
        page.get_by_role("columnheader", name="val/loss").first.wait_for()
        server, _, rest = address.partition("/#/")
        page.goto(f"{server}/#/{rest.partition('/runs')[0]}/runs/{run_id}")
        page.get_by_role("link", name="Report with figures").wait_for(state="attached")
    assert stored(outputs) == before


def test_the_list_opens_on_the_sweeps_with_the_columns_that_matter(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_role("columnheader", name="val/loss").first.wait_for()
    for name in ("val/accuracy", "optimizer.lr"):
        assert page.get_by_role("columnheader", name=name).count()
    assert page.get_by_role("link", name="quickstart_").count() == 2  # the sweep, and its confirmation
    assert not page.get_by_text("collects usage data").count()
    keep(page, "list")


def test_a_sweep_folds_out_into_trials_named_by_what_was_swept(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_role("columnheader", name="val/loss").first.wait_for()
    page.locator(".ag-row", has=page.locator("a", has_text="quickstart_")).last.locator("button").first.click()
    page.locator("a", has_text="lr=").first.wait_for()
    assert " b=" in page.locator("a", has_text="lr=").first.inner_text()
    keep(page, "tree")


def test_the_charts_show_the_course_of_the_search(page: Any, address: str, run_id: str) -> None:
    server, _, rest = address.partition("/#/")
    page.goto(f"{server}/#/{rest.partition('/runs')[0]}/runs/{run_id}/model-metrics")
    page.get_by_text("best_so_far").first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer").first.wait_for()
    keep(page, "charts")


def test_the_description_links_to_the_report(page: Any, address: str, run_id: str) -> None:
    server, _, rest = address.partition("/#/")
    page.goto(f"{server}/#/{rest.partition('/runs')[0]}/runs/{run_id}")
    link = page.get_by_role("link", name="Report with figures")
    link.wait_for(state="attached")
    keep(page, "description")
    page.goto(f"{server}/{link.get_attribute('href')}")
    page.frame_locator("iframe").get_by_role("heading").first.wait_for()
    keep(page, "report")


def test_a_comparison_opens_on_the_loss(page: Any, address: str, outputs: Path) -> None:
    with closing(sqlite3.connect(outputs / "mlflow.db")) as db:
        rows = db.execute(
            "SELECT run_uuid, experiment_id FROM runs JOIN tags USING (run_uuid) WHERE key = 'lrlab.trial'"
        )
        runs, experiments = zip(*rows.fetchmany(3), strict=True)
    query = urlencode({"runs": json.dumps(runs), "experiments": json.dumps([str(experiments[0])])})
    page.goto(f"{address.partition('/#/')[0]}/#/compare-runs?{query}")
    page.get_by_text("Parallel Coordinates Plot").wait_for()
    chosen = page.locator(".ant-select-selection-item, [class*=select-selection-item]")
    chosen.first.wait_for()
    shown = chosen.all_inner_texts()
    assert "val/loss" in shown
    assert "lr" not in shown
    keep(page, "compare")


def test_the_confirmed_model_is_among_the_models_and_registered(page: Any, address: str) -> None:
    server, _, rest = address.partition("/#/")
    page.goto(f"{server}/#/{rest.partition('/runs')[0]}/models?workflowType=machine_learning")
    page.get_by_role("link", name="lrlab-digits").first.wait_for()
    keep(page, "logged-model")
    page.goto(f"{server}/#/models/lrlab-digits")
    page.get_by_text("confirmed").first.wait_for()
    keep(page, "registered-model")
