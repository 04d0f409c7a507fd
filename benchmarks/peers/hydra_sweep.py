"""A sweep with Hydra's released Optuna sweeper, its joblib launcher and PyTorch."""

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    # In a module of its own: what is loaded there stays in the launcher's processes from one job to the next
    from hydra_job import job

    return job(config)


if __name__ == "__main__":
    main()
