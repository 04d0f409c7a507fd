"""The configuration of the sweeper, as Hydra's ConfigStore knows it. Imported by every Hydra application."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Roles:
    """What the keys of the application mean; null is guessed from the usual names, and shown at the end of a sweep."""

    lr: str | None = None
    batch_size: str | None = None
    weight_decay: str | None = None
    warmup: str | None = None
    seed: str | None = None
    loss: str | None = None  # a metric: what lrlab.log is given, or objective, what the task returns


@dataclass
class Sweeper:
    """`hydra/sweeper: lrlab`. The keys of Hydra's own Optuna sweeper, and some more."""

    _target_: str = "hydra_plugins.lrlab_plugin.LrlabSweeper"
    _recursive_: bool = False  # sampler and pruner are checked against lrlab's allow-list before they are instantiated
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "auto"}, {"pruner": "none"}])

    sampler: Any = "???"
    pruner: Any = "???"
    direction: Any = None  # minimize, maximize, or a list of them, one per value the task returns; null is minimize
    storage: str | None = None  # null: $LRLAB_STORAGE, outputs/optuna.log; *.log, sqlite:///…, postgresql://…, memory
    question: str | None = None  # what the sweep is to answer; null is the usual one of what is swept
    study_name: str | None = None  # null is the job's name, the time and a random suffix; an existing study is resumed
    n_trials: int | None = None  # null is every combination of a finite space, else 20
    n_jobs: int = 1  # workers, -1 for one a core; more than one needs hydra/launcher=joblib or another
    bracket_error: float = 0.07  # standard error of ln(best value) at which a tag(bracket, …) is done ...
    bracket_trials: int | None = None  # ... or when it has added so many trials; null is ten for each planned one
    max_failure_rate: float = 0.0  # the sweep stops when a larger fraction of all its trials has failed
    relaunches: int = 3  # so often a worker that died is launched again, while no trial is done in between
    shared_file: bool = False  # let several hosts share a journal or SQLite file, which may be damaged by that
    timeout: Any = None  # seconds, or 45s, 90m, 2h: the sweep stops then, and can be resumed
    dry_run: bool = False  # list what would be done; write nothing
    lease: float = 45.0  # seconds without a sign of life after which the trials of a worker are run by others
    reuse: bool = False  # a trial whose values a complete trial of the study has had is told the values of that one
    params: dict[str, str] | None = field(default_factory=dict)  # key: override grammar; the command line wins
    conditions: dict[str, Any] | None = field(default_factory=dict)  # key: OTHER=VALUES where it applies, or a list
    enqueue: list[Any] | None = field(default_factory=list)  # points {key: value, …} that are tried first
    custom_search_space: str | None = None  # full name of a function (config, trial) -> None
    tracking: str | None = None  # of jobs: null: $LRLAB_TRACKING_URI, outputs/mlflow.db; none; or MLflow's URI
    experiment: str | None = None  # of MLflow's; null is $MLFLOW_EXPERIMENT_NAME, else the name of the job
    parent_run: str | None = None  # of jobs: the run of MLflow's that gets them as children; null is a new one
    roles: Roles = field(default_factory=Roles)
    allow: list[str] = field(default_factory=list)  # prefixes of further code to trust, such as my_package.


@dataclass
class TPE:
    """Tree-structured Parzen estimator."""

    _target_: str = "optuna.samplers.TPESampler"
    seed: int | None = None
    n_startup_trials: int = 10  # at least as many as all workers train at once, see `SearchStrategy.sampler`
    n_ei_candidates: int = 24
    multivariate: bool | None = None
    group: bool = False
    constant_liar: bool = True


@dataclass
class Auto(TPE):
    """No sampler was chosen: every combination of a finite space once; TPE in any other."""


@dataclass
class GP:
    """Gaussian process with expected improvement; needs `pip install torch`."""

    _target_: str = "optuna.samplers.GPSampler"
    seed: int | None = None
    n_startup_trials: int = 10
    deterministic_objective: bool = False


