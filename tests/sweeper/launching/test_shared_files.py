"""Files that several hosts would write are refused."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf

from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.launching.shared_files import check_other_hosts, check_runs, check_storage, is_on_network
from lrlab.sweeper.study.storage import Storage, parse
from lrlab.tracking.tags import Tag

SLURM = {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"}
LOCAL = {"_target_": "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"}
JOBLIB = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"}
RAY = {"_target_": "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"}
CLUSTER, OWN = {**RAY, "ray": {"init": {"address": "auto"}}}, {**RAY, "ray": {"init": {"address": None}}}
UNKNOWN = {"_target_": "hydra_plugins.hydra_rq_launcher.rq_launcher.RQLauncher"}


def hydra(launcher: dict[str, Any], *, forced: bool = False) -> Any:
    return OmegaConf.create({"launcher": launcher, "sweeper": {"shared_file": forced}})


@pytest.mark.parametrize("url", [None, "studies.log", "sqlite:///studies.db"])
@pytest.mark.parametrize("launcher", [SLURM, CLUSTER, UNKNOWN], ids=["slurm", "ray", "unknown"])
def test_workers_on_other_hosts_share_no_file(launcher: dict[str, Any], url: str | None, tmp_path: Path) -> None:
    storage = parse(url, tmp_path)
    with pytest.raises(InputError, match=r"hydra\.sweeper\.storage must be .*shared_file=true forces it"):
        check_storage(hydra(launcher), storage)
    check_storage(hydra(launcher, forced=True), storage)


@pytest.mark.parametrize("launcher", [LOCAL, JOBLIB, OWN], ids=["processes", "joblib", "ray"])
def test_workers_of_this_host_may(launcher: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    check_storage(hydra(launcher), parse(None, tmp_path))
    check_runs(hydra(launcher), "tracking.uri", "sqlite:////o/mlflow.db")


@pytest.mark.parametrize("launcher", [SLURM, CLUSTER])
def test_servers_serve_all_hosts(launcher: dict[str, Any]) -> None:
    check_storage(hydra(launcher), Storage("postgresql://db/s"))
    check_runs(hydra(launcher), "tracking.uri", "http://runs:5000")
    with pytest.raises(InputError, match=r"tracking\.uri must be http://HOST:PORT of `mlflow server`"):
        check_runs(hydra(launcher), "tracking.uri", "sqlite:////o/mlflow.db")


def test_a_cluster_in_the_environment_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    with pytest.raises(InputError):
        check_storage(hydra(OWN), parse(None, tmp_path))


@pytest.mark.parametrize(("kind", "network"), [("nfs4", True), ("lustre", True), ("ext4", False), ("overlay", False)])
def test_the_nearest_mount_counts(kind: str, network: bool) -> None:
    mounts = {"/": "ext4", "/home": kind, "/home/me/scratch": "xfs"}
    assert is_on_network(Path("/home/me/s.log"), mounts) == network
    assert not is_on_network(Path("/home/me/scratch/s.log"), mounts)
    assert not is_on_network(Path("/data/s.log"), mounts)


@pytest.mark.parametrize("url", ["studies.log", "sqlite:///studies.db"])
def test_a_host_does_not_join_another_one_by_a_network_file(url: str, tmp_path: Path) -> None:
    storage, nfs = parse(url, tmp_path), {str(tmp_path): "nfs"}
    check_other_hosts(storage, "s", nfs)
    study = optuna.create_study(storage=storage.open(), study_name="s")
    check_other_hosts(storage, "s", nfs)
    study.ask().set_user_attr(f"{Tag.OWNER}/{ProcessId.current()}", True)
    check_other_hosts(storage, "s", nfs)
    study.ask().set_user_attr(f"{Tag.OWNER}/{ProcessId.current()._replace(host='n2')}", True)
    with pytest.raises(InputError, match=r"in which n2 runs trials of s; hydra\.sweeper\.shared_file=true"):
        check_other_hosts(storage, "s", nfs)
    check_other_hosts(storage, "s", {str(tmp_path): "ext4"})
