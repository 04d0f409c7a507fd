"""One training on record: from its beginning, or from where its process was stopped."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.runs import checkpoint, recorder
from lrlab.runs.history import MetricHistory
from lrlab.runs.loop import RecordedTraining, TrainingLoop, training_loop
from lrlab.runs.provenance import Provenance
from lrlab.runtime.process_id import ProcessId, host, is_gone
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, Tracker
from lrlab.training.cautions import log_cautions, log_unmeasured_noise
from lrlab.training.experiment import EpochResult, Experiment
from lrlab.training.population import microbatch_for

log = logging.getLogger(__name__)

Watch = Callable[[EpochResult, int], None]  # called with every epoch's result, and how many epochs there are


@dataclass(frozen=True)
class TrainingOutcome:
    """A training that has ended: its run, its last epoch, all epochs, and what its curve tells of the learning rate."""

    run_id: str
    last: EpochResult
    history: MetricHistory
    diagnosis: str


def train(
    experiment: Experiment, tracker: Tracker, watch: Watch, *, outputs: str, microbatch: int | None = None
) -> TrainingOutcome:
    """Train an experiment on record, to its end.

    Args:
        outputs: output directory; takes the checkpoints.
        microbatch: samples per multiply; None for the largest divisor of the batch size that is efficient.
    """
    dataset = experiment.data.load()
    experiment.check_fits(dataset)
    log_cautions([experiment])
    microbatch = microbatch or microbatch_for([experiment.batch_size])
    log_unmeasured_noise(experiment, microbatch)
    population = experiment.new_population(dataset, width=1, microbatch=microbatch)
    with training_loop(tracker, checkpoints=checkpoint.folder(outputs), on_end=partial(_keep, tracker)) as loop:
        return _train_to_end(loop, loop.start(experiment, population, name="train"), watch)


def resume(
    run_id: str, places: Places, tracker: Tracker, watch: Watch, moved: Mapping[str, str] | None = None
) -> TrainingOutcome:
    """Train a run that was stopped to its end, from its last checkpoint if there is one.

    Its epochs are those that it would have had, or a line says what has changed. Each is recorded once.

    Args:
        run_id: of the run.
        places: where its checkpoint is, and further code to trust. What a record says of that does not count.
        moved: paths of the data that are not as recorded, by their keys, such as data.path.

    Raises:
        InputError: the run is unknown, no single training, finished, not known to have stopped, or resumed elsewhere.
    """
    checkpoints = checkpoint.folder(str(places.outputs))
    _check_stopped(tracker, tracker.get_run(run_id), places)
    with checkpoint.exclusive(checkpoints, run_id):
        return _resume(run_id, checkpoints, tracker, watch, places, moved)


def _resume(
    run_id: str,
    checkpoints: Path,
    tracker: Tracker,
    watch: Watch,
    places: Places,
    moved: Mapping[str, str] | None,
) -> TrainingOutcome:
    run = tracker.get_run(run_id)
    _check_stopped(tracker, run, places)  # another process may have resumed it meanwhile
    experiment, dataset, provenance = recorder.read_training(run, places.allow, moved)
    interrupted = checkpoint.load(checkpoints, run_id)
    shape = provenance.shape() | ({"first_epoch": interrupted.shuffles} if interrupted else {})
    population = experiment.new_population(dataset, **shape)
    tracker.reopen_run(run_id)
    with training_loop(tracker, checkpoints=checkpoints, on_end=partial(_keep, tracker)) as loop:
        training = loop.resume(
            run_id,
            experiment,
            population,
            slot=provenance.slot,
            interrupted=interrupted,
            recorded=MetricHistory(run.metrics),
        )
        for name, (then, now) in provenance.changes(Provenance.of(population, training.member)).items():
            log.warning(
                "%s was %s, is %s: from here on, the curve is not the one that the run would have had", name, then, now
            )
        return _train_to_end(loop, training, watch)


def _train_to_end(loop: TrainingLoop, training: RecordedTraining, watch: Watch) -> TrainingOutcome:
    total = training.experiment.n_epochs(training.population.dataset)
    while True:
        ((_, result),) = loop.train_epoch()
        watch(result, total)
        if not loop.open:
            return TrainingOutcome(training.run_id, result, training.history, training.diagnosis)


def _keep(tracker: Tracker, training: RecordedTraining) -> None:
    weights, dataset = training.member.weights(), training.population.dataset
    recorder.log_weights(tracker, training.run_id, weights)
    recorder.log_plots(tracker, training.run_id, training.experiment, dataset, weights, training.history)


def _check_stopped(tracker: Tracker, run: RunRecord, places: Places) -> None:
    if Tag.PROVENANCE not in run.tags or Tag.PARENT in run.tags:
        raise InputError(f"run_id must name a run of lrlab train, got {run.run_id} ({run.name})")
    if run.status == "FINISHED" or Tag.DIVERGED in run.tags:
        raise InputError(f"run {run.run_id} is over: there is nothing to go on with")
    found = next((each for each in tracker.unfinished_runs() if each.run_id == run.run_id), None)
    if found and found.owner != str(ProcessId.current()) and not is_gone(found.owner, seen=found.seen):
        where = host(found.owner)
        repair = command("repair", "--gone", where, places=places)
        raise InputError(f"run {run.run_id} may still be running on {where}; if that machine is gone: {repair}")
