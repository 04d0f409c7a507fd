"""The result of a chapter of the lecture: claims with what was measured, and figures."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lrlab.plotting.figures import Figure

COURSE = "Stanford CS231n, Deep Learning for Computer Vision"
LECTURE = "Lecture 2: Regularization and Optimization"

Verdict = Literal["holds", "depends", "fails"]


@dataclass(frozen=True)
class Failure:
    """Why a claim does not hold here, and where it does.

    Attributes:
        reason: what was measured that explains it, in a sentence.
        condition: under which it holds, or would hold; empty if none is known.
        seen: whether the condition was met by a part of what was measured, where the claim holds.
    """

    reason: str
    condition: str = ""
    seen: bool = False


@dataclass(frozen=True)
class Claim:
    """A statement of the lecture, and whether it holds here.

    Attributes:
        section: of the lecture's notes, such as "5.5".
        name: a few words, unique in the lecture.
        claim: the statement.
        expected: what would confirm it; written down before anything is measured.
        measured: the result, the number first.
        holds: whether it is what was expected.
        failure: why it does not hold; counts only if it does not.
    """

    section: str
    name: str
    claim: str
    expected: str
    measured: str
    holds: bool
    failure: Failure | None = None

    @property
    def verdict(self) -> Verdict:
        """Return "depends" if it does not hold as expected, but for a part of what was measured."""
        if self.holds:
            return "holds"
        return "depends" if self.failure and self.failure.seen else "fails"

    @property
    def reason(self) -> str:
        """Return why it does not hold; empty if it does."""
        if self.holds:
            return ""
        return self.failure.reason if self.failure else f"Measured: {self.measured}. Expected: {self.expected}."

    @property
    def condition(self) -> str:
        """Return under which condition it holds, or would hold; empty if it holds anyway, or if none is known."""
        return self.failure.condition if self.failure and not self.holds else ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as for JSON."""
        fields = asdict(self) | {"holds": bool(self.holds)}
        del fields["failure"]
        return fields | {"verdict": self.verdict, "reason": self.reason, "condition": self.condition}


@dataclass(frozen=True)
class ChapterResult:
    """A chapter's outcome."""

    claims: tuple[Claim, ...]
    figures: tuple[Figure, ...] = ()
