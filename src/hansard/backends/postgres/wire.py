"""Statements that go over the wire as they are: parameters of known types, packed by us, prepared once a connection.

The driver's general way finds the parameters of a statement, chooses a type for each value, and makes columns of what
comes back. For an append that cost more than all the rest of it. Here is what an append needs, and no more: one round
trip, under the client's own deadline, errors in our words, and rows of bytes.
"""

from __future__ import annotations

import re
import select
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, LiteralString, TypeAlias

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from .connecting import Connection, Lost, no_answer, translate

Row: TypeAlias = list[bytes | None]
Pack: TypeAlias = Callable[[Any], bytes]

_PARAMETER: Final = re.compile(r"%\((\w+)\)[sb]")
_ARRAY: Final = struct.Struct("!iiIii")
_SIZE: Final = struct.Struct("!i")
_NUMBER: Final = struct.Struct("!iq")
_EIGHT: Final = struct.Struct("!q")
_GOOD: Final = frozenset((pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.PIPELINE_SYNC))
_OID_BOOL: Final = 16
_OID_BYTEA: Final = 17
_OID_BIGINT: Final = 20
_OID_TEXT: Final = 25


def _blobs(items: Sequence[bytes]) -> bytes:
    pieces = [_ARRAY.pack(1, 0, _OID_BYTEA, len(items), 1)]
    for item in items:
        pieces += (_SIZE.pack(len(item)), item)
    return b"".join(pieces)


def _numbers(items: Sequence[int]) -> bytes:
    return _ARRAY.pack(1, 0, _OID_BIGINT, len(items), 1) + b"".join([_NUMBER.pack(8, item) for item in items])


def _yes_or_no(value: bool) -> bytes:  # noqa: FBT001 - it is the value
    return b"\1" if value else b"\0"


BOOL: Final[tuple[int, Pack]] = (_OID_BOOL, _yes_or_no)
BYTEA: Final[tuple[int, Pack]] = (_OID_BYTEA, bytes)
BIGINT: Final[tuple[int, Pack]] = (_OID_BIGINT, _EIGHT.pack)
TEXT: Final[tuple[int, Pack]] = (_OID_TEXT, str.encode)
BLOBS: Final[tuple[int, Pack]] = (1001, _blobs)
"""A `bytea[]`."""
NUMBERS: Final[tuple[int, Pack]] = (1016, _numbers)
"""A `bigint[]`."""


eight: Final = _EIGHT.pack
"""A `bigint` as it goes over the wire."""
numbers: Final = _numbers
blobs: Final = _blobs


def number(data: bytes | None) -> int:
    """A `bigint` of a row; a null is 0."""
    return 0 if data is None else _EIGHT.unpack(data)[0]


