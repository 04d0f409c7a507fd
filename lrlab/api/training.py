"""``lrlab.train``: one training on record, from Python."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrlab.api.html import document, paragraph, picture, table
from lrlab.plotting.figures import Figure, loss_curve

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Training:
    """A training that has ended.

    Attributes:
        run_id: of its run in MLflow.
        metrics: of the last epoch: train/loss in nats, val/accuracy, ...
        history: a row for every epoch (the index), a column for every metric.
        diverged: whether a loss or a norm became infinite or NaN.
        diagnosis: what its curve tells of the learning rate; "" if nothing.
    """

    run_id: str
    metrics: dict[str, float]
    history: "pd.DataFrame"
    diverged: bool
    diagnosis: str

    def figure(self) -> Figure:
        """Return loss and accuracy against epochs."""
        return Figure(
            loss_curve({name: list(self.history[name].dropna().items()) for name in self.history}),
            "Loss and accuracy against epochs, training and validation.",
        )

    def _repr_html_(self) -> str:
        state = "diverged" if self.diverged else "finished"
        rows = {name: f"{value:.4g}" for name, value in self.metrics.items()}
        said = paragraph(f"learning rate, judged by the training curve: {self.diagnosis}") if self.diagnosis else ""
        return document(paragraph(f"run {self.run_id}: {state}"), said, picture(self.figure()), table(rows))


def train(*overrides: str) -> Training:
    """Train one configuration on record, as ``lrlab train`` does.

    Args:
        overrides: of Hydra's grammar, such as "optimizer=adamw", "epochs=5" or "outputs=/data/outputs".

    Raises:
        InputError: something given cannot be used; nothing has been written.
    """
    import pandas as pd

    from lrlab.cli import hydra_app
    from lrlab.cli.app import resolve, run_training, validate
    from lrlab.runs.history import CURVE

    with hydra_app.composed(hydra_app.HydraCommand(overrides)) as config:
        resolved = resolve(config)
        validate(resolved)
        outcome = run_training(resolved)
    points = {name: dict(values) for name, values in outcome.history.points.items() if name != CURVE}
    history = pd.DataFrame(points).rename_axis("epoch")
    return Training(outcome.run_id, dict(outcome.last.metrics), history, outcome.last.diverged, outcome.diagnosis)
