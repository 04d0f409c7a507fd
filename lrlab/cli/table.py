"""Tables of the terminal, in which no value is ever cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

FRAME = 3  # characters that a column takes beside its text


@dataclass(frozen=True)
class WholeTable:
    """A table for rich to print. Where its words do not fit side by side, every row becomes a block of lines.

    Attributes:
        rows: texts of equal number.
        headers: of the columns; without any, the first column names the second.
        title: above all.
    """

    rows: Sequence[Sequence[str | Text]]
    headers: Sequence[str] = ()
    title: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        columns = [list(map(str, column)) for column in zip(*self.rows, *filter(None, [self.headers]), strict=True)]
        least = [max((cell_len(word) for cell in column for word in cell.split()), default=1) for column in columns]
        spare = options.max_width - sum(least) - FRAME * len(least) - 1
        if spare < 0:
            yield from self._blocks()
        else:
            yield self._table(_grown(least, [max(map(cell_len, column)) for column in columns], spare))

    def _table(self, widths: Sequence[int]) -> Table:
        title = Text(self.title, no_wrap=True, overflow="ignore") if self.title else None
        table = Table(title=title, title_justify="left", show_header=bool(self.headers))
        for header, width in zip(self.headers or [""] * len(widths), widths, strict=True):
            table.add_column(Text(header), width=width, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return table

    def _blocks(self) -> Iterator[Text]:
        if self.title:
            yield self._line(self.title)
        for number, row in enumerate(self.rows):
            if not self.headers:
                yield self._line(row[0], ": ", *row[1:])
                continue
            if number:
                yield Text()
            for header, cell in zip(self.headers, row, strict=True):
                if cell:
                    yield self._line(header, ": " if header else "", cell)

    def _line(self, *parts: str | Text) -> Text:
        line = Text.assemble(*parts)
        line.no_wrap, line.overflow = True, "ignore"
        return line


def _grown(least: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Return the widths of columns that share spare characters: those that want the fewest get all they want."""
    widths = list(least)
    order = sorted(range(len(widths)), key=lambda column: wanted[column] - least[column])
    for done, column in enumerate(order):
        more = min(max(wanted[column] - least[column], 0), spare // (len(order) - done))
        widths[column] += more
        spare -= more
    return widths
