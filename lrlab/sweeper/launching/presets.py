"""Hydra's launchers for several hosts, with the options that matter: `hydra/launcher=lrlab_slurm` and `lrlab_ray`.

Each is the launcher of Hydra's own plug-in, as `pip install 'lrlab[slurm]'` or `'lrlab[ray]'` brings it, and takes the
plug-in's further options too. Imported by every Hydra application.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Slurm:
    """A worker is one Slurm job, and `hydra.sweeper.n_jobs` the number of them."""

    _target_: str = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"

    partition: str | None = None  # null: the cluster's default
    account: str | None = None
    qos: str | None = None
    timeout_min: int = 240  # of one job, in minutes; a worker near it gives its trials back, and is launched again
    signal_delay_s: int = 120  # seconds before the limit at which it is told to
    cpus_per_task: int | None = None  # of one worker; null: the cluster's default, mostly 1
    mem_gb: int | None = None  # of one worker, in GB; one that takes more is killed, and launched again
    gpus_per_node: int | None = None
    gres: str | None = None
    constraint: str | None = None
    exclude: str | None = None  # nodes that are not used, such as node[07-09]
    array_parallelism: int = 256  # workers that run at a time, of those that were submitted together
    setup: list[str] | None = None  # lines of shell before a worker, such as 'module load python'
    additional_parameters: dict[str, Any] = field(default_factory=dict)  # of sbatch, such as {reservation: course}
    name: str = "${hydra.job.name}"  # as squeue shows it
    submitit_folder: str = "${hydra.sweep.dir}/.submitit/%j"  # of the logs; every node must see it
    nodes: int = 1  # of one worker, which uses one
    tasks_per_node: int = 1  # likewise
    max_num_timeout: int = 0  # lrlab launches again by itself: hydra.sweeper.relaunches
    comment: str | None = None
    cpus_per_gpu: int | None = None
    gpus_per_task: int | None = None
    mem_per_cpu: str | None = None
    mem_per_gpu: str | None = None
    stderr_to_stdout: bool = False


@dataclass
class RayCluster:
    """How to reach the cluster, and what a worker takes of it."""

    init: dict[str, Any] = field(
        default_factory=lambda: {
            "address": "auto",  # that of `ray start` on this host; HOST:6379 or ray://HOST:10001; local: one of its own
            "object_store_memory": None,  # must be null for a cluster that runs already
            "log_to_driver": True,  # whether the logs of the workers are shown here
        }
    )
    remote: dict[str, Any] = field(
        default_factory=lambda: {
            "num_cpus": 1,  # of one worker
            "max_retries": 0,  # lrlab launches again by itself: hydra.sweeper.relaunches
        }
    )


@dataclass
class Ray:
    """A worker is one task of a Ray cluster, and `hydra.sweeper.n_jobs` the number of them."""

    _target_: str = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"
    ray: RayCluster = field(default_factory=RayCluster)


LAUNCHERS = {"lrlab_slurm": Slurm, "lrlab_ray": Ray}
