"""The result of a chapter of the lecture: claims with what was measured, and figures."""

from dataclasses import dataclass

from lrlab.plotting.figures import Figure


@dataclass(frozen=True)
class Claim:
    """A statement of the lecture, and whether it holds here.

    Attributes:
        claim: the statement.
        expected: what would confirm it; written down before anything is measured.
        measured: the result, the number first.
        holds: whether it is what was expected.
    """

    claim: str
    expected: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class ChapterResult:
    """A chapter's outcome."""

    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...] = ()
