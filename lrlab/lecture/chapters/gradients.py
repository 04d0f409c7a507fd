"""Lecture 5.2 to 5.4: numerical and analytic gradients; full-batch and mini-batch descent."""

from dataclasses import replace

from lrlab.core.gradcheck import TOLERANCE, check_all, check_gradient
from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L2
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import agreement
from lrlab.plotting.figures import Figure

LRS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SIZES = (2, 4, 8, 16, 32, 64)
REPEATS = 5  # of each time, the least of which nothing else on the machine has lengthened


def measure(trainer: ChapterTrainer) -> ChapterResult:
    exact, timed, times = _exact(), *_timed()
    batches, curves = _batches(trainer)
    return ChapterResult((exact, timed, batches), (times, curves))


def _exact() -> Claim:
    rows = check_all()
    worst = max(float(row["relative_error"]) for row in rows)  # type: ignore[arg-type]
    return Claim(
        "5.2",
        "Backpropagation is exact",
        "Backpropagation gives the exact gradient; the numerical one verifies it",
        "the same gradient to 6 decimals, relative to its size, for every model, loss and regularizer",
        f"{agreement(worst)}: the worst of {len(rows)}",
        worst < TOLERANCE,
    )


def _timed() -> tuple[Claim, Figure]:
    times = [_least_times(inputs) for inputs in SIZES]
    parameters, numeric, analytic = zip(*times, strict=True)
    ratio = numeric[-1] / analytic[-1]
    claim = Claim(
        "5.2",
        "The numerical gradient is slow",
        "The numerical gradient is slow, the analytic one fast",
        "two evaluations of the loss per parameter: more than 100 times slower for a linear model of 64 inputs",
        f"{ratio:.0f} times slower with {parameters[-1]} parameters",
        ratio > 100,
        Failure(
            f"One gradient took {1e3 * numeric[-1]:.3g} ms by differences and {1e3 * analytic[-1]:.3g} ms by "
            f"backpropagation, the least of {REPEATS} times each; on a busy machine such short times are not reliable.",
            "the ratio grows with the number of parameters, each of which takes two evaluations of the loss",
        ),
    )
    lines = [
        Line("numerical, centred differences", parameters, [1e3 * seconds for seconds in numeric]),
        Line("analytic, backpropagation", parameters, [1e3 * seconds for seconds in analytic]),
    ]
    chart = Chart("parameters", "time of one gradient (ms)", lines, axes=LOG, markers=True)
    return claim, line_figure(
        chart,
        title="What a gradient costs",
        caption=f"One gradient of a linear softmax model on 32 samples; the least of {REPEATS} times.",
    )


def _least_times(inputs: int) -> tuple[int, float, float]:
    """Return parameters, and the least seconds of a numerical and of an analytic gradient."""
    checks = [
        check_gradient(Linear(), SoftmaxCrossEntropy(), L2(0.1), samples=32, inputs=inputs, classes=10)
        for _ in range(REPEATS)
    ]
    numeric = min(check.numeric_seconds for check in checks)
    return checks[0].parameters, numeric, min(check.analytic_seconds for check in checks)


def _batches(trainer: ChapterTrainer) -> tuple[Claim, Figure]:
    """Compare at equal epochs, each way at the learning rate that suits it best."""
    preset = trainer.preset
    samples = len(trainer.load(preset.subset).train)
    baseline = preset.experiment()
    sizes = {f"mini-batches of {preset.batch_size}": preset.batch_size, "full batch": samples}
    chosen: dict[str, Trained] = {}
    for name, size in sizes.items():
        grid = [replace(baseline, batch_size=size, optimizer=SGD(lr)) for lr in LRS]
        chosen[name] = best(trainer.train(name, grid), "train/loss")
    mini, full = (run.last("train/loss") for run in chosen.values())
    claim = Claim(
        "5.4",
        "Mini-batches against full batches",
        "At an equal number of epochs mini-batch SGD gets further than gradient descent on the full batch",
        "a lower training loss, each at its best learning rate",
        f"training loss {mini:.4f} against {full:.4f} after {preset.epochs} epochs",
        mini < full,
        Failure(
            f"In {preset.epochs} epochs the full batch makes {preset.epochs} updates, mini-batches "
            f"{preset.epochs * -(-samples // preset.batch_size)}; here so few are enough.",
            "with more data for an epoch",
        ),
    )
    panels = []
    units = ("samples seen", lambda size: samples, "linear"), ("updates", lambda size: samples / size, "log")
    for label, unit, scale in units:
        lines = [
            Line(
                f"{name}, rate {run.experiment.optimizer.lr:g}",
                [unit(sizes[name]) * (t + 1) for t in range(preset.epochs)],
                run.history["train/loss"],
            )
            for name, run in chosen.items()
        ]
        panels.append(
            Chart(label, "training loss (nats)", lines, axes={"xscale": scale, "yscale": "log"}, markers=True)
        )
    caption = f"One marker an epoch of {samples} samples: first by the data seen, then by updates made."
    return claim, line_figure(*panels, title="Mini-batches get further with the same data", caption=caption)
