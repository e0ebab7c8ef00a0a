"""Sessions cast from one: what differs from it in ticket, place and time only need not be made by the writers' functions.

Those take most of a millisecond for a session, which for a million is a quarter of an hour. A mould is the rows that they
make of signs which stand for the three; in a cast the signs are exchanged, and the lines are chained again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from hansard.backends.postgres.rows import mark
from hansard.codec import times
from hansard.codec.line import GENESIS, digest_of, hash_cut

from .rows import Row, rows_of
from .shape import Shape, ticket_of

_LINE = 5
"""Which column of the entries holds the line."""


class _Differs(NamedTuple):
    """What distinguishes a session from others of its kind; and of a mould, the signs of it."""

    ticket: int
    place: int
    at_us: int

    def spans(self) -> list[Any]:
        """The spans of time in which it was made."""
        return [times.stamp(self.at_us)[:18], self.at_us >> 24]

    def said(self) -> list[bytes]:
        """As it stands within lines and texts."""
        return [b"%d" % self.ticket, b"%d" % self.place, times.stamp(self.at_us).encode(), b"%d" % self.at_us]

    def known(self, lines: Sequence[bytes], link: bytes) -> tuple[list[bytes], list[Any]]:
        """The same with what follows from it: within texts, and as whole cells."""
        size = sum(map(len, lines))
        within = [*self.said(), link.hex().encode(), b'"size":%d,' % size]
        return within, [
            *lines,
            link,
            size,
            self.place,
            self.at_us,
            *self.spans(),
            mark("metadata", "ticket", self.ticket),
        ]


_SIGNS = _Differs(99_999_999, 77_777_777, 981_173_106_789_012)


class Mould:
    """A session of which others are cast."""

    def __init__(self, shape: Shape, number: int) -> None:
        """Make one of the kind of the session with this number."""
        creation, turn = shape.creation(number, ticket=_SIGNS.ticket), shape.turn(number, ticket=_SIGNS.ticket)
        self._rows = list(rows_of(creation, turn, place=_SIGNS.place, now_us=_SIGNS.at_us))
        self._lines = [row[_LINE] for table, row in self._rows if table == "entries"]
        self._within, self._whole = _SIGNS.known(*_chained(self._lines))
        cells = {cell for _, row in self._rows for cell in row} - set(self._whole)
        signs = [(cell, _in(cell, self._within)) for cell in cells]
        self._texts = [(cell, found) for cell, found in signs if found]

    def cast(self, number: int, *, place: int, at_us: int) -> Iterator[tuple[str, Row]]:
        """The rows of the session with this number, each with its table."""
        new = _Differs(ticket_of(number), place, at_us)
        said = list(zip(self._within, new.said(), strict=False))
        within, whole = new.known(*_chained([_exchanged(line, said) for line in self._lines]))
        become = dict(zip(self._whole, whole, strict=True))
        for cell, signs in self._texts:
            text = cell.encode() if isinstance(cell, str) else cell
            text = _exchanged(text, [(self._within[sign], within[sign]) for sign in signs])
            become[cell] = text.decode() if isinstance(cell, str) else text
        for table, row in self._rows:
            yield table, tuple([become.get(cell, cell) for cell in row])


def _in(cell: Any, signs: Sequence[bytes]) -> list[int]:
    """The numbers of the signs that stand within a cell."""
    text = cell.encode() if isinstance(cell, str) else cell
    return [number for number, sign in enumerate(signs) if sign in text] if isinstance(text, bytes) else []


def _exchanged(text: bytes, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def _chained(lines: Sequence[bytes]) -> tuple[list[bytes], bytes]:
    """The lines with the digests and hashes that are theirs, and the last hash."""
    found: list[bytes] = []
    link = GENESIS
    for line in lines:
        cut = hash_cut(line)
        front, salt, body = line[: cut - 65], line[cut + 83 : cut + 99], line[cut + 108 :]
        front += digest_of(salt.decode(), body[:-2]).encode() + b'"'
        link = sha256(link + front).digest()
        found.append(b'%b,"hash":"%b","salt":"%b","body":%b' % (front, link.hex().encode(), salt, body))
    return found, link
