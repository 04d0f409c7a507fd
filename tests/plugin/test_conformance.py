"""The conformance suites that Hydra ships for launchers and sweepers, run with this sweeper."""

import pytest
from hydra.core.plugins import Plugins
from hydra.extra.pytest_plugin import hydra_restore_singletons, hydra_sweep_runner  # noqa: F401
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite

from hydra_plugins.lrlab_plugin import LrlabSweeper

pytestmark = pytest.mark.filterwarnings("ignore:Future Hydra versions will no longer change:UserWarning")
LRLAB = ["hydra/sweeper=lrlab"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_hydra_discovers_the_sweeper():
    assert LrlabSweeper.__name__ in [found.__name__ for found in Plugins.instance().discover(Sweeper)]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", LRLAB)])
class TestUnderTheBasicLauncher(LauncherTestSuite):
    pass


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"),
    [({}, ["-m", *LRLAB])],
)
class TestAsAProgram(IntegrationTestSuite):
    pass
