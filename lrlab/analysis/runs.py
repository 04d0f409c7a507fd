"""A study as the analysis sees it: the runs of its trials, with what was swept."""

import json
import math
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lrlab.config.command_line import HERE, Places
from lrlab.errors import InputError
from lrlab.sweeper.study.queue import DIVERGED, OUTCOME, RUN_ID
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.study import SPEC
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Histories, RunSummary, Tracker

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

LR: Final = "optimizer.lr"
REPEATED: Final = ("seed", "batch_size", LR)  # what does not make another setting


@dataclass(frozen=True)
class Run:
    """A trial that came to its end.

    Attributes:
        params: flat configuration, numbers as numbers.
        metrics: name -> [(epoch, value), ...], of those that were read: see `Runs.with_histories`.
        samples: size of the training set; None if it was not recorded.
        diverged: a loss or a norm became infinite or NaN.
        validation: size of the validation set; 0 if it was not recorded.
        latest: name -> value of the last epoch; where it is missing, `metrics` has it.
    """

    trial: int
    run_id: str
    params: Mapping[str, Any]
    metrics: Mapping[str, list[tuple[int, float]]]
    samples: int | None
    diverged: bool
    validation: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)

    @property
    def lr(self) -> float:
        return float(self.params[LR])

    @property
    def batch_size(self) -> int:
        return int(self.params["batch_size"])

    @property
    def seed(self) -> int:
        return int(self.params["seed"])

    @property
    def loss(self) -> float:
        """Validation loss in nats at the end; infinite if it diverged."""
        return math.inf if self.diverged else self.last("val/loss")

    def last(self, metric: str) -> float:
        """Value of the last epoch; NaN if there is none."""
        if metric in self.latest:
            return self.latest[metric]
        history = self.metrics.get(metric)
        return history[-1][1] if history else math.nan

    def has(self, metric: str) -> bool:
        """Return whether a metric was recorded."""
        return metric in self.latest or metric in self.metrics


@dataclass(frozen=True)
class Runs:
    """The runs of a study.

    Attributes:
        study: its name.
        parent: id of the sweep's own run.
        swept: definition in Hydra's grammar of every swept key.
        runs: of the trials that finished or diverged; those cut off or pruned have no final loss.
        places: where the study is, for the commands that are suggested.
        left_out: what there is to say about trials whose runs are missing, in one line; "" for nothing.
        names: what the study calls a key or metric that has another name here.
        budget: what the trials had in common, as a sentence; "" if the configuration says it.
        unit: what the steps of the loss count.
        histories: reads whole histories of some metrics of some runs, by run ids, as long as the tracker is open; None
            where the runs have them.
    """

    study: str
    parent: str
    swept: Mapping[str, str]
    runs: tuple[Run, ...]
    places: Places = HERE
    left_out: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    budget: str = ""
    unit: str = "epoch"
    histories: Callable[[Sequence[str], Collection[str]], Histories] | None = None

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    @property
    def loss_label(self) -> str:
        """What the loss is called on an axis."""
        return self.names.get("val/loss", "validation loss (nats)")

    def with_histories(self, runs: Sequence[Run], *metrics: str) -> list[Run]:
        """Return some of the runs with the histories of these metrics: of thousands of runs they are not read before.

        Args:
            runs: of this study.
        """
        if self.histories is None:
            return list(runs)
        recorded = {self.names.get(metric, metric): metric for metric in metrics}
        found = self.histories([run.run_id for run in runs], list(recorded))
        return [
            replace(run, metrics={recorded[name]: points for name, points in found.get(run.run_id, {}).items()})
            for run in runs
        ]

    def values(self, key: str) -> list[Any]:
        """The different values of a configuration key, in order."""
        return sorted({run.params[key] for run in self.runs if key in run.params}, key=lambda v: (str(type(v)), v))

    def only(self, conditions: Mapping[str, str]) -> "Runs":
        """The runs whose configuration has these values.

        Raises:
            InputError: no run has.
        """
        found = self
        for key, text in conditions.items():
            kept = tuple(run for run in found.runs if key in run.params and _plain(run.params[key]) == _plain(text))
            if not kept:
                known = ", ".join(map(str, self.values(key))) or "no such key"
                raise InputError(f"--where {key} must be one of {known}, got {text!r}")
            found = replace(found, runs=kept)
        return found

    def settings(self) -> dict[str, "Runs"]:
        """The runs by what else was chosen, besides seed, batch size and learning rate: label -> runs.

        Swept intervals are no settings: hardly two trials would share one.
        """
        keys = [key for key, shown in self.swept.items() if key not in REPEATED and "interval" not in shown]
        keys = [key for key in keys if len(self.values(key)) > 1]
        groups: dict[tuple[Hashable, ...], list[Run]] = {}
        for run in self.runs:
            groups.setdefault(tuple(run.params.get(key) for key in keys), []).append(run)
        return {
            ", ".join(f"{key}={value}" for key, value in zip(keys, values, strict=True)): replace(
                self, runs=tuple(runs)
            )
            for values, runs in groups.items()
        }

    def table(self) -> list[dict[str, Any]]:
        """What `lrlab.scaling_law.analysis.analyse` takes."""
        return [
            {"batch_size": run.batch_size, "lr": run.lr, "seed": run.seed, "loss": run.loss}
            for run in self.runs
            if LR in run.params
        ]


