"""What was measured: samples of lrlab and of what it is compared with, and the ratio of their medians."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One line of the table.

    Attributes:
        figure: which measurement it belongs to.
        what: what was done, in words.
        unit: of the samples; one that ends in "/s" is a rate (more is better), any other a cost (less is better).
        ours: lrlab's samples.
        against: the peer, or the bound, that lrlab is compared with; "" if the samples speak for themselves.
        theirs: its samples, from the same run.
        at_least, at_most: the target for the result, if there is one.
        at: what it was measured at, for the plot.
        is_lower_bound: the other was never done where its samples end: it costs more than they say.
    """

    figure: str
    what: str
    unit: str
    ours: Sequence[float]
    against: str = ""
    theirs: Sequence[float] = ()
    at_least: float | None = None
    at_most: float | None = None
    at: Mapping[str, Any] = field(default_factory=dict)
    is_lower_bound: bool = False

    @property
    def result(self) -> float:
        """How many times better lrlab is than the other; without another, the median."""
        if not self.theirs:
            return median(self.ours)
        ours, theirs = median(self.ours), median(self.theirs)
        return ours / theirs if self.is_rate else theirs / ours

    @property
    def is_rate(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.at_least is not None:
            return self.result >= self.at_least
        if self.at_most is not None:
            return self.result <= self.at_most
        return None
