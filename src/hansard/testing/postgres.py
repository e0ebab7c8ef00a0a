"""The PostgreSQL backend under test: the way to its rows past its verbs, as a restore or a broken disk has it."""

# ruff: noqa: SLF001 - a backdoor opens what is closed
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..backends.postgres import PostgresBackend
    from ..backends.postgres.connecting import Connection


_DROP: Final = (
    "DELETE FROM hansard.attachments"
    " WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND sha256 = %(sha256)s"
)
_CHANGE: Final = (
    "UPDATE hansard.attachments SET data = %(data)s"
    " WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s AND sha256 = %(sha256)s"
)


class PostgresBackdoor:
    """A `Backdoor` to the tables of a PostgreSQL store."""

    def __init__(self, backend: PostgresBackend) -> None:
        """Stand behind this backend, with connections of one's own."""
        from ..backends.postgres.core import Core
        from ..backends.postgres.pool import Database

        core = backend._core  # pyright: ignore[reportPrivateUsage]
        self._core = Core(Database(core.db.settings), core.tenant, core.clock)

    def close(self) -> None:
        """Close the connections."""
        self._core.db.close()

    def log(self, session: str) -> bytes:
        """The bytes of the session's own log."""
        from ..backends.postgres.sources import own_lines

        return b"".join(own_lines(self._core.db.rows, self._core, self._core.head(session)))

    def replace(self, session: str, data: bytes) -> None:
        """Store other bytes as the session's own log, and have everything that follows from it computed anew."""
        pieces = data.split(b"\n")
        lines = [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
        self._core.db.transact(partial(self._replace, session=session, lines=lines))
        self._core.unlearn(session)

    def _replace(self, con: Connection, *, session: str, lines: list[bytes]) -> None:
        head = self._core.lock(con, session)
        here = self._core.at(session, head.root, first_seq=head.first_seq)
        con.execute(
            "DELETE FROM hansard.entries WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s"
            " AND seq >= %(first_seq)s",
            here,
        )
        for number, line in enumerate(lines):
            row: dict[str, Any] = {**here, "seq": head.first_seq + number, "id": b"%d" % number, "line": line}
            con.execute(
                "INSERT INTO hansard.entries (tenant, root, session, seq, id, line)"
                " VALUES (%(tenant)s, %(root)s, %(session)s, %(seq)s, %(id)s, %(line)s)",
                row,
            )
        con.execute(
            "UPDATE hansard.sessions SET fold_version = 0"
            " WHERE tenant = %(tenant)s AND root = %(root)s AND session = %(session)s",
            here,
        )

    def replace_attachment(self, session: str, sha256: str, data: bytes | None) -> None:
        """Store other bytes under an attachment's hash, or take it away."""
        root = self._core.head(session).root
        row = self._core.at(session, root, sha256=bytes.fromhex(sha256), data=data)
        self._core.db.transact(lambda con: con.execute(_DROP if data is None else _CHANGE, row))
