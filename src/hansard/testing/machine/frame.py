"""Both sides of the machine, and how a rule does the same to each of them."""

# ruff: noqa: S101 - asserting is what it does
from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from hypothesis.stateful import RuleBasedStateMachine, initialize

from ...backend import Backend, Request
from ...backends.memory import MemoryBackend
from ...codec.line import seal
from ...errors import Conflict, HansardError
from ...model.entry import NewEntry, assistant, user
from ...model.requests import Creation
from ...query import EVERYTHING
from ..driver import MakeBackend, ManualClock

FreshMedium: TypeAlias = Callable[[], AbstractContextManager[MakeBackend]]
"""Gives an empty medium as the function that opens it, and clears it away at the end."""


class Frame(RuleBasedStateMachine):
    """The backend that is looked at, the memory backend beside it, and how a rule finds what is there."""

    @staticmethod
    def fresh() -> AbstractContextManager[MakeBackend]:
        """An empty medium, as the function that opens it; `machine_for` puts a backend's own in place of memory's."""
        return contextlib.nullcontext(lambda clock: MemoryBackend(clock=clock))

    def __init__(self) -> None:
        """Open both on empty media."""
        super().__init__()
        self.clock = ManualClock()
        self._medium = type(self).fresh()
        self.make = self._medium.__enter__()
        self.backend = self.make(self.clock)
        self.memory = MemoryBackend(clock=self.clock)

    def teardown(self) -> None:
        """Close both and clear the medium away."""
        self.backend.close()
        self._medium.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        """Have something to work on."""
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in (user("one"), assistant("two"), user("three")))
        self.both(lambda backend: backend.create(Creation(id="s"), Request(sealed=sealed), reuse=""))

    def both(self, call: Callable[[Backend], object]) -> None:
        """Do it on both sides; the results are equal, or the errors are of one type."""
        actual, expected = _outcome(call, self.backend), _outcome(call, self.memory)
        assert actual == expected, f"got {actual}, and memory gives {expected}"

    def append(self, session: str, entries: Sequence[NewEntry], **asked: Any) -> None:
        """Append the same bytes on both sides."""
        sealed = tuple(seal(entry, now_us=self.clock()) for entry in entries)
        self.both(lambda backend: backend.append(session, Request(sealed=sealed, **asked)))

    def there(self, number: int) -> str:
        """One of the sessions that are there, or one that is not."""
        page = self.memory.find(EVERYTHING, order="-touched", limit=99, cursor=None)
        ids = [info.id for info in page]
        return "nobody" if number == 19 or not ids else ids[number % len(ids)]

    def place(self, session: str, number: int, kind: str = "") -> int:
        """The number of one of a session's entries, of a kind if one is given; or one that is not there."""
        if session == "nobody" or number == 19:
            return 99
        seqs = [entry.seq for entry in self.memory.entries(session) if kind in ("", entry.kind)]
        return seqs[-1 - number % len(seqs)] if seqs else 0


def _outcome(call: Callable[[Backend], object], backend: Backend) -> object:
    try:
        return call(backend)
    except Conflict as error:
        return "Conflict", error.seq
    except HansardError as error:
        return type(error).__name__
