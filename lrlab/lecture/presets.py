"""The sizes of the lecture's experiments on each data set: two minutes on digits, fifteen on CIFAR-10."""

from dataclasses import dataclass, replace

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import NoRegularizer
from lrlab.core.schedule import Constant
from lrlab.data.cifar10 import Cifar10
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.training.experiment import DataSource, Experiment
from lrlab.training.methods.gradient import Gradient


@dataclass(frozen=True)
class Preset:
    """The data and the lengths of the trainings.

    Attributes:
        name: of the data set.
        full_data: all of it, for accuracies that are compared with published ones.
        subset: enough of it to compare many trainings.
        small_subset: so little of it that a linear classifier fits it perfectly.
        batch_size: samples per update, unless that is what is compared.
        epochs: of a comparison.
        long_epochs: epochs until a training is as good as it gets.
        threads: for matrix multiplies; None: all cores.
    """

    name: str
    full_data: DataSource
    subset: DataSource
    small_subset: DataSource
    batch_size: int
    epochs: int
    long_epochs: int
    threads: int | None

    def experiment(self, **changes: object) -> Experiment:
        """Return a linear softmax with SGD at a constant learning rate on the subset, with these changes."""
        baseline = Experiment(
            data=self.subset,
            method=Gradient(),
            model=Linear(),
            loss=SoftmaxCrossEntropy(),
            regularizer=NoRegularizer(),
            optimizer=SGD(),
            schedule=Constant(),
            batch_size=self.batch_size,
            epochs=self.epochs,
        )
        return replace(baseline, **changes)  # type: ignore[arg-type]


PRESETS = {
    "digits": Preset(
        name="digits",
        full_data=Digits(),
        subset=Digits(),
        small_subset=Digits(train_size=100),
        batch_size=32,
        epochs=20,
        long_epochs=60,
        threads=1,  # small multiplies: a second thread costs more than it brings
    ),
    "cifar10": Preset(
        name="cifar10",
        full_data=Cifar10(),
        subset=Cifar10(train_size=10_000, validation=5_000),
        small_subset=Cifar10(train_size=1_000, validation=2_000),
        batch_size=128,
        epochs=10,
        long_epochs=15,
        threads=None,
    ),
}


def preset(name: str) -> Preset:
    """Return the preset of a data set.

    Raises:
        InputError: the lecture has none for it.
    """
    if name not in PRESETS:
        raise InputError(f"--data must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]
