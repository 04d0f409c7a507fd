"""The conformance suites that Hydra ships for launchers and sweepers, run with this sweeper."""

import shutil
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite

pytestmark = pytest.mark.filterwarnings("ignore:Future Hydra versions will no longer change:UserWarning")
LRLAB = ["hydra/sweeper=lrlab", "hydra.sweeper.tracking=none"]


def test_hydra_discovers_the_sweeper() -> None:
    assert "LrlabSweeper" in [found.__name__ for found in Plugins.instance().discover(Sweeper)]


@pytest.mark.parametrize(("launcher_name", "overrides"), [("basic", LRLAB)])
class TestUnderTheBasicLauncher(LauncherTestSuite):
    pass


@pytest.mark.usefixtures("hydra_restore_singletons")
@pytest.mark.parametrize(("launcher_name", "overrides"), [("joblib", LRLAB)])
class TestUnderTheJoblibLauncher:
    get_task_function = LauncherTestSuite.get_task_function
    test_sweep_2_jobs = LauncherTestSuite.test_sweep_2_jobs
    test_sweep_and_override = LauncherTestSuite.test_sweep_and_override


@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [({}, ["-m", *LRLAB])])
class TestAsAProgram(IntegrationTestSuite):
    def get_test_scratch_dir(self, tmpdir: Path) -> Path:
        """Remove what the suite's sweep before has left: it asks twice for one folder, and no two sweeps share one."""
        shutil.rmtree(Path(tmpdir) / "cli_dir", ignore_errors=True)
        return Path(tmpdir)