def planned_seeds(groups: Iterable[Collection[Hashable]]) -> set[Hashable]:
    """Return the seeds that at least half of the groups have: a bracket gives further seeds to some of them."""
    tried = [set(seeds) for seeds in groups]
    common = [seeds for seeds in tried if 2 * sum(other >= seeds for other in tried) >= len(tried)]
    return max(common or tried, key=len, default=set())


def read(study: "optuna.Study", tracker: Tracker, places: Places = HERE) -> Runs:
    """Read the runs of a study that lrlab's own trainer ran.

    Raises:
        InputError: the study is another application's, none of its trials has come to an end, or all runs are missing.
    """
    spec, state = study.user_attrs.get(SPEC), read_state(study)
    if spec is None or state is None:
        raise InputError(f"study must be one that lrlab trained, got {study.study_name!r}, which has no runs")
    parsed = cache(number_or_text)  # most texts are those of thousands of runs
    runs = tuple(_run(record, parsed) for record in tracker.summaries(state.run_id) if _has_ended(record))
    left_out = _left_out(study, tracker, {run.trial for run in runs})
    if not runs:
        why = left_out or "which has none"
        raise InputError(f"study must have trials that came to their end, got {study.study_name!r}: {why}")
    return Runs(study.study_name, state.run_id, spec["space"], runs, places, left_out, histories=tracker.histories)


def _left_out(study: "optuna.Study", tracker: Tracker, found: Collection[int]) -> str:
    """Return in one line which trials came to their end but have no run, and why the first of them has none."""
    ended = (trial for trial in study.get_trials(deepcopy=False) if has_result(trial))
    missing = [trial for trial in ended if RUN_ID in trial.user_attrs and trial.number not in found]
    if not missing:
        return ""
    run_id = missing[0].user_attrs[RUN_ID]
    try:
        why = f"run {run_id} is {tracker.get_run(run_id).status}"
    except InputError as error:
        why = str(error)
    numbers = ", ".join(str(trial.number) for trial in missing)
    count, first = f"{len(missing)} trials" if len(missing) > 1 else "1 trial", missing[0].number
    return f"{count} of study {study.study_name} left out, for want of a run: {numbers}; trial {first}: {why}"


def has_result(trial: "FrozenTrial") -> bool:
    """Return whether a trial came to its end, a loss that is not finite included."""
    return trial.state.name == "COMPLETE" or trial.user_attrs.get(OUTCOME) == DIVERGED


def _has_ended(record: RunSummary) -> bool:
    diverged = record.tags.get(Tag.DIVERGED) == "true"
    return Tag.TRIAL in record.tags and (record.status == "FINISHED" or diverged)


def _run(record: RunSummary, parsed: Callable[[str], float | int | str]) -> Run:
    provenance = json.loads(record.tags.get(Tag.PROVENANCE, "{}"))
    return Run(
        trial=int(record.tags[Tag.TRIAL]),
        run_id=record.run_id,
        params={key: parsed(text) for key, text in record.params.items()},
        metrics={},
        samples=provenance.get("samples"),
        diverged=record.tags.get(Tag.DIVERGED) == "true",
        validation=provenance.get("validation", 0),
        latest={name: value for name, (_, value) in record.latest.items()},
    )


def _plain(value: Any) -> Any:
    """A value so that a choice of conf/ and the class it names are the same: l1_proximal, L1Proximal."""
    return number_or_text(str(value).replace("_", "").lower())


def number_or_text(text: str) -> float | int | str:
    """A recorded parameter as a number if it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
