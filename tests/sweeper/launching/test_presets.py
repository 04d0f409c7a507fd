"""`hydra/launcher=lrlab_slurm` and `lrlab_ray` compose in every application, installed or not."""

import pytest

from lrlab.cli.hydra_app import composed, sweep_command


@pytest.mark.parametrize(
    ("name", "overrides", "key", "value"),
    [
        ("lrlab_slurm", ["hydra.launcher.partition=gpu", "hydra.launcher.timeout_min=30"], "partition", "gpu"),
        ("lrlab_slurm", ["hydra.launcher.setup=['module load python']"], "setup", ["module load python"]),
        ("lrlab_slurm", ["+hydra.launcher.additional_parameters.reservation=course"], "timeout_min", 240),
        ("lrlab_ray", ["hydra.launcher.ray.init.address=ray://head:10001"], "ray.remote.max_retries", 0),
        ("lrlab_ray", ["hydra.launcher.ray.remote.num_cpus=4"], "ray.init.address", "auto"),
    ],
)
def test_they_compose(name: str, overrides: list[str], key: str, value: object) -> None:
    with composed(sweep_command("quickstart", [f"hydra/launcher={name}", *overrides])) as config:
        found = config.hydra.launcher
        for part in key.split("."):
            found = found[part]
        assert found == value
