"""What a configuration asks for that its user may not have meant: allowed, but said once."""

import logging
from collections.abc import Collection, Iterator

from lrlab.core.optimizer import AdamW
from lrlab.core.regularizer import L2, ElasticNet
from lrlab.core.schedule import Schedule, warmup_updates
from lrlab.training.experiment import Experiment
from lrlab.training.gradient_noise import can_halve
from lrlab.training.methods.gradient import Gradient

log = logging.getLogger(__name__)


def log_cautions(experiments: Collection[Experiment]) -> None:
    """Log each caution about some experiments, as one line and once; load their data."""
    samples = {data: len(data.load().train) for data in {experiment.data for experiment in experiments}}
    lines = (line for experiment in experiments for line in cautions(experiment, samples[experiment.data]))
    for line in dict.fromkeys(lines):
        log.warning("%s", line)


def cautions(experiment: Experiment, training_samples: int) -> Iterator[str]:
    """Yield one line for each."""
    if isinstance(experiment.method, Gradient):
        yield from _two_decays(experiment)
        yield from _no_warmup(experiment.schedule, experiment.total_updates(training_samples))


def log_unmeasured_noise(experiment: Experiment, microbatch: int) -> None:
    """Log how the gradient noise scale could be measured, if the batches of a single training cannot be divided."""
    size = experiment.batch_size
    if isinstance(experiment.method, Gradient) and size == microbatch > 1 and not can_halve(size):
        largest = next(m for m in range(size // 2, 0, -1) if size % m == 0)
        log.warning(
            "no gradient noise scale of an odd batch_size=%d; population.microbatch=%d would measure it", size, largest
        )


def _two_decays(experiment: Experiment) -> Iterator[str]:
    """AdamW exists to keep the decay out of the moments; an L2 regularizer puts one in (Loshchilov & Hutter 2017)."""
    optimizer, regularizer = experiment.optimizer, experiment.regularizer
    if not (isinstance(optimizer, AdamW) and isinstance(regularizer, L2 | ElasticNet)):
        return
    if optimizer.weight_decay > 0 and regularizer.strength > 0:
        yield (
            f"training with both AdamW's weight_decay={optimizer.weight_decay:g} and a regularizer of strength "
            f"{regularizer.strength:g}, which passes through the moments; regularizer=none leaves the decay alone"
        )


def _no_warmup(schedule: Schedule, total: int) -> Iterator[str]:
    if schedule.warmup > 0 and warmup_updates(schedule, total) == 0:
        yield (
            f"schedule.warmup={schedule.warmup:g} comes to no update of {total}: the first has the full learning rate"
        )
