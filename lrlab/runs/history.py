"""The metrics of one training, epoch by epoch, and its loss curve inside the epochs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CURVE: Final = "curve/val_loss"  # the validation loss in nats, whose steps count updates instead of epochs

Points = list[tuple[int, float]]  # (epoch, value), in the order of the epochs


@dataclass(frozen=True)
class MetricHistory:
    """Every metric of a training as (epoch, value) pairs, by name; `CURVE` as (updates, value) pairs."""

    points: dict[str, Points] = field(default_factory=dict)

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of one epoch, or after so many updates."""
        for name, value in metrics.items():
            self.points.setdefault(name, []).append((step, value))

    def values(self, name: str) -> list[float]:
        """Return one value an epoch; none for a metric that was not recorded."""
        return [value for _, value in self.points.get(name, ())]

    def last(self, name: str) -> float:
        """Return the value of a metric after the last epoch."""
        return self.points[name][-1][1]

    def latest(self) -> dict[str, float]:
        """Return the last value of every metric."""
        return {name: points[-1][1] for name, points in self.points.items() if points}

    def epochs(self) -> int:
        """Return the number of the last epoch that has a metric, 0 without any."""
        return max((points[-1][0] for name, points in self.points.items() if points and name != CURVE), default=0)

    def last_step(self, name: str) -> int:
        """Return the last step of a metric, -1 if it was not recorded."""
        points = self.points.get(name)
        return points[-1][0] if points else -1
