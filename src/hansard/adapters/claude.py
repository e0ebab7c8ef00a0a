"""Claude Agent SDK: a SessionStore whose transcripts are Hansard sessions.

A transcript entry is one message or event that holds the SDK's JSON verbatim. What the importer of Claude Code files
reads out of such lines (roles, titles, usage, rewinds, compactions) is read out of these too, so lists, search and
totals know them. The uuid of an entry is the id of its line in the log: written once, however often it is mirrored.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

try:
    from claude_agent_sdk import (
        SessionKey,
        SessionListSubkeysKey,
        SessionStore,
        SessionStoreEntry,
        SessionStoreListEntry,
        SessionSummaryEntry,
        fold_session_summary,
    )
except ImportError as error:
    _MISSING = "the Claude Agent SDK is not installed: pip install 'hansard[claude]'"
    raise ImportError(_MISSING) from error

from ..aio.running import threaded
from ..codec import values
from ..errors import AlreadyExists, Conflict, Invalid, NotFound
from ..formats.claude_code import FORMAT, ClaudeCodePlanner, project_of
from ..formats.feeding import FED
from ..formats.planning import START, Facts, Planned, moment, word
from ..formats.raw import raw_line
from ..formats.source import Line
from ..model.entry import Entry, Json, NewEntry
from ..model.info import SessionInfo
from ..model.requests import Page
from ..store import Session, Store
from .following import Following
from .naming import escaped, fitting, joined
from .opened import AnyStore, opened

__all__ = ["HansardSessionStore"]

AGENT: Final = "claude-code"
PROJECT_KEY, SESSION_ID, SUBPATH = "claude.project_key", FED, "claude.subpath"
"""Metadata of each session: the SDK's own names for it."""
MTIME, SUMMARY = "claude.mtime", "claude.summary"
"""State of each session: milliseconds of the last write, and what the SDK folds from the entries."""
_ATTEMPTS_MAX: Final = 64


