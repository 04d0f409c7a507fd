"""Plan a sweep: check everything that was given, and write nothing."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from lrlab.config import environment
from lrlab.config.hydra_compat import BASIC_LAUNCHER
from lrlab.config.secrets import without_secret
from lrlab.config.validation import writable_directory
from lrlab.errors import InputError
from lrlab.sweeper.compose import Composer
from lrlab.sweeper.launching import shared_files
from lrlab.sweeper.launching.systems import check_installed
from lrlab.sweeper.runners.hydra_job import JobApplication
from lrlab.sweeper.runners.protocols import Application, Sweep
from lrlab.sweeper.search import bracket
from lrlab.sweeper.search.bracket import Precision
from lrlab.sweeper.search.conditions import conditional
from lrlab.sweeper.search.enqueue import checked_points
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.space import SEED
from lrlab.sweeper.search.strategy import TPE, SearchStrategy, is_exhaustive, is_part
from lrlab.sweeper.settings import Settings, check_same_for_all
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.name import new_name
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.storage import parse as parse_storage
from lrlab.sweeper.study.study import StudySpec

BRACKET_TRIALS = 10  # that a bracket may add, for each planned one


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that can run.

    Attributes:
        sweep: what the application and the workers need to know.
        application: trains the trials.
        search: chooses their values.
        storage: holds the study.
        spec: of the study.
        trials: the values of every trial; empty mappings where the sampler chooses.
        remark: to be made when they are done, or "".
    """

    sweep: Sweep
    application: Application
    search: SearchStrategy
    storage: Storage
    spec: StudySpec
    trials: Sequence[Mapping[str, Any]]
    remark: str = ""

    def with_stored_state(self) -> "SweepPlan":
        """Return this plan with the state that is stored with the study now.

        Raises:
            InputError: the study cannot be resumed with this specification and these trials.
        """
        study, state = studies.find(self.storage, self.sweep.study), None
        if study:
            studies.check_spec(study, self.spec)
            bracket.check_study(self.search.space, study.study_name, study.get_trials(deepcopy=False))
            self._check_enqueued(Queue(self.storage, self.sweep.study))
            state = read_state(study)
        return replace(self, sweep=replace(self.sweep, state=state))

    def has_nothing_left(self) -> bool:
        """Return whether all trials of the plan are done, and no bracket needs more."""
        if self.sweep.state is None:
            return False
        queue = Queue(self.storage, self.sweep.study)
        counts = queue.counts()
        if counts.waiting or counts.running or not counts.total or self.sweep.too_many_failed(counts):
            return False
        sweep = self.sweep
        added = bracket.propose(self.search.space, queue.trials(), sweep.directions, sweep.precision)
        return not added and not queue.missing_from(self.trials)

    def _check_enqueued(self, queue: Queue) -> None:
        """Refuse points for which the study has no trial left.

        Raises:
            InputError: there are some, or the study holds more trials than planned.
        """
        trials = [*queue.missing_from(self.trials), *queue.planned()]
        new = [point for point in self.search.enqueued if not any(is_part(point, values) for values in trials)]
        if new:
            raise InputError(
                f"hydra.sweeper.enqueue has points that study {self.sweep.study} does not hold, and no trial is left "
                f"for {len(new)} of them: set hydra.sweeper.n_trials to {self.sweep.trials + len(new)}"
            )


