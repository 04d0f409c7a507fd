"""How large the lecture's experiments are on each data set: two minutes on digits, fifteen on CIFAR-10."""

from dataclasses import dataclass, replace

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import NoRegularizer
from lrlab.core.schedule import Constant
from lrlab.data.datasets import Cifar10, Digits
from lrlab.errors import InputError
from lrlab.training.experiment import DataSource, Experiment
from lrlab.training.gradient import Gradient


@dataclass(frozen=True)
class Scale:
    """The data and the lengths of the trainings.

    Attributes:
        name: of the data set.
        whole: all of it, for accuracies that are compared with published ones.
        part: enough of it to compare many trainings.
        few: so little of it that a linear classifier fits it perfectly.
        batch_size: samples per update, unless that is what is compared.
        epochs: of a comparison.
        long: epochs until a training is as good as it gets.
        threads: for matrix multiplies; None: all cores.
    """

    name: str
    whole: DataSource
    part: DataSource
    few: DataSource
    batch_size: int
    epochs: int
    long: int
    threads: int | None

    def experiment(self, **changes: object) -> Experiment:
        """Linear softmax, plain SGD at a constant rate on the part, with these changes."""
        plain = Experiment(
            data=self.part,
            method=Gradient(),
            model=Linear(),
            loss=SoftmaxCrossEntropy(),
            regularizer=NoRegularizer(),
            optimizer=SGD(),
            schedule=Constant(),
            batch_size=self.batch_size,
            epochs=self.epochs,
        )
        return replace(plain, **changes)  # type: ignore[arg-type]


SCALES = {
    "digits": Scale(
        name="digits",
        whole=Digits(),
        part=Digits(),
        few=Digits(train_size=100),
        batch_size=32,
        epochs=20,
        long=60,
        threads=1,  # small multiplies: a second thread costs more than it brings
    ),
    "cifar10": Scale(
        name="cifar10",
        whole=Cifar10(),
        part=Cifar10(train_size=10_000, validation=5_000),
        few=Cifar10(train_size=1_000, validation=2_000),
        batch_size=128,
        epochs=10,
        long=15,
        threads=None,
    ),
}


def scale(name: str) -> Scale:
    """The scale of a data set.

    Raises:
        InputError: the lecture has none for it.
    """
    if name not in SCALES:
        raise InputError(f"--data must be one of {', '.join(SCALES)}, got {name!r}")
    return SCALES[name]
