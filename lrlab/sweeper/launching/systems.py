"""Which launchers there are, what each needs to be installed, and which of them leave this host."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from lrlab.errors import InputError
from lrlab.sweeper.launching import ray, slurm
from lrlab.sweeper.launching.jobs import Jobs

EXTRAS = {"hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}  # plug-in: what installs it with lrlab
ON_THIS_HOST = (  # of the launchers that are known
    "hydra._internal.core_plugins.",
    "hydra_plugins.hydra_joblib_launcher.",
    f"{slurm.LAUNCHERS}submitit_launcher.LocalLauncher",
)


def jobs_of(target: str) -> Callable[[Any], Jobs] | None:
    """Return what runs workers as jobs that are waited for one by one; None for a launcher that is not known for it.

    Args:
        target: the launcher's `_target_`.
    """
    if target.startswith(slurm.LAUNCHERS):
        return slurm.SubmititJobs
    return ray.RayJobs if target.startswith(ray.LAUNCHERS) else None


def check_installed(target: str) -> None:
    """Refuse a launcher whose plug-in is not there.

    Raises:
        InputError: it says what to install.
    """
    plugin = next((name for name in EXTRAS if target.startswith(f"hydra_plugins.{name}.")), None)
    if plugin and find_spec(f"hydra_plugins.{plugin}") is None:
        raise InputError(f"hydra/launcher needs {plugin}: pip install 'lrlab[{EXTRAS[plugin]}]', got {target}")


def leaves_this_host(launcher: Mapping[str, Any]) -> bool:
    """Return whether a launcher's workers may run on other hosts."""
    target = str(launcher["_target_"])
    if target.startswith(ray.LAUNCHERS):
        return bool(ray.address_of(launcher))
    return not target.startswith(ON_THIS_HOST)
