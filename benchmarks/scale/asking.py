"""Pages and searches of a large store, warm, each with the plan that the server makes for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, LiteralString, cast

import psycopg

import hansard

from ..basics import spread, timed
from ..report import Report
from .shape import RARE, Shape, ticket_of

WARM = 12
"""More than it takes the server to settle on a plan for a prepared statement."""
TARGET_MS = 10.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the server does for one question."""

    name: str
    statement: str
    lines: tuple[str, ...]


def measure(report: Report, url: str, shape: Shape, *, rounds: int) -> list[Plan]:
    """Milliseconds of each question, and its plan."""
    plans: list[Plan] = []
    with hansard.open(url) as store, psycopg.connect(url, autocommit=True) as con:
        for name, (ask, least, target) in _questions(store, shape).items():
            asked: list[tuple[str, Sequence[Any]]] = []
            with _overheard(store, asked):
                found = len(ask())
            if found < least:
                msg = f"{name}: {found} found, and {least} are there"
                raise RuntimeError(msg)
            plans += [_planned(con, name, statement, parameters) for statement, parameters in asked[-1:]]
            for _ in range(WARM):
                ask()
            spent = [timed(ask) for _ in range(rounds)]
            report.add(name, spread(spent), "ms", target, note=f"{shape.sessions} sessions, {found} on the page")
    return plans


def _questions(store: hansard.Store, shape: Shape) -> dict[str, tuple[Callable[[], Any], int, float | None]]:
    """Each with how many it finds at least, and its target."""
    middle = shape.sessions // 2
    user = shape.creation(middle).user or ""
    some = min(50, shape.sessions // shape.users)
    hundredth = min(50, shape.sessions // 100)
    return {
        "the latest 50 sessions": (lambda: store.find(limit=50), min(50, shape.sessions), TARGET_MS),
        "the latest 50 of a user": (lambda: store.find(user=user, limit=50), some, TARGET_MS),
        "find by metadata, one session": (lambda: store.find(metadata={"ticket": ticket_of(middle)}, limit=50), 1, TARGET_MS),
        "find by a label, 1 of 100": (lambda: store.find(labels={"team": "team-7"}, limit=50), hundredth, None),
        "find by a label, half of all": (
            lambda: store.find(labels={"environment": "test"}, limit=50), hundredth, TARGET_MS,
        ),
        "find by a label, 1 of 500": (
            lambda: store.find(labels={"batch": "batch-7"}, limit=50), min(50, shape.sessions // 500), None,
        ),
        "find by two labels that none has together": (
            lambda: store.find(labels={"team": "team-7", "environment": "production"}, limit=50), 0, None,
        ),
        "the latest 50 of a project": (
            lambda: store.find(project="project-7", limit=50), min(50, shape.sessions // 50), TARGET_MS,
        ),
        "find by a status that none has": (lambda: store.find(status="running", limit=50), 0, TARGET_MS),
        "find by user and label": (
            lambda: store.find(user=user, labels={"environment": shape.creation(middle).labels["environment"]}, limit=50),
            1, TARGET_MS,
        ),
        "find by a metadata value that nobody has": (
            lambda: store.find(metadata={"ticket": -1}, limit=50), 0, TARGET_MS,
        ),
        "search a rare word": (lambda: store.search(RARE, limit=20), 3, TARGET_MS),
        "search a word that is nowhere": (lambda: store.search("xylophobia", limit=20), 0, TARGET_MS),
        "search a word in 1 of 100 messages": (lambda: store.search("w33", limit=20), 1, None),
        "search a word in half of all messages": (lambda: store.search("everywhere", limit=20), min(20, shape.sessions), None),
        "search a rare word of a user": (lambda: store.search(f"user:{user} {RARE}", limit=20), 0, None),
    }  # fmt: skip


class _overheard:  # noqa: N801 - used as a function
    """Notes what a store asks the server for pages."""

    def __init__(self, store: hansard.Store, asked: list[tuple[str, Sequence[Any]]]) -> None:
        backend: Any = store._place.backend  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._db: Any = backend._core.db  # noqa: SLF001
        self._asked = asked

    def __enter__(self) -> None:
        page = self._db.page

        def noting(statement: str, parameters: Sequence[Any]) -> Any:
            self._asked.append((statement, parameters))
            return page(statement, parameters)

        self._db.page = noting

    def __exit__(self, *_: object) -> None:
        del self._db.page


def _planned(con: psycopg.Connection[Any], name: str, statement: str, parameters: Sequence[Any]) -> Plan:
    explained = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) " + statement
    lines = [row[0] for row in con.execute(cast("LiteralString", explained), parameters)]
    return Plan(name, statement, tuple(lines))
