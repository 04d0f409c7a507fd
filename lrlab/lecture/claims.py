"""What a chapter of the lecture comes to: claims with what was measured, and pictures."""

from dataclasses import dataclass

from lrlab.plotting.figures import Figure


@dataclass(frozen=True)
class Claim:
    """One statement of the lecture, and what became of it here.

    Attributes:
        claim: the statement.
        expected: what would confirm it; said before anything is measured.
        measured: what came out, the number first.
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