class Wired:
    """A statement with named parameters whose types are known."""

    def __init__(self, name: str, statement: LiteralString, types: Mapping[str, tuple[int, Pack]]) -> None:
        """`name` is its own among all that are wired; `types` says of each parameter its oid and how it is packed."""
        names = list(dict.fromkeys(_PARAMETER.findall(statement)))
        places = {one: f"${place}" for place, one in enumerate(names, 1)}
        self._name = name
        self._text = _PARAMETER.sub(lambda found: places[found[1]], statement).encode()
        self._oids = [types[one][0] for one in names]
        self._in_order = itemgetter(*names)
        self._packed = [(one, types[one][1]) for one in names]
        self._formats = [pq.Format.BINARY] * len(names)

    def run(self, con: Connection, values: Mapping[str, Any]) -> list[Row]:
        """The rows that it gives with these values, in one round trip; a transaction of its own if none is open.

        Raises:
            Lost, Again, Clashed, Unavailable, Invalid: as `connecting.translate` says.
        """
        packed = [None if (value := values[name]) is None else pack(value) for name, pack in self._packed]
        return _rows(self._ask(con, packed, _nothing))

    def count(self, con: Connection, packed: Mapping[str, bytes | None], meanwhile: Callable[[], None]) -> int:
        """How many rows it wrote, with values that are packed already; `meanwhile` is done while the server works.

        Errors as for `run`. `meanwhile` must not raise.
        """
        return self._ask(con, self._in_order(packed), meanwhile).command_tuples or 0

    def _ask(self, con: Connection, packed: Sequence[bytes | None], meanwhile: Callable[[], None]) -> pq.abc.PGresult:
        try:
            result = self._send(con, packed, meanwhile)
            if result.status not in _GOOD:
                raise error_from_result(result)
        except psycopg.Error as error:
            raise translate(con, error) from error
        return result

    def _send(self, con: Connection, packed: Sequence[bytes | None], meanwhile: Callable[[], None]) -> pq.abc.PGresult:
        wire = con.pgconn
        if con.prepare_threshold is None:
            wire.send_query_params(self._text, packed, self._oids, self._formats, pq.Format.BINARY)
        elif (prepared := con.wired.get(self._name)) is not None:
            wire.send_query_prepared(prepared, packed, self._formats, pq.Format.BINARY)
        else:
            meanwhile()
            return self._prepare_and_send(con, packed)
        return _answer(con, meanwhile)

    def _prepare_and_send(self, con: Connection, packed: Sequence[bytes | None]) -> pq.abc.PGresult:
        """Both in one round trip."""
        wire = con.pgconn
        con.named += 1
        name = f"hansard_{con.named}".encode()
        wire.enter_pipeline_mode()
        wire.send_prepare(name, self._text, self._oids)
        wire.send_query_prepared(name, packed, self._formats, pq.Format.BINARY)
        wire.pipeline_sync()
        prepared, result, _ = _answers(con)
        wire.exit_pipeline_mode()
        if prepared.status not in _GOOD:
            return prepared
        con.wired[self._name] = name
        return result


def _nothing() -> None:
    """What is done meanwhile by whoever has nothing to do."""


def _answer(con: Connection, meanwhile: Callable[[], None] = _nothing) -> pq.abc.PGresult:
    """What the server says to what was sent, once it has said it all.

    Raises:
        Lost: it did not within the deadline; the connection is closed.
        psycopg.Error: the connection was cut.
    """
    wire, waiting, end = con.pgconn, _begin(con), time.monotonic() + con.deadline_s
    meanwhile()
    found = None
    while True:
        while wire.is_busy():
            _wait(con, waiting, end)
        result = wire.get_result()
        if result is None:
            break
        found = found or result
    if found is None:
        raise psycopg.OperationalError(wire.get_error_message())
    return found


def _answers(con: Connection) -> list[pq.abc.PGresult]:
    """As `_answer`, for all that was sent in one go, the end of it included."""
    wire, waiting, end = con.pgconn, _begin(con), time.monotonic() + con.deadline_s
    found: list[pq.abc.PGresult] = []
    while not found or found[-1].status != pq.ExecStatus.PIPELINE_SYNC:
        while wire.is_busy():
            _wait(con, waiting, end)
        result = wire.get_result()
        if result is not None:
            found.append(result)
        if wire.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(wire.get_error_message())
    return found


def _begin(con: Connection) -> select.poll:
    """What waits for the answer, once all is sent."""
    waiting = con.waiting
    if waiting is None:
        waiting = con.waiting = select.poll()
        waiting.register(con.pgconn.socket, select.POLLIN)
    if con.pgconn.flush():
        _flush(con, time.monotonic() + con.deadline_s)
    return waiting


def _flush(con: Connection, end: float) -> None:
    """Send the rest, which the server takes only as it reads: it may have something to say meanwhile."""
    both = select.poll()
    both.register(con.pgconn.socket, select.POLLIN | select.POLLOUT)
    while con.pgconn.flush():
        _wait(con, both, end)


def _wait(con: Connection, waiting: select.poll, end: float) -> None:
    """Take in what arrives next, or let what is to be sent go on."""
    left = end - time.monotonic()
    if left <= 0 or not waiting.poll(left * 1000):
        con.close()
        msg = f"the connection to PostgreSQL was lost ({no_answer(con.deadline_s)})"
        raise Lost(msg)
    con.pgconn.consume_input()


def _rows(result: pq.abc.PGresult) -> list[Row]:
    columns = range(result.nfields)
    return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]
