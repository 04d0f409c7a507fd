"""What a configuration asks for that its user may not have meant: allowed, but said once."""

import logging
from collections.abc import Iterable, Iterator

from lrlab.core.optimizer import AdamW
from lrlab.core.regularizer import L2, ElasticNet
from lrlab.training.experiment import Experiment
from lrlab.training.methods.gradient import Gradient

log = logging.getLogger(__name__)


def log_cautions(experiments: Iterable[Experiment]) -> None:
    """Log each caution about some experiments, as one line and once."""
    for line in dict.fromkeys(line for experiment in experiments for line in cautions(experiment)):
        log.warning("%s", line)


def cautions(experiment: Experiment) -> Iterator[str]:
    """Yield one line for each."""
    if isinstance(experiment.method, Gradient):
        yield from _two_decays(experiment)


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
