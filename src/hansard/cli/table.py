"""Rows as a table that can be read: where the terminal is too narrow, what matters least is left out, then texts are cut.

Numbers, times and short names are never cut. A text in the last column is wrapped instead, since that is where errors,
reasons and snippets stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

GAP: Final = "  "
WHOLE_MAX: Final = 16
"""Columns up to this width, which is that of a time to the minute, are never cut."""
TEXT_MIN: Final = 20
"""Below this width a text says too little: another column is left out first."""
PATHS: Final = frozenset({"path", "place", "source"})
"""Columns whose end says most: they lose their beginning."""


class Column(msgspec.Struct):
    """One column: its cells as they are shown, and how wide it is."""

    name: str
    heading: str
    cells: list[str]
    right: bool = False
    """Numbers stand to the right."""
    widest: int = 0
    width: int = 0

    def __post_init__(self) -> None:
        """Be as wide as the widest cell."""
        self.width = self.widest = max(map(width_of, (self.heading, *self.cells)))

    @property
    def flexible(self) -> bool:
        """Whether it may become narrower than its widest cell."""
        return not self.right and self.widest > WHOLE_MAX


def lay_out(table: list[Column], *, width: int | None, spare: Sequence[str]) -> Iterator[str]:
    """The lines of the table, the headings first; `width` None cuts nothing.

    `spare` names columns that are left out where texts would get too little room, in this order, after those without
    any value.
    """
    if width is not None:
        table = _fitted(table, width, spare)
    yield _line(table, [column.heading for column in table])
    for cells in zip(*(column.cells for column in table), strict=True):
        yield from _row(table, cells)


def width_of(text: str) -> int:
    """The columns of the screen that a text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, *, end: bool = True) -> str:
    """A text in this width, its end or its beginning replaced by … if need be."""
    if width_of(text) <= width:
        return text
    kept = ""
    for character in text if end else reversed(text):
        longer = kept + character if end else character + kept
        if width_of(longer) >= width:
            break
        kept = longer
    return kept + "…" if end else "…" + kept


def _fitted(table: list[Column], width: int, spare: Sequence[str]) -> list[Column]:
    if _total(table) <= width:
        return table
    table = [column for column in table if any(column.cells)]
    left_out = list(spare)
    while not _squeeze(table, width) and left_out:
        name = left_out.pop(0)
        table = [column for column in table if column.name != name]
        for column in table:
            column.width = column.widest
    return table


def _squeeze(table: list[Column], width: int) -> bool:
    """Make the widest texts narrower until the table fits; False if there is too little room for them."""
    texts = [column for column in table if column.flexible]
    over = _total(table) - width
    while over > 0 and texts:
        widest = max(texts, key=lambda column: column.width)
        if widest.width <= TEXT_MIN:
            return False
        widest.width -= 1
        over -= 1
    return over <= 0


def _total(table: Sequence[Column]) -> int:
    return sum(column.width for column in table) + len(GAP) * (len(table) - 1)


def _row(table: Sequence[Column], cells: Sequence[str]) -> Iterator[str]:
    """One row: the last cell may go on below."""
    *first, last = cells
    wrapped = _wrapped(last, table[-1].width)
    yield _line(table, [*first, wrapped[0]])
    for more in wrapped[1:]:
        yield _line(table, [*("" for _ in first), more])


def _line(table: Sequence[Column], cells: Sequence[str]) -> str:
    shown: list[str] = []
    for column, text in zip(table, cells, strict=True):
        fitting = cut(text, column.width, end=column.name not in PATHS)
        blank = " " * (column.width - width_of(fitting))
        shown.append(blank + fitting if column.right else fitting + blank)
    return GAP.join(shown).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of this width, parted between words where that is possible."""
    if width_of(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if width_of(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return lines
