"""The Hydra application: one training, or, under ``--multirun``, a sweep of them in populations."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab import show
from lrlab.configuration import experiment, recorded
from lrlab.errors import InputError

if TYPE_CHECKING:
    import optuna
    from omegaconf import DictConfig

    from lrlab.sweep.runner import Context, Runner, Sweep
    from lrlab.tracking.tracker import Tracker

PACKAGE = Path(__file__).parent
OBJECTIVES = ("val/loss", "val/accuracy")


def folder(name: str) -> Path:
    """conf/ or sweeps/: inside the installed package, or beside it in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


class Lab:
    """The task function, and the hooks through which the sweeper trains its trials (``sweep.runner.Application``)."""

    def __call__(self, config: "DictConfig") -> float:
        """Train one configuration; returns the objective."""
        from lrlab import recording
        from lrlab.training.environment import cores, limit_blas
        from lrlab.training.solo import epochs, solo

        resolved = resolve(config)
        wanted = experiment(resolved)
        limit_blas(config.blas_threads or cores())
        population = solo(wanted, wanted.data.load(), microbatch=config.population.microbatch)
        (member,) = population.members
        with open_tracker(resolved) as tracker, show.epochs(wanted.epochs) as watch:
            run_id = recording.start(tracker, resolved, population, member, name="train")
            for event in epochs(population):
                tracker.log(run_id, event.epoch, event.metrics)
                watch(event)
            recording.keep(tracker, run_id, population, member, tracker.read(run_id).metrics)
            tracker.end(run_id, "FAILED" if event.diverged else "FINISHED")
        show.trained(run_id, event)
        return event.metrics[config.objective]

    def prepare(self, sweep: "Sweep") -> Mapping[str, Any]:
        """Check every corner of the search space and the data; then open the parent run."""
        from lrlab.training.population import microbatch_for

        config = resolve(sweep.config)
        if not isinstance(config["hydra"]["sweeper"]["direction"], str):
            raise InputError("hydra.sweeper.direction must be minimize or maximize: lrlab has one objective")
        corners = [check(sweep.composer.compose(overrides)) for overrides in sweep.probes]
        if sweep.extras is not None:
            return sweep.extras
        population = config["population"]
        fair = -(-sweep.trials // (2 * sweep.workers))  # two rounds at least, so that the search can learn
        with open_tracker(config, create=True) as tracker:
            run_id = tracker.start(
                sweep.study,
                params={"study": sweep.study, "n_trials": sweep.trials},
                tags={"lrlab.study": sweep.study},
                config=json.dumps(recorded(config)),
            )
        return {
            "run_id": run_id,
            "width": population["width"] or min(32, fair),
            "microbatch": population["microbatch"] or microbatch_for(c.batch_size for c in corners),
            "outputs": str(Path(config["outputs"]).absolute()),
        }

    def runner(self, context: "Context") -> "Runner":
        from lrlab.sweep.population import PopulationRunner
        from lrlab.training.environment import cores, limit_blas

        config = resolve(context.sweep.config)
        limit_blas(config["blas_threads"] or max(1, cores() // context.sweep.workers))
        return PopulationRunner(context, open_tracker(config))

    def conclude(
        self,
        sweep: "Sweep",
        extras: Mapping[str, Any],
        study: "optuna.Study",
        error: BaseException | None,
    ) -> None:
        """Close the parent run, link its best child, and say what was found."""
        from lrlab.sweep.best import best

        with open_tracker(resolve(sweep.config)) as tracker:
            try:
                found = best(study, tracker)
                note = f"Best: trial {found.trial}, run {found.run_id}"
                tracker.tag(extras["run_id"], {"lrlab.best_run_id": found.run_id, "mlflow.note.content": note})
                show.best(found, sweep)
            finally:
                tracker.end(extras["run_id"], "FAILED" if error else "FINISHED")


def resolve(config: "DictConfig") -> dict[str, Any]:
    """The configuration as plain dictionaries, interpolations filled in; secrets stay out of it (hydra.* is kept)."""
    from omegaconf import OmegaConf

    resolved: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    return resolved


def check(config: Mapping[str, Any]) -> Any:
    """The experiment of a configuration, after everything that can be refused before training was looked at."""
    wanted = experiment(config)
    wanted.data.verify()
    wanted.check_fits(len(wanted.data.load().train))
    if config["objective"] not in OBJECTIVES:
        raise InputError(f"objective must be one of {', '.join(OBJECTIVES)}, got {config['objective']!r}")
    return wanted
