"""Records of runs, read back from the logs: what each did, what it took, and whether it still lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ..backend import Backend
from ..errors import Corrupt, Invalid, NotFound
from ..model.entry import Entry, Json
from ..model.info import SessionInfo, Usage
from ..model.requests import ANY, Clock
from ..query import All, Condition, Has, Not
from .protecting import alive_until
from .queries import entries_of, sessions_of
from .running import ENDED, STARTED, Tally, between_ms

TRIMMED_AT_ONCE: Final = 1_000
"""Entries that one `erase` entry of a trimmed run names at most."""

_MARKS: Final = (STARTED, ENDED)


class Run(msgspec.Struct, frozen=True):
    """One run, as its session tells of it."""

    id: str
    session: str
    status: str
    """running, dead (its lease ran out before it ended), completed, error, cancelled."""
    started_at: str
    ended_at: str = ""
    agent: str | None = None
    user: str | None = None
    project: str | None = None
    task: str | None = None
    error: Json = None
    result: Json = None
    steps: int = 0
    """Tool calls."""
    usage: Usage = Usage()
    duration_ms: float | None = None
    seq: int = 0
    """The entry that begins it."""
    trimmed: int = 0
    """Entries of it whose bodies were erased."""
    data: dict[str, Json] = {}
    """What else was said when it began."""


class Trimmed(msgspec.Struct, frozen=True):
    """Entries of old runs whose bodies were erased; their lines still verify, and an `erase` entry names them."""

    session: str
    seqs: tuple[int, ...]


def runs(backend: Backend, clock: Clock, condition: Condition, *, status: Any, run_agent: Any) -> Iterator[Run]:
    """The runs of the sessions that meet a condition, session by session, the oldest first; as Store.runs says."""
    asked = All((condition, Not(Has("fields", "run_id", None))))
    for info in sessions_of(backend, asked, order="-activity", complete=True):
        try:
            found = list(_of_session(backend, info, clock()))
        except (NotFound, Corrupt):
            continue
        for run in found:
            if _meets(run.status, status) and _meets(run.agent, run_agent):
                yield run


def _meets(value: str | None, wanted: Any) -> bool:
    if wanted is ANY:
        return True
    return value in wanted if isinstance(wanted, list | tuple | set | frozenset) else value == wanted


class _Story:
    """What is known of one run."""

    def __init__(self, entry: Entry) -> None:
        self.first = entry
        self.last = entry
        self.end: Entry | None = None
        self.tally = Tally()
        self.trimmed = 0


def _of_session(backend: Backend, info: SessionInfo, now_us: int) -> Iterator[Run]:
    stories: dict[str, _Story] = {}
    own = info.segments[-1].last if info.segments else 0
    for entry in entries_of(backend, info.id, after=own):
        name = _run_of(entry)
        if name is None:
            continue
        story = stories.get(name)
        if story is None:
            story = stories[name] = _Story(entry)
        story.last = entry
        story.trimmed += entry.erased
        story.tally.count(entry)
        if entry.kind == "event" and isinstance(entry.body, dict) and entry.body.get("type") == ENDED:
            story.end = entry
    for name, story in stories.items():
        yield _told(name, story, info, now_us)


def _run_of(entry: Entry) -> str | None:
    if entry.run is not None:
        return entry.run
    body = entry.body
    named = body.get("run") if entry.kind == "event" and isinstance(body, dict) and body.get("type") in _MARKS else None
    return named if isinstance(named, str) else None


def _told(name: str, story: _Story, info: SessionInfo, now_us: int) -> Run:
    said: dict[str, Json] = story.first.body if isinstance(story.first.body, dict) else {}
    extra = {key: value for key, value in said.items() if key not in ("type", "run", "agent", "task")}
    end: dict[str, Json] = {} if story.end is None else story.end.body
    usage = end.get("usage")
    return Run(
        id=name,
        session=info.id,
        status=_status(name, said, end, info, now_us),
        started_at=_text(said.get("started_at")) or story.first.at,
        ended_at="" if story.end is None else _text(end.get("ended_at")) or story.end.at,
        agent=_text(said.get("agent")) or story.first.agent or info.agent,
        user=info.user,
        project=info.project,
        task=_text(said.get("task")) or None,
        error=end.get("error"),
        result=end.get("result"),
        steps=end["steps"] if type(end.get("steps")) is int else story.tally.steps,
        usage=_usage(usage) if isinstance(usage, dict) else story.tally.usage,
        duration_ms=_duration(said, end, story),
        seq=story.first.seq,
        trimmed=story.trimmed,
        data=extra if _text(said.get("type")) == STARTED else {},
    )


def _status(name: str, said: dict[str, Json], end: dict[str, Json], info: SessionInfo, now_us: int) -> str:
    if end:
        return _text(end.get("status")) or "completed"
    if said.get("status") in ("pending", "paused"):
        # An importer's word: it was not at work, so it needs no sign of life.
        return str(said["status"])
    lease = info.lease
    held = lease is not None and not lease.released and lease.owner == name and now_us < alive_until(info)
    return "running" if held else "dead"


def _duration(said: dict[str, Json], end: dict[str, Json], story: _Story) -> float | None:
    told = end.get("duration_ms")
    if isinstance(told, int | float):
        return float(told)
    if story.end is None:
        return None
    try:
        return between_ms(_text(said.get("started_at")) or story.first.at, _text(end.get("ended_at")) or story.end.at)
    except Invalid:
        return None


def _usage(said: dict[str, Json]) -> Usage:
    try:
        return msgspec.convert(said, Usage)
    except msgspec.ValidationError:
        return Usage()


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def trim(
    backend: Backend, clock: Clock, condition: Condition, *, before: str, limit: int, dry_run: bool
) -> list[Trimmed]:
    """Erase the bodies of runs that ended before a time, at most `limit` entries; as Store.trim_runs says."""
    left = limit
    done: list[Trimmed] = []
    for run in runs(backend, clock, condition, status=ANY, run_agent=ANY):
        if left <= 0:
            break
        if run.status == "running" or (run.ended_at or run.started_at) >= before:
            continue
        seqs = _bodies(backend, run)[:left]
        left -= len(seqs)
        for start in range(0, len(seqs), TRIMMED_AT_ONCE):
            part = seqs[start : start + TRIMMED_AT_ONCE]
            if not dry_run:
                backend.erase(run.session, part, by="retention", reason=f"run {run.id} is older than the limit")
            done.append(Trimmed(run.session, tuple(part)))
    return done


def _bodies(backend: Backend, run: Run) -> list[int]:
    """The entries of a run that tell how it went; those that begin and end it stay, as do messages and costs."""
    alone = backend.info(run.session).kind == "run"
    kinds = ("event", "message") if alone else ("event",)
    found: list[int] = []
    for entry in entries_of(backend, run.session, after=run.seq):
        if entry.run != run.id or entry.erased or not (entry.kind in kinds or entry.kind.startswith("x-")):
            continue
        if entry.kind != "event" or _text(entry.body.get("type")) not in _MARKS:
            found.append(entry.seq)
    return found
