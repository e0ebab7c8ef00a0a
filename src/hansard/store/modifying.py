"""Read-modify-write: a function sees the session as it is, and what it drafts is written only if nothing came between."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..codec import values
from ..errors import Conflict
from ..model.entry import Json, NewEntry
from ..model.info import SessionInfo
from ..model.requests import Changes, Keys
from .changes import changes_of
from .given import GivenEntries, new_entries

ATTEMPTS_MAX: Final = 64
"""How often `modify` runs its function before it gives up against other writers."""


class Draft:
    """The session as it is, and what is to be written to it. Nothing is written before the function returns."""

    def __init__(self, info: SessionInfo) -> None:
        """Begin with what the session is now."""
        self.info: Final = info
        """The session when the function was called."""
        self.state: dict[str, Json] = copy.deepcopy(info.state)
        """A copy of the state: change it in place; keys that are other or gone afterwards are written."""
        self._entries: list[NewEntry] = []
        self._fields: dict[str, Json] = {}
        self._clear: list[str] = []

    def append(self, entries: GivenEntries) -> None:
        """The entries are written after those already drafted."""
        self._entries += new_entries(entries)

    def set(self, **fields: Json) -> None:
        """The fields are set together with the entries: title, status, model, pinned, or your own."""
        self._fields |= fields

    def clear(self, *fields: str) -> None:
        """The fields are as if never set."""
        self._clear += fields

    @property
    def entries(self) -> tuple[NewEntry, ...]:
        """What was drafted so far."""
        return tuple(self._entries)

    def changes(self) -> Changes | None:
        """The field and state changes that were drafted; None if there are none."""
        values.check_value(self.state, "state")
        before = self.info.state
        kept = {key: item for key, item in self.state.items() if key not in before or _differ(item, before[key])}
        gone = tuple(key for key in before if key not in self.state)
        state = Keys(set=kept, remove=gone) if kept or gone else None
        return changes_of(fields=self._fields, clear=self._clear, state=state)


def _differ(one: Json, other: Json) -> bool:
    return one != other or values.encode(one) != values.encode(other)


Modifier: TypeAlias = Callable[[Draft], Any]


def modify(read: Callable[[], SessionInfo], fn: Modifier, write: Callable[[Draft], int]) -> int:
    """Call `fn` with a draft of what `read` gives, and `write` it; again from the start while `write` meets a writer.

    Raises:
        Conflict: every attempt met another writer.
    """
    attempt = 0
    while True:
        draft = Draft(read())
        fn(draft)
        try:
            return write(draft)
        except Conflict as error:
            attempt += 1
            nobody_came = error.seq == draft.info.seq
            if nobody_came or attempt == ATTEMPTS_MAX:
                raise
        # Writers of other processes can't wait in our line: stepping aside for a random moment lets each through.
        if attempt > 1:
            time.sleep(random.uniform(0, 0.002 * min(attempt, 20)))  # noqa: S311 - no secret
