"""The answer to a question, which the terminal, the report, MLflow and JSON give in the same words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Point = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """Few points that say as much as the sentence, small enough to be drawn with letters.

    Attributes:
        x: label of the horizontal axis.
        y: label of the vertical axis.
        series: name -> points.
        log: whether both axes are logarithmic.
    """

    x: str
    y: str
    series: Mapping[str, Sequence[Point]]
    log: bool = False


@dataclass(frozen=True)
class NextStep:
    """A command to paste, and what it is good for."""

    command: str
    purpose: str


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        kind: the module that answers it: "best", "scaling", "warmup", ...
        question: as the sweep's file states it, or as the kind does.
        sentence: the answer in one sentence, with numbers and their uncertainty; "cannot tell: ..." where it cannot.
        details: further sentences: runner-up, ties, ends of the ranges, what was left out.
        values: the same for programs: what JSON holds.
        plot: the picture of the sentence; None without one.
        next_steps: what is worth typing next after this answer, the most useful first.
    """

    kind: str
    question: str
    sentence: str
    details: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    plot: Plot | None = None
    next_steps: tuple[NextStep, ...] = ()