@dataclass
class CMAES:
    """Covariance matrix adaptation; for numbers, not for choices."""

    _target_: str = "optuna.samplers.CmaEsSampler"
    seed: int | None = None
    sigma0: float | None = None
    n_startup_trials: int = 1
    popsize: int | None = None
    consider_pruned_trials: bool = False
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False


@dataclass
class QMC:
    """A quasi-random sequence."""

    _target_: str = "optuna.samplers.QMCSampler"
    seed: int | None = None
    qmc_type: str = "sobol"  # or halton
    scramble: bool = True


@dataclass
class Random:
    """Independent draws."""

    _target_: str = "optuna.samplers.RandomSampler"
    seed: int | None = None


@dataclass
class Grid:
    """Every combination of choices and ranges; n_trials of them, spread by the seed, if there are more."""

    _target_: str = "optuna.samplers.GridSampler"
    seed: int | None = None


@dataclass
class NSGAII:
    """A genetic algorithm for several objectives."""

    _target_: str = "optuna.samplers.NSGAIISampler"
    seed: int | None = None
    population_size: int = 50
    mutation_prob: float | None = None
    crossover_prob: float = 0.9
    swapping_prob: float = 0.5


@dataclass
class Nop:
    """Every trial runs to its end."""

    _target_: str = "optuna.pruners.NopPruner"


@dataclass
class Median:
    """Prunes a trial whose best so far is worse than the median of the others at that step."""

    _target_: str = "optuna.pruners.MedianPruner"
    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1
    n_min_trials: int = 1


@dataclass
class Percentile:
    """As the median pruner, but keeps this percentage."""

    _target_: str = "optuna.pruners.PercentilePruner"
    percentile: float = 25.0
    n_startup_trials: int = 5
    n_warmup_steps: int = 0
    interval_steps: int = 1
    n_min_trials: int = 1


@dataclass
class SuccessiveHalving:
    """Asynchronous successive halving; min_resource is a number of steps or auto."""

    _target_: str = "optuna.pruners.SuccessiveHalvingPruner"
    min_resource: Any = "auto"
    reduction_factor: int = 4
    min_early_stopping_rate: int = 0
    bootstrap_count: int = 0


@dataclass
class Hyperband:
    """Successive halving at several rates; max_resource is a number of steps or auto."""

    _target_: str = "optuna.pruners.HyperbandPruner"
    min_resource: int = 1
    max_resource: Any = "auto"
    reduction_factor: int = 3
    bootstrap_count: int = 0


@dataclass
class Patient:
    """Lets another pruner prune only trials that have not improved for `patience` steps."""

    _target_: str = "optuna.pruners.PatientPruner"
    wrapped_pruner: Any = field(default_factory=Median)
    patience: int = 2
    min_delta: float = 0.0


SAMPLERS = {
    "auto": Auto,
    "tpe": TPE,
    "gp": GP,
    "cmaes": CMAES,
    "qmc": QMC,
    "random": Random,
    "grid": Grid,
    "nsgaii": NSGAII,
}
PRUNERS = {
    "none": Nop,
    "median": Median,
    "percentile": Percentile,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
    "patient": Patient,
}


def register() -> None:
    """Make `hydra/sweeper=lrlab`, its samplers and pruners, and the launchers for several hosts known to Hydra."""
    from hydra.core.config_store import ConfigStore

    from lrlab.sweeper.launching.presets import LAUNCHERS

    store = ConfigStore.instance()
    store.store(group="hydra/sweeper", name="lrlab", node=Sweeper, provider="lrlab")
    for name, node in LAUNCHERS.items():
        store.store(group="hydra/launcher", name=name, node=node, provider="lrlab")
    for group, choices in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
        for name, node in choices.items():
            store.store(group=f"hydra/sweeper/{group}", name=name, node=node, provider="lrlab")
