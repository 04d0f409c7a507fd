"""A column of a table that is learned from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: as the table has it.
        categories: the texts it may hold, each of which becomes a column of 0 and 1; () if it holds numbers.
        fill: what stands for a missing value; None if none may be missing.
    """

    name: str
    categories: tuple[str, ...] = ()
    fill: float | str | None = None

    @property
    def width(self) -> int:
        """Return how many columns of numbers it becomes."""
        return len(self.categories) or 1
