"""Launchers that are not installed are refused with what installs them."""

from importlib.util import find_spec

import pytest

from lrlab.errors import InputError
from lrlab.sweeper.launching import presets, ray, slurm
from lrlab.sweeper.launching.systems import check_installed, jobs_of

EXTRAS = {"hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}


@pytest.mark.parametrize("name", EXTRAS)
def test_a_launcher_that_is_not_installed(name: str) -> None:
    if find_spec(f"hydra_plugins.{name}"):
        pytest.skip("it is")
    with pytest.raises(InputError, match=rf"pip install 'lrlab\[{EXTRAS[name]}\]'"):
        check_installed(f"hydra_plugins.{name}.x.Launcher")


@pytest.mark.parametrize("target", ["hydra._internal.core_plugins.basic_launcher.BasicLauncher", "mine.Launcher"])
def test_others_are_taken_as_they_are(target: str) -> None:
    check_installed(target)
    assert jobs_of(target) is None


def test_the_presets_are_run_job_by_job() -> None:
    assert jobs_of(presets.Slurm._target_) is slurm.SubmititJobs
    assert jobs_of(presets.Ray._target_) is ray.RayJobs
    assert jobs_of("hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher") is slurm.SubmititJobs
