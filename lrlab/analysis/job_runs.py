"""The runs of a study of somebody's own Hydra application, with the names that the report has for what they mean."""

import math
from ast import literal_eval
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.runs import LR, Run, Runs, has_result, number_or_text, read
from lrlab.config.command_line import HERE, Places
from lrlab.errors import InputError
from lrlab.runs.job_record import NOT_IN_NAMES, REPORTED
from lrlab.sweeper.roles import KEY, loss_of
from lrlab.sweeper.study.queue import RUN_ID
from lrlab.sweeper.study.state import SweepState, read_state
from lrlab.sweeper.study.study import SPEC
from lrlab.tracking.memory_tracker import summary_of
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunSummary, Tracker

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

BATCH_SIZE, SEED, LOSS = "batch_size", "seed", "val/loss"
NAME_OF: Final = {"lr": LR, "batch_size": BATCH_SIZE, "seed": SEED}  # of each role, here
# Further keys that mean something here; the application's own ones of these names may mean anything.
TAKEN: Final = (*NAME_OF.values(), "updates", "epochs", "regularizer", "regularizer.strength", "schedule.warmup")
OWN: Final = "config."  # before such a key of the application


def read_runs(study: "optuna.Study", tracker: Tracker, places: Places = HERE) -> Runs:
    """Read the runs of a study, of lrlab's own trainer or of somebody's own application.

    Raises:
        InputError: as `read_jobs` or `runs.read`.
    """
    state = read_state(study)
    return read_jobs(study, state, tracker, places) if state and state.launch else read(study, tracker, places)


def read_jobs(study: "optuna.Study", state: SweepState, tracker: Tracker, places: Places = HERE) -> Runs:
    """Read the runs of a study: learning rate, batch size, seed and loss by the names that lrlab's own trainer has.

    Any other key of the application that has such a name gets `config.` in front.

    Args:
        state: of the study, with the roles of its keys.
        places: where they are, for the commands that are suggested.

    Raises:
        InputError: nothing is recorded, no trial has ended, the loss is in doubt, or a value has the wrong kind.
    """
    spec = study.user_attrs.get(SPEC)
    trials = [trial for trial in study.get_trials(deepcopy=False) if RUN_ID in trial.user_attrs]
    if spec is None or not state.run_id or not trials:
        raise InputError(f"study must be one whose trials have runs, got {study.study_name!r}, which has none")
    ended = list(filter(has_result, trials))
    if not ended or len(study.directions) > 1:
        raise InputError(
            f"study must have one objective and trials that came to their end, got {study.study_name!r}, "
            f"which has {len(study.directions)} and {len(ended)}"
        )
    records, missing = _records(ended, tracker, state.run_id)
    numbers = ", ".join(map(str, missing))
    left_out = (
        f"trials {numbers} of study {study.study_name} left out: {next(iter(missing.values()))}" if missing else ""
    )
    if not records:
        raise InputError(left_out)
    loss = loss_of(study, list(dict.fromkeys(name for record in records.values() for name in record.latest)))
    typed, written = cache(_typed), {NOT_IN_NAMES.sub("_", key): key for key in (*spec["space"], *state.roles.values())}
    configs = {
        number: {written.get(key, key): typed(text) for key, text in record.params.items()}
        for number, record in records.items()
    }
    names = {NAME_OF[role]: key for role, key in state.roles.items() if role in NAME_OF}
    _check_numbers(list(configs.values()), names)
    runs = tuple(
        _run(number, record, _renamed(configs[number], names), loss) for number, record in sorted(records.items())
    )
    unit = str(study.user_attrs.get(Tag.UNIT, "epochs"))
    return Runs(
        study.study_name,
        state.run_id,
        _renamed(spec["space"], names),
        runs,
        places=places,
        left_out=left_out,
        names={**names, LOSS: loss},
        budget=budget(list(records.values()), unit),
        unit=unit.removesuffix("s"),
        histories=tracker.histories,
    )


def _records(
    ended: Sequence["FrozenTrial"], tracker: Tracker, parent: str
) -> tuple[dict[int, RunSummary], dict[int, str]]:
    """Return the runs of trials by their numbers, and of those that have none, why."""
    children = {run.tags.get(Tag.TRIAL): run for run in tracker.summaries(parent)}
    records, missing = {}, {}
    for trial in ended:
        if run := children.get(str(trial.number)):
            records[trial.number] = run
            continue
        try:  # its application may have given it another parent
            records[trial.number] = summary_of(tracker.get_run(trial.user_attrs[RUN_ID]))
        except MissingRunError as error:
            missing[trial.number] = str(error)
    return records, missing


def budget(records: Sequence[RunSummary], unit: str) -> str:
    """Return what the trials had in common, as a sentence.

    Args:
        records: of the trials that came to their end.
        unit: what their steps count.
    """
    last = [record.latest[REPORTED][0] for record in records if REPORTED in record.latest]
    if len(last) < len(records):
        return "The trials did not all report their steps: whether their budgets were equal is not known."
    if min(last) < max(last):
        return (
            f"The budgets were not equal: the last {unit} reported are {min(last)} to {max(last)}. "
            "What is best with one budget may not be with another."
        )
    consequence = {"epochs": "larger batches take fewer updates", "updates": "larger batches see more samples"}[unit]
    return f"Asked under an equal budget of {unit} (the last one reported is {last[0]}): {consequence}."


def _typed(text: str) -> Any:
    """Return the value that a param was written from."""
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return number_or_text(text)


def _run(number: int, record: RunSummary, params: dict[str, Any], loss: str) -> Run:
    ended_finite = loss in record.latest and math.isfinite(record.latest[loss][1])
    return Run(
        trial=number,
        run_id=record.run_id,
        params={SEED: 0, **params},
        metrics={},
        samples=None,
        diverged=record.tags.get(Tag.DIVERGED) == "true" or not ended_finite,
        latest={LOSS: record.latest[loss][1]} if loss in record.latest else {},
    )


def _renamed(keys: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a mapping with the keys that play a role under the names of it."""
    here = {key: name for name, key in names.items()}
    return {here.get(key, f"{OWN}{key}" if key in TAKEN else key): value for key, value in keys.items()}


def _check_numbers(configs: Sequence[Mapping[str, Any]], names: dict[str, str]) -> None:
    """Refuse learning rates and batch sizes that are none; forget a role that not all trials have.

    Raises:
        InputError: names the key.
    """
    for name, role, kind in ((LR, "lr", "a number > 0"), (BATCH_SIZE, "batch_size", "a whole number >= 1")):
        key = names.get(name)
        values: list[Any] = [config.get(key) for config in configs] if key else []
        if any(value is None for value in values):
            del names[name]
            continue
        for value in values:
            is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            if not is_number or (name == BATCH_SIZE and value != int(value)):
                raise InputError(f"{KEY}.{role}={key} must name a key that is {kind} in every trial, got {value!r}")
