"""The Hydra application: one training, or, under ``--multirun``, a sweep of them in populations."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from lrlab.config import environment
from lrlab.config.choices import choice_of
from lrlab.config.command_line import ENVIRONMENT, RESUME_PREFIX, Places
from lrlab.config.instantiate import instantiate
from lrlab.config.override import overrides_of, text_override
from lrlab.config.policy import check_recorded
from lrlab.config.validation import choice, writable_directory
from lrlab.errors import InputError
from lrlab.sweeper.launching.shared_files import check_runs
from lrlab.sweeper.objective import DIRECTIONS, direction_of
from lrlab.tracking import run_table
from lrlab.tracking.database import without_password
from lrlab.tracking.memory_tracker import Memory
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.place import DEFAULT_EXPERIMENT, TRAIN, Place, from_outputs
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracking, UnreachableError
from lrlab.training.cautions import log_cautions
from lrlab.training.configuration import check_shared, flat, from_config, spell_choices, to_record, to_yaml
from lrlab.training.experiment import DataSource, Experiment

if TYPE_CHECKING:
    import optuna

    from lrlab.runs.train import TrainingOutcome
    from lrlab.sweeper.compose import Composer
    from lrlab.sweeper.runners.protocols import Runner, Sweep, WorkerContext
    from lrlab.sweeper.study.state import Command, SweepState


class TrainingTask:
    """The task function, and the hooks through which the sweeper trains its trials (``sweep.runner.Application``).

    Attributes:
        study: name of the study, once a sweep has prepared it.
    """

    resume_ignored_keys = ("allow", "study", "question", "outputs", "tracking", "blas_threads")
    study: str = ""

    def __init__(self) -> None:
        self._digests: dict[DataSource, str] = {}

    def __call__(self, config: DictConfig) -> float:
        """Train one configuration and return the objective."""
        from lrlab.cli import console

        resolved = resolve(config)
        outcome = run_training(resolved)
        console.trained(outcome, places(config) if keeps_runs(tracking(resolved)) else None)
        return outcome.last.metrics[config.objective]

    def directions(self, config: DictConfig, given: tuple[str, ...] | None) -> tuple[str, ...]:
        """Return the one direction of the objective."""
        return (direction_of(config.objective, given),)

    def terms(self, composer: "Composer", overrides: Sequence[str]) -> Mapping[str, Any]:
        """Return the experiment with its defaults, and what the whole sweep shares but may not change."""
        check_recorded(composer.unresolved(overrides))  # before a refusal could show what is in the environment
        config = composer.compose(overrides)
        experiment = from_config(config)
        terms = flat(to_record(experiment) | {key: config[key] for key in ("objective", "population")})
        return terms | {"data.digest": self._digest(experiment.data)}

    def _digest(self, source: DataSource) -> str:
        """Return what tells data apart that have one path, a few digits of it."""
        if source not in self._digests:
            self._digests[source] = source.load().digest[:16]
        return self._digests[source]

    def description(self, sweep: "Sweep") -> Mapping[str, str]:
        """Return what is optimized, and where the runs would be recorded."""
        config, where = resolve(sweep.config), places(sweep.config)
        runs = f"in MLflow, {without_password(where.tracking_uri or str(where.outputs / 'mlflow.db'))}"
        return {"objective": config["objective"], "runs": runs if keeps_runs(tracking(config)) else "kept nowhere"}

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
        check_place(sweep)
        log_cautions(experiments)

    def prepare(self, sweep: "Sweep") -> "SweepState":
        """Open the parent run, unless the study has one."""
        from lrlab.sweeper import sweep_run
        from lrlab.sweeper.runners.population import width
        from lrlab.sweeper.study.state import SweepState
        from lrlab.training.population import microbatches

        self.study, config = sweep.study, resolve(sweep.config)
        runs = tracking_of(sweep)
        place = place_of(runs, sweep.config, sweep.state)
        view = run_table.of_sweep(table_metrics(config), sweep.swept)
        with runs.open(config["outputs"], view) as tracker:
            if sweep.state is not None:
                if keeps_runs(runs):
                    sweep_run.reopen(tracker, sweep.state.run_id)
                    tracker.set_tags(sweep.state.run_id, {Tag.N_TRIALS: str(sweep.trials)})
                return replace(sweep.state, command=command(sweep.config), runs=place, question=sweep.question)
            run_id = tracker.create_run(
                sweep.study,
                params={"study": sweep.study},
                tags={Tag.STUDY: sweep.study, Tag.N_TRIALS: str(sweep.trials)},
                config=to_yaml(spell_choices(config)),
            )
        kept = keeps_runs(runs)
        population = config["population"]
        batch_sizes = (sweep.composer.compose(overrides)["batch_size"] for overrides in sweep.boundary_overrides)
        fixed = population["microbatch"]
        return SweepState(
            run_id=run_id if kept else "",
            width=population["width"] or width(sweep),
            microbatches=((1, fixed),) if fixed else tuple(microbatches(batch_sizes)),
            command=command(sweep.config),
            runs=place,
            question=sweep.question,
        )

    def check_host(self, sweep: "Sweep", state: "SweepState") -> None:
        """Look for the sweep's data, and for the file that holds the runs if there is one."""
        for source, digest in self._digests.items():
            source.verify()
            if (found := source.load().digest[:16]) != digest:
                raise InputError(f"data differ from the sweep's: digest {found}, not {digest}: copy them")
        config = resolve(sweep.config)
        if isinstance(runs := tracking(config, state), Mlflow):
            runs.check_exists(config["outputs"])

    def runner(self, context: "WorkerContext") -> "Runner":
        from lrlab.runtime.environment import cores, limit_blas
        from lrlab.sweeper.runners.population import PopulationRunner

        config = resolve(context.sweep.config)
        limit_blas(config["blas_threads"] or max(1, cores() // context.sweep.workers))
        return PopulationRunner(context, tracking(config, context.state).open(config["outputs"]))

    def on_nothing_left(self, sweep: "Sweep", study: "optuna.Study") -> "SweepState | None":
        """Say how to see what was found; it is worked out again for another question."""
        from lrlab.cli import console
        from lrlab.sweeper import sweep_run

        state, runs, here = sweep.state, tracking_of(sweep), places(sweep.config)
        if state is None or not state.run_id or state.question != sweep.question:
            return None
        with runs.open(sweep.config.outputs) as tracker:
            if not sweep_run.has_ended(study, tracker, state.run_id):
                return None
            sweep_run.close_runs(study, tracker, state.run_id, here)
        self.study = sweep.study
        console.nothing_left(sweep.study, here)
        return replace(state, command=command(sweep.config), runs=place_of(runs, sweep.config, state))

    def on_sweep_end(
        self, sweep: "Sweep", state: "SweepState", study: "optuna.Study", error: BaseException | None
    ) -> None:
        """Close the parent run, link its best child, and say what was found."""
        from lrlab.analysis.answers.answers import answers
        from lrlab.cli import answers as shown
        from lrlab.cli import console, sweep_end
        from lrlab.commands.best import best_settings
        from lrlab.runs.recorder import status_of
        from lrlab.sweeper.course import log_course
        from lrlab.sweeper.job_tracking import untold
        from lrlab.sweeper.study.open_runs import trials_of
        from lrlab.sweeper.study.queue import TrialCounts
        from lrlab.sweeper.study.reuse import tag_reused_runs

        tally = TrialCounts.of(study.get_trials(deepcopy=False))
        config = resolve(sweep.config)
        here, store = places(sweep.config), tracking(config, state)
        if error is not None:
            console.sweep_stopped(sweep.study, here, untold(sweep.config))
        elif tally.running and not tally.complete:  # another sweep of this study has them, and ends its run
            console.trials_taken(sweep.study, tally.running, here)
            return
        if not keeps_runs(store):
            if error is None:
                best_settings(study)  # refuses a study that has none
                shown.print_answers(answers(study, None, here))
                console.out().print(f"study {sweep.study}; tracking=none: no run was kept")
            return
        with store.open(config["outputs"]) as tracker:
            if error is not None:
                with suppress(MissingRunError):
                    log_course(tracker, state.run_id, study)
                tracker.end_run(state.run_id, status_of(error))
                tracker.close_orphans(sweeps=[trials_of(study, state.run_id)])
                tag_reused_runs(study, tracker)
                return
            sweep_end.end(study, tracker, state.run_id, table_metrics(config), here)


class ValidateConfig(Callback):
    """Hydra's callback before a single job: refuse bad input while nothing has been written."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        try:
            validate(resolve(config))
        except InputError as error:  # Hydra turns any exception of a callback into a warning; SystemExit is none
            raise SystemExit(2) from error


def validate(config: Mapping[str, Any]) -> None:
    """Check a configuration, its data and where it is recorded, before anything is written.

    Raises:
        InputError: something is wrong.
    """
    check(config).data.verify()
    runs = tracking(config, kind=TRAIN)
    if isinstance(runs, Mlflow):
        runs.announce()
    runs.verify(config["outputs"])


def run_training(config: Mapping[str, Any]) -> "TrainingOutcome":
    """Train a resolved configuration on record, with a progress bar."""
    from lrlab.cli import progress
    from lrlab.runs.train import train
    from lrlab.runtime.environment import cores, limit_blas

    limit_blas(config["blas_threads"] or cores())
    outputs, microbatch = config["outputs"], config["population"]["microbatch"]
    runs, view = tracking(config, kind=TRAIN), run_table.of_trainings()
    with runs.open(outputs, view) as tracker:
        with progress.epoch_progress() as watch:
            outcome = train(check(config), tracker, watch, outputs=outputs, microbatch=microbatch)
        tracker.deliver()
    return outcome


def keeps_runs(store: Tracking) -> bool:
    """Return whether what is recorded outlives the process, and other processes see it."""
    return not isinstance(store, Memory)


def _check_parent(store: Tracking, outputs: str, run_id: str) -> None:
    """Refuse to go on with a sweep whose own run was deleted: what is trained now would be recorded under none.

    Raises:
        MissingRunError: it says how to restore the run.
    """
    with store.open(outputs) as tracker, suppress(UnreachableError):  # it may still wait in the spool
        tracker.get_run(run_id)


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
    method = choice_of("method", config["method"]["_target_"])
    choice(f"objective with method={method}", config["objective"], checked.method.objectives)
    tracking(config)
    writable_directory("outputs", Path(config["outputs"]))
    return checked


def tracking(config: Mapping[str, Any], state: "SweepState | None" = None, kind: str = DEFAULT_EXPERIMENT) -> Tracking:
    """Return where runs are recorded: as chosen, else as the state of a study says, else in the experiment `kind`."""
    allowed = ("lrlab.tracking.mlflow.", "lrlab.tracking.memory_tracker.", *config["allow"])
    store = instantiate(config["tracking"], key="tracking", allowed=allowed)
    if not isinstance(store, Tracking):
        raise InputError(
            f"tracking._target_ must be mlflow.Mlflow or memory_tracker.Memory, got {type(store).__name__}"
        )
    if not isinstance(store, Mlflow):
        return store
    if store.uri is None:
        store = replace(store, uri=environment.address(environment.TRACKING_URI))
    return replace(store, kind=kind).following(state.runs if state else None, config["outputs"])


def tracking_of(sweep: "Sweep") -> Tracking:
    """Return where the runs of a sweep are recorded: those of a new study in the experiment of its kind."""
    config = resolve(sweep.config)
    if sweep.state:
        return tracking(config, sweep.state)
    return tracking(config, kind=sweep.config.hydra.job.name)


def check_place(sweep: "Sweep") -> None:
    """Refuse a place where runs cannot be recorded, or where the runs of the study are not.

    Raises:
        InputError: names the key.
    """
    config, state = resolve(sweep.config), sweep.state
    outputs, runs = config["outputs"], tracking_of(sweep)
    if isinstance(runs, Mlflow):
        check_runs(sweep.config.hydra, "tracking.uri", runs.address(outputs))
        environment.announce(environment.TRACKING_URI, runs.uri)
        runs.announce(state.runs if state else None)
        if state and state.runs:
            runs.check_same(state.runs, state.run_id, outputs)
    runs.verify(outputs)
    if state and keeps_runs(runs) != bool(state.run_id):
        rule = "mlflow, where its runs are, got none" if state.run_id else "none, as its sweep kept no runs, got mlflow"
        raise InputError(f"tracking of study {sweep.study} must be {rule}")
    if state and keeps_runs(runs):
        _check_parent(runs, outputs, state.run_id)


def table_metrics(config: Mapping[str, Any]) -> list[str]:
    """Return the metrics in which the runs of a sweep are told apart, its objective first."""
    return list(dict.fromkeys((config["objective"], "val/loss", "val/accuracy")))


def place_of(runs: Tracking, config: DictConfig, state: "SweepState | None") -> Place | None:
    """Return where runs are, to be put on record: a reference to the environment stays one."""
    if not isinstance(runs, Mlflow):
        return None
    uri = OmegaConf.to_container(config, resolve=False)["tracking"].get("uri")  # type: ignore[index, call-overload, union-attr]
    if uri is None and state and state.runs:
        return state.runs
    return runs.place.to_record(str(config.outputs)).as_written(uri)


def places(config: DictConfig) -> Places:
    """Return where the study and the runs of a configuration are, with its hydra node, as other commands are told."""
    outputs = Path(config.outputs)
    storage = _address(config, "hydra.sweeper.storage") or environment.address(environment.STORAGE)
    return Places(
        outputs=outputs,
        storage_url=None if str(storage).removeprefix("journal:") == str(outputs / "optuna.log") else storage,
        tracking_uri=_address(config, "tracking.uri") or environment.address(environment.TRACKING_URI),
        allow=tuple(config.allow),
    )


def _address(config: DictConfig, key: str) -> str | None:
    """Return an address that a configuration names, with what it takes from the user's environment still unread."""
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent)
    if node is None or node.get(name) is None:
        return None
    written = str(OmegaConf.to_container(node, resolve=False)[name])  # type: ignore[call-overload, index]
    variables = ENVIRONMENT.findall(written)
    if not variables or any(variable.startswith(RESUME_PREFIX) for variable in variables):
        return str(node[name])
    return written


def command(config: DictConfig) -> "Command":
    """Return the command line that began a sweep, for `lrlab resume`, which may be typed in another directory."""
    from lrlab.sweeper.study.state import Command

    sources, outputs = config.hydra.runtime.config_sources, str(config.outputs)
    folders = (Path(source.path) for source in sources if source.provider == "command-line")
    data, typed = resolve(config)["data"], overrides_of(config, "task")
    paths = (
        text_override(f"data.{name}", os.path.abspath(os.path.expanduser(data[name])))
        for name in ("path", "test_path")
        if data.get(name)
    )
    return Command(
        config_dirs=tuple(str(from_outputs(folder, outputs)) for folder in folders),
        config_name=config.hydra.job.config_name,
        overrides=(*typed, *(path for path in paths if path not in typed), *overrides_of(config, "hydra")),
    )
