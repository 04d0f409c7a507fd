"""Lecture 4.3: random search over W, not recommended."""

from lrlab.core.optimizer import Momentum
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.training.methods.random_search import DRAWS_PER_EPOCH, RandomSearch

EXPECTED_ACCURACY, ACCURACY_TOLERANCE = 0.155, 0.02  # on CIFAR-10, and what the luck of 1,000 draws may change


def measure(trainer: ChapterTrainer) -> ChapterResult:
    preset = trainer.preset
    search = preset.experiment(data=preset.full_data, method=RandomSearch(1000))
    descent = preset.experiment(data=preset.full_data, optimizer=Momentum(lr=0.003), epochs=1)
    (searched,) = trainer.train("random search", [search], test=True)
    (descended,) = trainer.train("one epoch of descent", [descent], test=True)
    chance, skill = (run.tested["test/accuracy"] for run in (searched, descended))
    claims = [
        Claim(
            "4.3",
            "Random search is no training",
            "Random search is no way to train: far below what following the slope reaches",
            "test accuracy of the best of 1,000 draws below half of that of one epoch of gradient descent",
            f"{chance:.4f} of the test images, against {skill:.4f}",
            chance < skill / 2,
        )
    ]
    if preset.name == "cifar10":
        claims.insert(
            0,
            Claim(
                "4.3",
                "Accuracy of random search",
                "The best of 1,000 random W by training loss: test accuracy on CIFAR-10",
                f"{EXPECTED_ACCURACY} ± {ACCURACY_TOLERANCE}",
                f"{chance:.4f} of the test images",
                abs(chance - EXPECTED_ACCURACY) <= ACCURACY_TOLERANCE,
            ),
        )
    draws = [DRAWS_PER_EPOCH * (i + 1) for i in range(len(searched.history["val/accuracy"]))]
    lines = [
        Line("best draw so far", draws, searched.history["val/accuracy"]),
        Line("one epoch of gradient descent", [0, 1000], [descended.last("val/accuracy")] * 2, "reference"),
    ]
    chart = Chart("draws", "validation accuracy", lines, axes={"ylim": (0, 1)})
    drawn = line_figure(
        chart,
        title="How far 1,000 random draws get",
        caption="Validation accuracy of the best W by training loss, after so many draws. Dashed: one epoch of "
        "gradient descent.",
    )
    return ChapterResult(tuple(claims), (drawn,))
