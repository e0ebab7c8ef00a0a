"""The catalogue: which sessions there are and what each is now, so that nobody has to read their logs to list them.

It is derived: every row can be made from a log, counts only as far as the log agrees, and nobody waits for it. Rows
come in batches after their commits were acknowledged. Its `rev` rises with each change, for whoever follows it. How a
damaged, lost or switched file is survived, and what threads and forks may do, is in `database.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from ...codec import values
from ...limits import MIB
from ...model.entry import Json
from ...model.info import SessionInfo
from ...model.requests import Page
from ...query import Condition
from .database import WAIT_MS, Database, busy
from .listing import list_sessions
from .rows import COLUMNS, NOTHING, Change, Row, Seen, clean, columns, decode_info, encode_info, stamp, unsigned

T = TypeVar("T")

_APPLICATION: Final = 0x48_61_6E_73
_SCHEMA_VERSION: Final = 1
_CHUNK: Final = 1_000
_REBUILT_STEP: Final = 2**32
"""A rebuilt file counts on from far above its predecessor, which may still change while it is built."""

_SEEN: Final = """
    SELECT place, id, inode, mtime_ns, size, covered, fold_version FROM sessions
    WHERE place IN (SELECT value FROM json_each(?))
"""
_ROW: Final = """
    SELECT s.place, s.inode, s.mtime_ns, s.size, s.covered, s.hash, s.fold_version, b.fold, b.info, st.state
    FROM sessions s CROSS JOIN bodies b ON b.n = s.n LEFT JOIN states st ON st.n = s.n
