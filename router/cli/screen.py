"""Tables on a terminal. Cells are text, never markup: what a file or a caller says in square brackets is no style."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 220


def make_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """A plain table; the first column is never folded, so that an id can be copied from it."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_clean(cell)) for cell in row))
    return table


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    wide_console().print(make_table(title, columns, rows))


def wide_console() -> "Console":
    """As wide as the terminal; where there is none (a pipe, a log) wide enough to fold nothing."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def _clean(text: str) -> str:
    """No control characters: a name must not move the cursor or change the terminal's title."""
    return "".join(character if character.isprintable() else "�" for character in text)