class _Times:
    """Milliseconds that rise with each call, so that no two sessions of one writer seem to be written at once."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._last = 0

    def after(self, before: int) -> int:
        """Now, and later than `before`, which another machine's clock may have said."""
        with self._mutex:
            self._last = max(time.time_ns() // 1_000_000, self._last + 1)
            return max(self._last, before + 1)


class _Transcript:
    """What an append must know of the entries that are there: their uuids, and how the next line is to be read."""

    def __init__(self) -> None:
        self.uuids: set[str] = set()
        self._planner = ClaudeCodePlanner(Facts(native=""))
        self._lines = 0
        self._planned_to = 0

    def take(self, entries: Sequence[Entry]) -> None:
        """Learn what is in the log. Entries that were planned here are known already."""
        for entry in entries:
            if entry.kind == "usage" and entry.seq > self._planned_to and isinstance(entry.body.get("call"), str):
                self._planner.counted(entry.body["call"], entry.body)
        for index, entry in enumerate(entries):
            if not _is_line(entry):
                continue
            self.uuids.add(entry.id)
            if entry.seq > self._planned_to:
                text = entry.body["raw"].get("text", "null")
                for planned in self.plan(values.decode(text.encode("utf-8", "surrogatepass"))):
                    if planned.spot is not None:
                        planned.spot.seq = entry.seq if not planned.suffix else _compaction_near(entries, index)

    def plan(self, value: Any) -> list[Planned]:
        """The entries of the next line."""
        self._lines += 1
        text = values.encode(value).decode("utf-8", "surrogatepass")
        return self._planner.plan(Line(self._lines, b"", whole=True, text=text, value=value, digest=0))

    def end(self) -> list[Planned]:
        """The usage that is known by now."""
        return self._planner.end()

    def written(self, seq: int) -> None:
        """What was planned so far is in the log, up to this number."""
        self._planned_to = seq


def _is_line(entry: Entry) -> bool:
    raw = entry.body.get("raw") if entry.kind in ("message", "event") and isinstance(entry.body, dict) else None
    return isinstance(raw, dict) and raw.get("format") == FORMAT


def _compaction_near(entries: Sequence[Entry], index: int) -> int:
    """The seq of the compaction that was written with a line: the nearest one, 0 if there is none."""
    near = [entry.seq for entry in entries[max(0, index - 8) : index + 8] if entry.kind == "compaction"]
    return min(near, key=lambda seq: abs(seq - entries[index].seq), default=0)


class HansardSessionStore(SessionStore):
    """Mirrors transcripts into a Hansard store. Works under asyncio and trio, and from any number of processes.

    `append` is exact: an entry whose uuid is there adds nothing, whatever it holds; the batch, its summary and its
    time are one commit. Subpaths are child sessions of their main transcript.
    """

    def __init__(self, store: AnyStore = None) -> None:
        """Stand on an open store of either door, or open the one at a place, which `close()` then closes."""
        opened_store, self._owned = opened(store)
        self.store: Store = opened_store.sync
        self._views: Following[_Transcript] = Following(_Transcript)
        self._times = _Times()

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """The entries are durable, each uuid once. Cancelled, it settles first. Raises Invalid for what is no JSON."""
        if entries:
            await threaded(partial(self._append, key, entries))

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """All entries in the order of their commits, deep-equal to what was given; None if there are none."""
        return await threaded(lambda: list(self._entries(key)) or None)

    async def load_tail(self, key: SessionKey, limit: int) -> list[SessionStoreEntry]:
        """The newest `limit` entries, oldest first. Costs what they cost, however long the transcript is.

        Raises:
            Invalid: the limit is negative.
        """
        _check_limit(limit, least=0)

        def read() -> list[SessionStoreEntry]:
            return list(itertools.islice(self._entries(key, newest_first=True), limit))[::-1]

        return await threaded(read)

    async def load_page(
        self, key: SessionKey, *, after: str | None = None, limit: int = 100
    ) -> Page[SessionStoreEntry]:
        """A page of entries from the oldest on; pass its `cursor` as `after` for the next.

        Raises:
            Invalid: `after` is no cursor, or the limit is not positive.
        """
        _check_limit(limit, least=1)
        if after is not None and not (after.isascii() and after.isdigit()):
            msg = f"after: {after!r} is no cursor of load_page(); pass the `cursor` of the page before, or None"
            raise Invalid(msg)

        def read() -> Page[SessionStoreEntry]:
            found = list(itertools.islice(self._numbered(key, after=int(after or 0)), limit + 1))
            more = str(found[limit - 1][0]) if len(found) > limit else None
            return Page(tuple(value for _, value in found[:limit]), more)

        return await threaded(read)

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        """The main transcripts of a project with the milliseconds of their last write, which only ever grow."""

        def read() -> list[SessionStoreListEntry]:
            found = self._mains(project_key)
            return [{"session_id": info.metadata[SESSION_ID], "mtime": info.state[MTIME]} for info in found]

        return await threaded(read)

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """What the SDK folded from each main transcript; never behind its entries, being one commit with them."""

        def read() -> list[SessionSummaryEntry]:
            return [_summary(info) for info in self._mains(project_key)]

        return await threaded(read)

    async def delete(self, key: SessionKey) -> None:
        """The transcript is gone, a main one with all its subpaths. What is not there needs no deleting."""
        await threaded(lambda: self.store.delete(session_id(key)))

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """The subpaths of a session, the oldest first."""

        def read() -> list[str]:
            try:
                children = self.store.get(_main_id(key)).children()
            except NotFound:
                return []
            subpaths = [child.info.metadata.get(SUBPATH) for child in children if child.info.state.get(MTIME)]
            return [subpath for subpath in subpaths if isinstance(subpath, str)]

        return await threaded(read)

    async def close(self) -> None:
        """A store that was opened here is closed; one that was given stays open."""
        if self._owned:
            await threaded(self.store.close)

    def _mains(self, project_key: str) -> Iterator[SessionInfo]:
        found = self.store.sessions(kind="root", metadata={PROJECT_KEY: project_key}, order="created")
        # A session that only a sub-agent has written to is no transcript yet.
        return (info for info in found if info.state.get(MTIME))

    def _entries(self, key: SessionKey, *, newest_first: bool = False) -> Iterator[SessionStoreEntry]:
        return (value for _, value in self._numbered(key, newest_first=newest_first))

    def _numbered(
        self, key: SessionKey, *, after: int = 0, newest_first: bool = False
    ) -> Iterator[tuple[int, SessionStoreEntry]]:
        try:
            session = self.store.get(session_id(key))
        except NotFound:
            return
        for entry in session.entries(after=after, newest_first=newest_first):
            line = raw_line(entry.body["raw"], session.attachment) if _is_line(entry) else None
            if line is not None:
                yield entry.seq, values.decode(line)

    def _append(self, key: SessionKey, entries: Sequence[SessionStoreEntry]) -> None:
        for number, entry in enumerate(entries):
            values.check_value(entry, f"entries[{number}]")
            if not isinstance(entry, dict):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
                msg = f"entries[{number}]: a JSON object, as the SDK writes them, not {type(entry).__name__}"
                raise Invalid(msg)
        for _ in range(_ATTEMPTS_MAX):
            session = self._session(key, entries)
            try:
                self._write(session, key, entries)
            except NotFound:
                # Deleted since it was found: what comes now begins a new one.
                self._views.drop(session.id)
                continue
            return
        msg = f"session {session_id(key)!r} is deleted again and again while it is appended to; find out by whom"
        raise NotFound(msg)

    def _write(self, session: Session, key: SessionKey, entries: Sequence[SessionStoreEntry]) -> None:
        """Plan each new line once, and commit as soon as nobody comes between the look and the write."""
        batch: _Batch | None = None
        for attempt in range(_ATTEMPTS_MAX):
            with self._views.of(session) as (view, info, seq):
                if batch is not None and batch.meets(view.uuids):
                    # The same lines came from somewhere else: what follows from them is to be read anew.
                    self._views.drop(session.id)
                    batch = None
                    continue
                batch = batch or _Batch(view, entries)
                if not batch.lines:
                    return
                try:
                    mtime = self._times.after(info.state.get(MTIME, 0))
                    state = _state(info, key, [value for _, value, _ in batch.lines], mtime)
                    view.written(session.append(batch.entries(seq), expect=seq, state=state))
                except Conflict as error:
                    batch.plain |= error.seq == seq
                except BaseException:
                    self._views.drop(session.id)
                    raise
                else:
                    return
            # Another process was faster; it gets a moment to go on, so that neither starves.
            time.sleep(random.uniform(0, 0.002 * min(attempt + 1, 20)))  # noqa: S311 - no secret
        self._views.drop(session.id)
        msg = f"session {session.id!r}: {_ATTEMPTS_MAX} attempts to append met another writer; append again"
        raise Conflict(msg, seq=session.seq)

    def _session(self, key: SessionKey, entries: Sequence[SessionStoreEntry]) -> Session:
        identity = _main_id(key)
        cwd = next((found for entry in entries if (found := word(entry.get("cwd")))), None)
        at = next((found for entry in entries if (found := moment(entry.get("timestamp")))), "")
        names = {PROJECT_KEY: key["project_key"], SESSION_ID: key["session_id"]}
        source = {"format": FORMAT, "session": key["session_id"]}
        project = project_of(cwd) or key["project_key"]
        main = self.store.get_or_create(
            identity, agent=AGENT, project=project, metadata=names, source=source, at=at or ""
        )
        subpath = key.get("subpath")
        if subpath is None:
            return main
        try:
            return main.spawn(
                id=session_id(key), agent=AGENT, project=project, at=at or "", metadata={**names, SUBPATH: subpath},
                source={**source, "agent": subpath.rpartition("/")[2].removeprefix("agent-")},
            )  # fmt: skip
        except AlreadyExists:
            return self.store.get(session_id(key))


def session_id(key: SessionKey) -> str:
    """The id of the Hansard session of a key: `<session_id>@<project_key>`, with a `/<subpath>` for a child.

    Raises:
        Invalid: the subpath is empty.
    """
    subpath = key.get("subpath")
    if subpath is None:
        return _main_id(key)
    if not subpath:
        msg = "subpath: an empty one names nothing; leave it out for the main transcript"
        raise Invalid(msg)
    return fitting("/".join((_main_id(key), *map(escaped, subpath.split("/")))))


def _check_limit(limit: int, *, least: int) -> None:
    if limit < least:
        msg = f"limit: a number of entries from {least} on, not {limit}"
        raise Invalid(msg)


def _main_id(key: SessionKey | SessionListSubkeysKey) -> str:
    return joined(key["session_id"], key["project_key"])


class _Batch:
    """The entries of one append that are not there yet, and what was read out of them."""

    def __init__(self, view: _Transcript, given: Sequence[SessionStoreEntry]) -> None:
        self.plain = False
        """Write the lines alone: what was read out of them does not fit what is there."""
        self.lines: list[tuple[str, Any, list[Planned]]] = []
        """The uuid, the value and the entries of each line."""
        self._uuids: set[str] = set()
        for entry in given:
            uuid = entry.get("uuid")
            uuid = fitting(uuid) if isinstance(uuid, str) and uuid else ""
            if uuid and (uuid in view.uuids or uuid in self._uuids):
                continue
            self._uuids.add(uuid)
            self.lines.append((uuid, entry, view.plan(entry)))
        self._uuids.discard("")
        self._end = view.end() if self.lines else []

    def meets(self, uuids: set[str]) -> bool:
        """Whether one of the lines is there by now."""
        return not self._uuids.isdisjoint(uuids)

    def entries(self, seq: int) -> list[NewEntry]:
        """The entries to append behind `seq`, each knowing the number of what it names."""
        new: list[NewEntry] = []
        for uuid, planned in itertools.chain(
            ((uuid, one) for uuid, _, group in self.lines for one in group), (("", one) for one in self._end)
        ):
            if self.plain and planned.kind in ("head", "compaction"):
                continue
            body = dict(planned.body)
            if planned.raw:
                body["raw"] = {"format": FORMAT, "text": planned.text}
            if planned.spot is not None:
                planned.spot.seq = seq + len(new) + 1
            if planned.refers is not None:
                member, spot = planned.refers
                body[member] = 0 if spot is START else spot.seq
            new.append(NewEntry(kind=planned.kind, body=body, id="" if planned.suffix else uuid, at=planned.at))
        return new


def _state(info: SessionInfo, key: SessionKey, fresh: Sequence[Any], mtime: int) -> dict[str, Json]:
    if key.get("subpath") is not None:
        return {MTIME: mtime}
    before = _summary(info) if MTIME in info.state else None
    return {MTIME: mtime, SUMMARY: dict(fold_session_summary(before, key, list(fresh))["data"])}


def _summary(info: SessionInfo) -> SessionSummaryEntry:
    return {"session_id": info.metadata[SESSION_ID], "mtime": info.state[MTIME], "data": info.state.get(SUMMARY, {})}
