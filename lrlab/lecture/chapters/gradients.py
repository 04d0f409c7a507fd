"""Lecture 5.2 to 5.4: numerical and analytic gradients; full-batch and mini-batch descent."""

from dataclasses import replace

from lrlab.core.gradcheck import TOLERANCE, check_all, check_gradient
from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L2
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG, Chart, Line, charts
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.plotting.figures import Figure

LRS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
SIZES = (2, 4, 8, 16, 32, 64)


def measure(trainer: ChapterTrainer) -> ChapterResult:
    exact, timed, times = _exact(), *_timed()
    batches, curves = _batches(trainer)
    return ChapterResult((exact, timed, batches), (times, curves))


def _exact() -> Claim:
    rows = check_all()
    worst = max(float(row["relative_error"]) for row in rows)  # type: ignore[arg-type]
    return Claim(
        "Backpropagation gives the exact gradient; the numerical one verifies it",
        f"relative difference < {TOLERANCE:g} for every model, loss and regularizer",
        f"{worst:.1e} is the worst of {len(rows)}",
        worst < TOLERANCE,
    )


def _timed() -> tuple[Claim, Figure]:
    checks = [check_gradient(Linear(), SoftmaxCrossEntropy(), L2(0.1), samples=32, inputs=n, classes=10) for n in SIZES]
    last = checks[-1]
    ratio = last.numeric_seconds / last.analytic_seconds
    claim = Claim(
        "The numerical gradient is slow, the analytic one fast",
        "two evaluations of the loss per parameter: more than 100 times slower for a linear model of 64 inputs",
        f"{ratio:.0f} times slower with {last.parameters} parameters",
        ratio > 100,
    )
    parameters = [check.parameters for check in checks]
    lines = [
        Line("numerical, centred differences", parameters, [1e3 * check.numeric_seconds for check in checks]),
        Line("analytic, backpropagation", parameters, [1e3 * check.analytic_seconds for check in checks]),
    ]
    chart = Chart("parameters", "time of one gradient (ms)", lines, axes=LOG)
    return claim, Figure(charts(chart, markers=True), "One gradient of a linear softmax model on 32 samples.")


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
        "At an equal number of epochs mini-batch SGD gets further than gradient descent on the full batch",
        "a lower training loss, each at its best learning rate",
        f"{mini:.4f} against {full:.4f} after {preset.epochs} epochs",
        mini < full,
    )
    panels = []
    units = ("samples seen", lambda size: samples, "linear"), ("updates", lambda size: samples / size, "log")
    for label, unit, scale in units:
        lines = [
            Line(
                f"{name}, lr {run.experiment.optimizer.lr:g}",
                [unit(sizes[name]) * (t + 1) for t in range(preset.epochs)],
                run.history["train/loss"],
            )
            for name, run in chosen.items()
        ]
        panels.append(Chart(label, "training loss (nats)", lines, axes={"xscale": scale, "yscale": "log"}))
    caption = (
        f"One marker an epoch of {samples} samples: the same data seen, on the left; on the right by updates made."
    )
    return claim, Figure(charts(*panels, markers=True), caption)
