"""The reading half of a session handle: what the session is, its entries, its history, its attachments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal

from ..errors import Invalid, NotFound
from ..fold import Branch
from ..model.entry import Entry, Json
from ..model.info import Message, SessionInfo
from . import histories
from .place import Place
from .verbatim import verbatim

_WAIT_S: Final = 5.0
"""How long `tail` waits at a time, so that Python handles signals on its thread now and then."""


class Reading:
    """A session as readers see it. The handle keeps nothing: each look is at the session as it is now."""

    def __init__(self, place: Place, id: str) -> None:  # noqa: A002 - the field's name
        """Point at the session with this id, which need not have been looked at yet."""
        self._place = place
        self.id: Final = id
        """The id of the session."""

    @property
    def info(self) -> SessionInfo:
        """What the session is now; includes every acknowledged append of any process.

        Raises:
            NotFound: the session was deleted.
        """
        return self._place.backend.info(self.id)

    @property
    def seq(self) -> int:
        """Number of the last entry: what `append(expect=…)` compares."""
        return self.info.seq

    @property
    def state(self) -> dict[str, Json]:
        """The state: an object whose top-level keys are set and removed one by one."""
        return self.info.state

    @property
    def title(self) -> str | None:
        """As given or generated, else derived from the first user message."""
        return self.info.title

    def entries(
        self,
        *,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        kinds: Iterable[str] | str | None = None,
        on_damage: Literal["raise", "skip"] = "raise",
    ) -> Iterator[Entry]:
        """The record with `after < seq < before`, a fork's inherited entries included, read as they are asked for.

        `kinds` keeps some kinds only, before `limit` counts. With `on_damage="skip"`, damage yields one entry of kind
        `x-hansard.gap` and reading goes on behind it.

        Raises:
            Corrupt: at the first damage, with its place.
        """
        _check_range(after, before, limit, on_damage)
        wanted = None if kinds is None else frozenset((kinds,) if isinstance(kinds, str) else kinds)
        # The request itself is made at once, so that a missing session is told here and not at the first entry.
        found = self._place.backend.entries(
            self.id, after=after, before=before, newest_first=newest_first, on_damage=on_damage
        )
        return _some(found, wanted, limit)

    def last(self, n: int = 1, *, kinds: Iterable[str] | str | None = None) -> list[Entry]:
        """The newest `n` entries in the order of the log. Costs what `n` entries cost, however long the log is."""
        return list(self.entries(limit=n, newest_first=True, kinds=kinds))[::-1]

    def entry(self, seq: int) -> Entry:
        """The entry with this number.

        Raises:
            NotFound: there is none.
        """
        if type(seq) is not int or seq < 1:
            msg = f"session {self.id!r}: entries have the numbers 1, 2, 3 …, not {seq!r}"
            raise Invalid(msg)
        for entry in self._place.backend.entries(self.id, after=seq - 1, before=seq + 1):
            return entry
        msg = f"session {self.id!r} has no entry {seq}; its last one is {self.seq}"
        raise NotFound(msg)

    def history(
        self,
        *,
        limit: int | None = None,
        max_tokens: int | None = None,
        count: Callable[[Message], int] | None = None,
        live: bool = False,
        on_damage: Literal["raise", "skip"] = "raise",
    ) -> list[Message]:
        """What to send to a model: the visible messages from the last compaction on, amended, its summary first.

        Never a tool result without its call; a call that was interrupted gets a result marked `synthetic`, or with
        `live` its message is marked `pending`. `limit` (messages) and `max_tokens` keep the newest, without parting a
        call from its result; `count` says how many tokens a message has (default: a rough estimate).

        Raises:
            Corrupt: at the first damage on the path, with its place; with "skip" it is left out.
        """
        _check_range(0, None, limit, on_damage)
        return histories.history(
            self._place, self.id, limit=limit, max_tokens=max_tokens, count=count, live=live, on_damage=on_damage
        )

    def messages(self, *, limit: int | None = None, to: int | None = None) -> list[Message]:
        """The visible messages one for one, as their writers left them: amended and decoded, never paired or mended.

        For programs that keep calls and results together themselves; send `history()` to a model. `limit` gives the
        newest ones, in order, at what they cost. With `to` it is the path to that entry, on whatever branch it is.

        Raises:
            Invalid: there is no entry `to`.
            Corrupt: at the first damage on the path, with its place.
        """
        _check_range(0, None, limit, "raise")
        if to is not None and type(to) is not int:
            msg = f"to: the seq of an entry, or None, not {to!r}"
            raise Invalid(msg)
        return histories.messages(self._place, self.id, limit=limit, to=to)

    def payload(self, message: Message | Entry) -> str | None:
        """The foreign payload of a message, exactly as it was given; None if it came as neutral parts.

        Files that were taken out of it when it was stored are back in their places.

        Raises:
            NotFound: a file of it is not in this session.
            Invalid: it is no text; its bytes are the attachment that its `raw` names.
        """
        raw = message.raw if isinstance(message, Message) else _raw_of(message)
        return None if raw is None else verbatim(raw, self.attachment)

    def branches(self) -> list[Branch]:
        """Every end of the tree of messages, the oldest first; `visible` marks the one that the head is on."""
        return histories.branches(self._place, self.id)

    def attachment(self, sha256: str) -> bytes:
        """The bytes of an attachment, checked against their hash.

        Raises:
            NotFound: the session has none with this hash.
            Corrupt: the bytes do not have this hash, or the file is gone.
        """
        return self._place.backend.attachment(self.id, sha256)

    def wait(self, *, after: int | None = None, timeout_s: float = 60.0) -> int:
        """The session's last seq, as soon as it is greater than `after` (None: than now), or when the time is over.

        An append of another process is noticed within 200 ms.

        Raises:
            NotFound: the session was deleted.
        """
        check_timeout(timeout_s)
        last = self.seq if after is None else check_after(after)
        return self._place.backend.wait(self.id, after=last, timeout_s=timeout_s)

    def tail(self, after: int | None = None) -> Iterator[Entry]:
        """Entries as they come, of any process, for ever: those after `after`, or (None) those that come from now on.

        Raises:
            NotFound: the session was deleted.
        """
        return self._follow(self.seq if after is None else check_after(after))

    def _follow(self, last: int) -> Iterator[Entry]:
        while True:
            if self._place.backend.wait(self.id, after=last, timeout_s=_WAIT_S) > last:
                for entry in self.entries(after=last):
                    yield entry
                    last = entry.seq

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reading) and self._place is other._place and self.id == other.id

    def __hash__(self) -> int:
        return hash((id(self._place), self.id))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self._place.name})"


def _raw_of(entry: Entry) -> Json:
    return entry.body.get("raw") if isinstance(entry.body, dict) else None


def check_poll(poll_s: object) -> None:
    """Return if this is a time to wait between two looks.

    Raises:
        Invalid: it is not.
    """
    if isinstance(poll_s, bool) or not isinstance(poll_s, int | float) or not 0 < poll_s <= 3600:
        msg = f"poll_s: seconds between two looks, more than 0, not {poll_s!r}"
        raise Invalid(msg)


def check_timeout(timeout_s: object) -> None:
    """Return if this is a time to wait.

    Raises:
        Invalid: it is not.
    """
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not timeout_s >= 0:
        msg = f"timeout_s: seconds to wait at most, from 0 on, not {timeout_s!r}"
        raise Invalid(msg)


def check_after(after: object) -> int:
    """The seq that reading starts behind.

    Raises:
        Invalid: it is none.
    """
    if type(after) is not int or after < 0:
        msg = f"after: the seq that reading starts behind, from 0 on, not {after!r}"
        raise Invalid(msg)
    return after


def _check_range(after: object, before: object, limit: object, on_damage: object) -> None:
    check_after(after)
    for name, value, least in (("before", before, 0), ("limit", limit, 0)):
        if value is not None and (type(value) is not int or value < least):
            msg = f"{name}: a number from {least} on, or None, not {value!r}"
            raise Invalid(msg)
    if on_damage not in ("raise", "skip"):
        msg = f"on_damage: 'raise' or 'skip', not {on_damage!r}"
        raise Invalid(msg)


def _some(found: Iterator[Entry], kinds: frozenset[str] | None, limit: int | None) -> Iterator[Entry]:
    if limit == 0:
        return
    left = limit
    for entry in found:
        if kinds is not None and entry.kind not in kinds and entry.kind != "x-hansard.gap":
            continue
        yield entry
        if left is not None:
            left -= 1
            if left == 0:
                return