"""
_UPSERT: Final = (
    f"INSERT INTO sessions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT (id) DO UPDATE "  # noqa: S608
    f"SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS if name != 'id')} RETURNING n"
)


class Catalogue:
    """The rows of one store's sessions. Any thread may call; a forked child goes on with connections of its own."""

    def __init__(self, path: Path, *, fold_version: int, store: str = "", logs: Path | None = None) -> None:
        """Open `index.db`, or put an empty one in the place of what can't be used, or is that of a store with another id.

        `logs` is the folder of the store, if the file does not lie in it.

        Raises:
            Unavailable: its folder can't be written to.
        """
        schema = path_of_schema().read_text(encoding="utf-8")
        # Filling its many indexes must not read them again and again.
        database = Database(path, schema=schema, application=_APPLICATION, version=_SCHEMA_VERSION, cache=16 * MIB)
        self._open_on(database, fold_version, logs or path.parent)
        if store:
            self._be_of(store)

    def _be_of(self, store: str) -> None:
        """Be the catalogue of this store alone: another's rows hide the sessions that are here."""
        self._database.renew_unless(lambda con: _meta(con, "store") in (None, store))
        if self._database.read(lambda con: _meta(con, "store")) is None:
            self._try_write(lambda con: _set_meta(con, "store", store), 0)

    def _open_on(self, database: Database, fold_version: int, logs: Path) -> None:
        self._database = database
        self.fold_version = fold_version
        self.path = database.path
        self._store = logs
        database.read(lambda con: con.execute("SELECT count(*) FROM meta").get)

    @property
    def fresh(self) -> bool:
        """This object found no usable file and began an empty one."""
        return self._database.replaced > 0

    # -- the file as a whole -------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Somebody has compared this file with every log since it was begun, and no row is of an older fold."""

        def work(con: apsw.Connection) -> bool:
            older = "SELECT 1 FROM sessions WHERE fold_version < ? LIMIT 1"
            return _meta(con, "complete") == 1 and con.execute(older, (self.fold_version,)).get is None

        return self._database.read(work)

    def set_complete(self) -> bool:
        """Say that every log has its row, or will by the notes of live writers; False if others keep it locked."""
        return self._try_write(lambda con: _set_meta(con, "complete", 1), WAIT_MS)

    @property
    def generation(self) -> str:
        """Names this file's row of revisions: with another one, a `rev` known from before means nothing."""
        found: str | None = self._database.read(lambda con: _meta(con, "generation"))
        if found is not None:
            return found

        def begin(con: apsw.Connection) -> str:
            con.execute("INSERT OR IGNORE INTO meta VALUES ('generation', ?)", (os.urandom(8).hex(),))
            return _meta(con, "generation")

        return self._write(begin)

    @property
    def rev(self) -> int:
        """The newest revision."""
        return self._database.read(lambda con: _meta(con, "rev") or 0)

    def changed(self, since: int) -> Iterator[Change]:
        """The sessions that changed or went after revision `since`, oldest change first, each once."""
        while True:
            chunk = self._database.read(lambda con, since=since: _changes(con, since))
            yield from chunk
            if len(chunk) < _CHUNK:
                return
            since = chunk[-1].rev

    # -- rows ----------------------------------------------------------------------------------------------------

    def get(self, session: str) -> Row | None:
        """The row of a session. Of another version's fold only the info: its offset is 0."""
        return self._row("s.id", session)

    def at(self, place: str) -> Row | None:
        """As `get`, by the session's folder."""
        return self._row("s.place", place)

    def of(self, sessions: Collection[str]) -> dict[str, Row]:
        """The rows of those sessions that have one, by their ids."""
        asked = values.encode(list(sessions)).decode()
        query = f"{_ROW} WHERE s.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - of this module
        rows = self._database.read(lambda con: [self._made(found) for found in con.execute(query, (asked,))])
        return {row.id: row for row in rows}

    def _row(self, column: str, value: str) -> Row | None:
        return self._database.read(lambda con: self._row_of(con, column, value))

    def _row_of(self, con: apsw.Connection, column: str, value: str) -> Row | None:
        found = con.execute(f"{_ROW} WHERE {column} = ?", (value,)).fetchone()
        return None if found is None else self._made(found)

    def _made(self, found: tuple[Any, ...]) -> Row:
        place, inode, mtime_ns, size, covered, digest, version, fold, info, state = found
        if version != self.fold_version:
            covered, digest, fold = 0, "", b""
        known = decode_info(info, state)
        return Row(place, unsigned(inode), mtime_ns, size, covered, digest, version, fold, known)

    def seen(self, places: Collection[str]) -> dict[str, Seen]:
        """Of those places that have a row: what tells whether their logs have changed since."""
        asked = values.encode(list(places)).decode()
        found: list[Any] = self._database.read(lambda con: con.execute(_SEEN, (asked,)).fetchall())
        return {place: Seen(name, unsigned(inode), *rest) for place, name, inode, *rest in found}

    def places(self) -> Iterator[str]:
        """Every place that has a row, in order; rows that come or go meanwhile may be missed."""
        last = ""
        while True:
            chunk = self._database.read(lambda con, last=last: _places(con, last))
            yield from chunk
            if len(chunk) < _CHUNK:
                return
            last = chunk[-1]

    def put(self, rows: Sequence[Row], *, gone: Collection[str] = (), wait_ms: int = 0) -> bool:
        """Take over rows and remove those of the places that are gone, in one transaction.

        A row that says less than the one that is there is left out: one of an older fold, or of fewer bytes of a log
        than are known, unless the log is now as that row says. So is the removal of the row of a file that is there.
        False: others are writing for longer than `wait_ms`; nothing was taken over.
        """
        if not rows and not gone:
            return True

        def work(con: apsw.Connection) -> None:
            rev = int(_meta(con, "rev") or 0)
            for row in rows:
                rev = self._put_one(con, row, rev)
            for place in gone:
                rev = _remove(con, place, rev, but=stamp(self._store, place))
            _set_meta(con, "rev", rev)

        return self._try_write(work, wait_ms)

    def _write(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            return self._database.write(work, wait_ms=WAIT_MS)
        except (apsw.BusyError, apsw.ProtocolError) as error:
            raise busy(self.path) from error

    def _try_write(self, work: Callable[[apsw.Connection], None], wait_ms: int) -> bool:
        try:
            self._database.write(work, wait_ms=wait_ms)
        except (apsw.BusyError, apsw.ProtocolError):
            return False
        return True

    def _put_one(self, con: apsw.Connection, row: Row, rev: int) -> int:
        query = "SELECT n, inode, covered, fold_version, hash, rev, state_sum, labelled FROM sessions WHERE id = ?"
        old = con.execute(query, (row.id,)).fetchone()
        if old is not None and not self._is_newer(row, unsigned(old[1]), old[2], old[3]):
            return rev
        rival = con.execute("SELECT 1 FROM sessions WHERE place = ? AND id <> ?", (row.place, row.id)).get
        if rival is not None:
            rev = _remove(con, row.place, rev)
        if old is None or old[4] != row.hash:
            rev += 1
            own = rev
        else:
            own = old[5]
        info, state, state_sum = encode_info(row.info)
        n = con.execute(_UPSERT, columns(row, own, state_sum)).get
        con.execute("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?)", (n, info, row.fold))
        if state_sum != (old[6] if old else None):
            if state:
                con.execute("INSERT OR REPLACE INTO states VALUES (?, ?)", (n, state))
            else:
                con.execute("DELETE FROM states WHERE n = ?", (n,))
        if row.info.labels or (old is not None and old[7]):
            _put_labels(con, n, row.info)
        if old is None:
            con.execute("DELETE FROM gone WHERE id = ?", (row.id,))
        return rev

    def _is_newer(self, row: Row, inode: int, covered: int, version: int) -> bool:
        if version > row.fold_version:
            return False
        if inode == row.inode and (covered <= row.offset or version < row.fold_version):
            return True
        now = stamp(self._store, row.place) or NOTHING
        if inode == row.inode:
            return now == (row.inode, row.size, row.mtime_ns)
        return now[0] == row.inode

    # -- asking --------------------------------------------------------------------------------------------------

    def find(
        self,
        condition: Condition,
        *,
        order: str,
        limit: int,
        cursor: str | None = None,
        over: Mapping[str, SessionInfo | None] | None = None,
    ) -> Page[SessionInfo]:
        """The page of `find`, as `hansard.query.find_all` over all sessions would give it.

        `over` lays newer infos over the rows, by session id; None: that session is gone.

        Raises:
            Invalid: order, limit or cursor are not such, or the condition names what there is not.
        """
        return list_sessions(self._database.read, condition, order=order, limit=limit, cursor=cursor, over=over or {})

    # -- durability and ends -------------------------------------------------------------------------------------

    def sync(self, *, whole: bool = False, wait_ms: int = 0) -> bool:
        """Return once all rows that were put are on the medium; whether, as `whole` asks, nothing before them is in a file."""
        return self._database.sync(whole=whole, wait_ms=wait_ms)

    def rebuilt(self) -> Catalogue:
        """An empty catalogue beside this one, to be filled and then given to `switch_to` or `abandon`."""
        other = object.__new__(Catalogue)
        other._open_on(self._database.beside(), self.fold_version, self._store)
        start = self.rev + _REBUILT_STEP
        generation = self.generation

        def begin(con: apsw.Connection) -> None:
            _set_meta(con, "rev", start)
            _set_meta(con, "generation", generation)

        other._write(begin)
        return other

    def switch_to(self, built: Catalogue, *, since: int) -> list[str]:
        """Let the path name the built file. What changed in this one after revision `since` is taken along.

        Returns the places that changed, whose rows were not made anew.

        Raises:
            Unavailable: others keep writing, and nothing was switched.
        """
        places: list[str] = []

        def last(con: apsw.Connection) -> None:
            places.extend(built._take_along(con, since))

        try:
            self._database.switch(built._database, last)
        except apsw.BusyError as error:
            raise busy(self.path) from error
        return places

    def _take_along(self, con: apsw.Connection, since: int) -> list[str]:
        """Bring here what changed in `con` after a revision, and tombstones for what is only there."""
        changes: list[Change] = []
        while chunk := _changes(con, changes[-1].rev if changes else since):
            changes += chunk
        rows = [row for change in changes if (row := self._row_of(con, "s.id", change.id)) is not None]
        self.put(rows, gone=[change.place for change in changes if change.gone], wait_ms=WAIT_MS)
        before = "SELECT id, place FROM sessions UNION SELECT id, place FROM gone"
        self._write(lambda own: _bury(own, con.execute(before)))
        return [change.place for change in changes]

    def abandon(self) -> None:
        """Close a rebuilt catalogue that was not switched to, and remove its file."""
        self._database.abandon()

    def close(self) -> None:
        """Close for good. Nothing is made durable by it."""
        self._database.close()


def path_of_schema() -> Path:
    """The file with the tables."""
    return Path(__file__).with_name("catalogue.sql")


def _meta(con: apsw.Connection, key: str) -> Any:
    return con.execute("SELECT value FROM meta WHERE key = ?", (key,)).get


def _set_meta(con: apsw.Connection, key: str, value: int | str) -> None:
    con.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


def _changes(con: apsw.Connection, since: int) -> list[Change]:
    query = """
        SELECT * FROM (SELECT rev, id, place, seq, hash, 0 FROM sessions WHERE rev > ?1 ORDER BY rev LIMIT ?2)
        UNION ALL
        SELECT * FROM (SELECT rev, id, place, 0, '', 1 FROM gone WHERE rev > ?1 ORDER BY rev LIMIT ?2)
        ORDER BY 1 LIMIT ?2
    """
    found = con.execute(query, (since, _CHUNK))
    return [Change(rev, name, place, seq, digest, bool(gone)) for rev, name, place, seq, digest, gone in found]


def _places(con: apsw.Connection, after: str) -> list[str]:
    query = "SELECT place FROM sessions WHERE place > ? ORDER BY place LIMIT ?"
    return [place for (place,) in con.execute(query, (after, _CHUNK))]


def _remove(con: apsw.Connection, place: str, rev: int, *, but: tuple[int, int, int] | None = None) -> int:
    """Remove the row of a place, unless it is that of the file with this stamp."""
    found = con.execute("SELECT n, id, inode FROM sessions WHERE place = ?", (place,)).fetchone()
    if found is None or (but is not None and unsigned(found[2]) == but[0]):
        return rev
    for table in ("bodies", "states", "labels", "sessions"):
        con.execute(f"DELETE FROM {table} WHERE n = ?", (found[0],))  # noqa: S608 - names of this function
    con.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (found[1], rev + 1, place))
    return rev + 1


def _bury(con: apsw.Connection, sessions: Iterable[Any]) -> None:
    """Leave tombstones for those of the sessions that have no row."""
    rev = int(_meta(con, "rev") or 0)
    for name, place in sessions:
        if con.execute("SELECT 1 FROM sessions WHERE id = ?", (name,)).get is None:
            rev += 1
            con.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (name, rev, place))
    _set_meta(con, "rev", rev)


def _put_labels(con: apsw.Connection, n: int, info: SessionInfo) -> None:
    # A value that is no text equals no text; null is as if it were not there.
    labels: dict[str, Json] = {**info.labels}
    wanted = {
        clean(key): clean(value) if isinstance(value, str) else b""
        for key, value in labels.items()
        if value is not None
    }
    if dict(con.execute("SELECT key, value FROM labels WHERE n = ?", (n,))) != wanted:
        con.execute("DELETE FROM labels WHERE n = ?", (n,))
        con.executemany("INSERT INTO labels VALUES (?, ?, ?)", [(n, key, value) for key, value in wanted.items()])
