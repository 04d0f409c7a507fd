"""The Hydra application: one training, or, under ``--multirun``, a sweep of them in populations."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from lrlab.cli import console, progress
from lrlab.config.instantiate import instantiate
from lrlab.config.policy import check_recorded
from lrlab.config.validation import choice, writable_directory
from lrlab.errors import InputError
from lrlab.sweep.objective import DIRECTIONS, direction_of
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracking, UnreachableError
from lrlab.training.cautions import log_cautions
from lrlab.training.configuration import check_shared, flat, from_config, spell_choices, to_record, to_yaml
from lrlab.training.experiment import Experiment

if TYPE_CHECKING:
    import optuna

    from lrlab.sweep.compose import Composer
    from lrlab.sweep.runners.protocols import Runner, Sweep, WorkerContext
    from lrlab.sweep.study.state import Command, SweepState


class TrainingTask:
    """The task function, and the hooks through which the sweeper trains its trials (``sweep.runner.Application``)."""

    resume_ignored_keys = ("allow", "study", "outputs", "tracking", "blas_threads")

    def __call__(self, config: DictConfig) -> float:
        """Train one configuration and return the objective."""
        from lrlab.runs.train import train
        from lrlab.runtime.environment import cores, limit_blas

        resolved = resolve(config)
        limit_blas(resolved["blas_threads"] or cores())
        outputs, microbatch = resolved["outputs"], resolved["population"]["microbatch"]
        with tracking(resolved).open(outputs) as tracker, progress.epoch_progress() as watch:
            outcome = train(from_config(resolved), tracker, watch, outputs=outputs, microbatch=microbatch)
        console.trained(outcome, console.outputs_option(outputs))
        return outcome.last.metrics[config.objective]

    def directions(self, config: DictConfig, given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the one direction of the objective."""
        return (direction_of(config.objective, given),)

    def terms(self, composer: "Composer", overrides: Sequence[str]) -> Mapping[str, Any]:
        """Return the experiment with its defaults, and what the whole sweep shares but may not change."""
        check_recorded(composer.unresolved(overrides))  # before a refusal could show what is in the environment
        config = composer.compose(overrides)
        return flat(to_record(from_config(config)) | {key: config[key] for key in ("objective", "population")})

    def check(self, sweep: "Sweep") -> None:
        """Check every corner of the search space, and the data; give each caution about them once."""
        config, trials = resolve(sweep.config), []
        for overrides in sweep.boundary_overrides:
            check_recorded(sweep.composer.unresolved(overrides))
            trials.append(sweep.composer.compose(overrides))
        check_shared(config, trials)
        experiments = [check(trial) for trial in trials]
        for source in {experiment.data for experiment in experiments}:
            source.verify()
        tracking(config).verify(config["outputs"])
        log_cautions(experiments)

    def prepare(self, sweep: "Sweep") -> "SweepState":
        """Open the parent run, or close what a dead sweep of this study left open."""
        from lrlab.sweep.study.state import SweepState
        from lrlab.training.population import microbatches

        config = resolve(sweep.config)
        with tracking(config).open(config["outputs"]) as tracker:
            if sweep.state is not None:
                tracker.close_orphans()
                return replace(sweep.state, command=command(sweep.config))
            run_id = tracker.create_run(
                sweep.study,
                params={"study": sweep.study, "n_trials": sweep.trials},
                tags={Tag.STUDY: sweep.study},
                config=to_yaml(spell_choices(config)),
            )
        population = config["population"]
        fair = -(-sweep.trials // (2 * sweep.workers))  # two rounds at least, so that the search can learn
        batch_sizes = (sweep.composer.compose(overrides)["batch_size"] for overrides in sweep.boundary_overrides)
        fixed = population["microbatch"]
        return SweepState(
            run_id=run_id,
            width=population["width"] or min(32, fair),
            microbatches=((1, fixed),) if fixed else tuple(microbatches(batch_sizes)),
            command=command(sweep.config),
        )

    def runner(self, context: "WorkerContext") -> "Runner":
        from lrlab.runtime.environment import cores, limit_blas
        from lrlab.sweep.runners.population import PopulationRunner

        config = resolve(context.sweep.config)
        limit_blas(config["blas_threads"] or max(1, cores() // context.sweep.workers))
        return PopulationRunner(context, tracking(config).open(config["outputs"]))

    def on_sweep_end(
        self, sweep: "Sweep", state: "SweepState", study: "optuna.Study", error: BaseException | None
    ) -> None:
        """Close the parent run, link its best child, and say what was found."""
        from lrlab.commands.best import best
        from lrlab.runs.recorder import status_of
        from lrlab.sweep.study.queue import TrialCounts

        tally = TrialCounts.of(study.get_trials(deepcopy=False))
        config = resolve(sweep.config)
        options = console.outputs_option(config["outputs"])
        with tracking(config).open(config["outputs"]) as tracker:
            if error is not None:
                tracker.end_run(state.run_id, status_of(error))
                console.sweep_stopped(sweep.study, options)
                tracker.close_orphans()
                return
            if tally.running and not tally.complete:  # another sweep of this study has them, and ends its run
                console.trials_taken(sweep.study, tally.running, options)
                return
            try:
                tracker.close_orphans()
                found = best(study, tracker)
                mean = "" if found.spread is None else f"mean {found.value:.4g} over {found.seeds} seeds, median "
                note = f"Best: {mean}trial {found.trial}, run {found.run_id}"
                tracker.log_metrics(state.run_id, found.trial, found.metrics)
                tracker.set_tags(state.run_id, {Tag.BEST_RUN_ID: found.run_id, Tag.NOTE: note})
                console.best(found, options)
            except UnreachableError as trouble:  # it has everything in the end: what is missing waits in the spool
                console.runs_unreadable(sweep.study, str(trouble), options)
            finally:
                tracker.end_run(state.run_id)


class ValidateConfig(Callback):
    """Hydra's callback before a single job: refuse bad input while nothing has been written."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        resolved = resolve(config)
        try:
            check(resolved).data.verify()
            tracking(resolved).verify(resolved["outputs"])
        except InputError as error:  # Hydra turns any exception of a callback into a warning; SystemExit is none
            raise SystemExit(2) from error


def resolve(config: DictConfig) -> dict[str, Any]:
    """Return the application's part of the configuration as plain dictionaries, interpolations filled in."""
    ours = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    resolved: dict[str, Any] = OmegaConf.to_container(ours, resolve=True)  # type: ignore[assignment]
    return resolved


def check(config: Mapping[str, Any]) -> Experiment:
    """Return the experiment of a configuration.

    Raises:
        InputError: something that can be found out cheaply is wrong.
    """
    checked = from_config(config)
    checked.check_fits(checked.data.load())
    choice("objective", config["objective"], tuple(DIRECTIONS))
    tracking(config)
    writable_directory("outputs", Path(config["outputs"]))
    return checked


def tracking(config: Mapping[str, Any]) -> Tracking:
    """Return where runs are recorded."""
    allowed = ("lrlab.tracking.mlflow.", "lrlab.tracking.memory_tracker.", *config["allow"])
    store = instantiate(config["tracking"], key="tracking", allowed=allowed)
    if not isinstance(store, Tracking):
        raise InputError(
            f"tracking._target_ must be mlflow.Mlflow or memory_tracker.Memory, got {type(store).__name__}"
        )
    return store


def command(config: DictConfig) -> "Command":
    """Return the command line that began a sweep, for `lrlab resume`."""
    from lrlab.sweep.job_tracking import typed_overrides
    from lrlab.sweep.study.state import Command

    sources = config.hydra.runtime.config_sources
    return Command(
        config_dirs=tuple(source.path for source in sources if source.provider == "command-line"),
        config_name=config.hydra.job.config_name,
        overrides=(*typed_overrides(config, "task"), *typed_overrides(config, "hydra")),
    )