def plan_sweep(
    settings: Settings,
    arguments: Sequence[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> SweepPlan:
    """Return the plan of a sweep.

    Args:
        settings: the keys of `hydra.sweeper`.
        arguments: the overrides of the command line.
        hydra_context, task_function, config: as Hydra passes them to a sweeper.

    Raises:
        InputError: a setting or an override cannot be used.
    """
    deadline = time.time() + settings.timeout
    address = settings.storage or environment.address(environment.STORAGE)
    environment.announce(environment.STORAGE, address)
    storage = parse_storage(address, Path(config.hydra.runtime.cwd))
    composer = Composer(hydra_context.config_loader, config)
    search = _search(settings, arguments, composer, chosen=_sampler_is_chosen(settings, config, storage))
    directory = Path(config.hydra.sweep.dir).absolute()
    check_same_for_all(settings, config, composer, search.space)
    check_installed(str(config.hydra.launcher["_target_"]))
    _check_writable(settings, storage, directory, config.hydra.launcher["_target_"])
    shared_files.check_storage(config.hydra, storage)
    if settings.study_name and not settings.shared_file:
        shared_files.check_other_hosts(storage, settings.study_name)
    application: Application = JobApplication(task_function, hydra_context)
    if isinstance(task_function, Application):
        application = task_function
    directions = application.directions(config, settings.directions)
    bracket.check(search, directions)
    kept = (override for override in search.fixed if _root(override) not in application.resume_ignored_keys)
    fixed = tuple(map(without_secret, kept))
    trials = search.planned_trials(settings.n_trials)
    sweep = Sweep(
        config=config,
        composer=composer,
        study=settings.study_name or new_name(config.hydra.job.name),
        directory=directory,
        trials=len(trials),
        workers=settings.n_jobs,
        boundary_overrides=search.space.boundary_overrides(),
        swept=tuple(search.space.definitions),
        directions=directions,
        max_failure_rate=settings.max_failure_rate,
        relaunches=settings.relaunches,
        deadline=deadline,
        question=_question(settings, search),
        lease=settings.lease,
        learns=search.learns(trials),
        reuse=settings.reuse,
        precision=Precision(
            settings.bracket_error,
            BRACKET_TRIALS * len(trials) if settings.bracket_trials is None else settings.bracket_trials,
        ),
    )
    space, terms = search.space, _terms(application, composer, search)
    spec = StudySpec(directions, space.definitions, fixed, terms, space.conditions)
    remark = search.remark(settings.n_trials)
    plan = SweepPlan(sweep, application, search, storage, spec, trials, remark).with_stored_state()
    application.check(plan.sweep)
    return plan


def _question(settings: Settings, search: SearchStrategy) -> str:
    """Return the question of the sweep's file, unless the command line fixes a key that it asks about."""
    asked = {key.lstrip("+~") for key in settings.params} - {SEED}
    return settings.question if asked <= search.space.definitions.keys() else ""


def _root(override: str) -> str:
    """Return the top-level key of an override."""
    return override.lstrip("+~").partition("=")[0].partition(".")[0]


def _terms(application: Application, composer: Composer, search: SearchStrategy) -> dict[str, str]:
    """Return what the configuration says beside the swept keys: every value that a key has somewhere in the space."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    if search.custom:
        found["hydra.sweeper.custom_search_space"][search.custom] = None
    for overrides in search.space.boundary_overrides():
        for key, value in application.terms(composer, overrides).items():
            if key not in search.space.definitions and _root(str(key)) not in application.resume_ignored_keys:
                found[key][_text(value)] = None
    return {key: ", ".join(texts) for key, texts in found.items()}


def _text(value: Any) -> str:
    """Return the text of a value; 1 and 1.0 have one."""
    whole = isinstance(value, float) and value.is_integer()
    return value if isinstance(value, str) else json.dumps(int(value) if whole else value, default=str)


def _sampler_is_chosen(settings: Settings, config: DictConfig, storage: Storage) -> bool:
    """Return whether the user chose a sampler, now or, by asking for trials of an earlier version, for this study."""
    if config.hydra.runtime.choices.get("hydra/sweeper/sampler") != "auto" or settings.sampler["_target_"] != TPE:
        return True
    study = studies.find(storage, settings.study_name) if settings.study_name else None
    is_search = study is not None and study.user_attrs.get(studies.SPEC, {}).get("space")
    return bool(is_search) and Queue(storage, str(settings.study_name)).was_sampled()


def _search(settings: Settings, arguments: Sequence[str], composer: Composer, *, chosen: bool) -> SearchStrategy:
    """Read the space of `params` and the command line, which wins; try out sampler, pruner and custom function."""
    params = composer.parse([f"{key}={value}" for key, value in settings.params.items()])
    space = parse_space(composer.parse(arguments), params, composer.is_group)
    space = conditional(space, settings.conditions, composer.parse)
    custom, target = settings.custom_search_space, settings.sampler["_target_"]
    search = SearchStrategy(
        space=space,
        is_exhaustive=is_exhaustive(space, target, settings.n_trials, custom, chosen=chosen),
        sampler_config=settings.sampler,
        pruner_config=settings.pruner,
        custom=custom,
        allow=settings.allow,
        enqueued=checked_points(space, settings.enqueue),
    )
    search.sampler("", 0, 0)
    search.pruner()
    if custom:
        search.custom_function()
    return search


def _check_writable(settings: Settings, storage: Storage, directory: Path, launcher: str) -> None:
    """Refuse what cannot be written, and workers that could not share a study."""
    basic = launcher == BASIC_LAUNCHER
    if settings.n_jobs > 1 and basic:
        raise InputError(f"hydra.sweeper.n_jobs={settings.n_jobs} needs a parallel launcher: hydra/launcher=joblib")
    if storage.is_memory and not (basic and settings.n_jobs == 1):
        raise InputError("hydra.sweeper.storage=memory needs hydra.sweeper.n_jobs=1 and hydra/launcher=basic")
    storage.check_writable()
    writable_directory("hydra.sweep.dir", directory)
