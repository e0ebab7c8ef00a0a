"""Lines of other programs on their way into a log, a thousand at a time: what `append` finds out of each entry is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, Final, TypeAlias

import msgspec

from ..backend import Answer, Request
from ..codec.line import Sealed, digest_of
from ..codec.names import new_salts
from ..errors import HansardError
from ..model.entry import NewEntry
from .drafting import draft
from .place import Place

_FRAME_BYTES: Final = 400
_encoder = msgspec.json.Encoder()


class Taken(NewEntry, frozen=True):
    """An entry around a foreign payload that long base64 was cut out of, with id and time as logs spell them.

    Its id is made of digits, letters and colons, its body of texts, numbers and lists of them, smaller than an entry may be.
    """


Acknowledged: TypeAlias = Callable[[], int]
"""Returns the session's last seq once the entries are durable. Errors are those of append."""


def take(session: Any, entries: Sequence[NewEntry], *, expect: int) -> int:
    """As `session.append(entries, expect=expect)`, in less time for those that are `Taken`; the last seq."""
    ready = _ready(session, entries, expect)
    if ready is None:
        return session.append(entries, expect=expect)
    place, request = ready
    last = place.backend.append(session.id, request).seq
    place.saved()
    return last


def begin(session: Any, entries: Sequence[NewEntry], *, expect: int) -> Acknowledged | int:
    """As `take`, without waiting: while the entries are written and synced, the caller can make the next ones ready.

    Entries that the session has to take itself are waited for: then it is the last seq.
    """
    ready = _ready(session, entries, expect)
    if ready is None:
        return session.append(entries, expect=expect)
    place, request = ready
    answers: SimpleQueue[Answer] = SimpleQueue()
    place.backend.submit(session.id, request, answers.put)

    def acknowledged() -> int:
        answer = answers.get()
        if isinstance(answer, HansardError):
            raise answer
        place.saved()
        return answer.seq

    return acknowledged


def _ready(session: Any, entries: Sequence[NewEntry], expect: int) -> tuple[Place, Request] | None:
    """What to hand to which backend; None if the session has to take the entries itself."""
    place: Place | None = getattr(session, "_place", None)
    sealed = None if place is None or place.redact is not None else _sealed(place, entries)
    if place is None or sealed is None:
        return None
    place.refuse_inside_edit(session.id)
    return place, Request(tuple(sealed), expect=expect)


def _sealed(place: Place, entries: Sequence[NewEntry]) -> list[Sealed] | None:
    """The entries sealed; None if one of them needs a closer look, or would not stay one entry."""
    others = [new for new in entries if type(new) is not Taken]
    drafted = draft(place, others)
    if drafted.files or len(drafted.request.sealed) != len(others):
        return None
    rest, salts = iter(drafted.request.sealed), iter(new_salts(len(entries)))
    try:
        return [_seal(new, next(salts)) if type(new) is Taken else next(rest) for new in entries]
    except UnicodeEncodeError:
        # Half of a surrogate pair, which has a spelling of its own.
        return None


def _seal(new: Taken, salt: str) -> Sealed:
    body = _encoder.encode(new.body)
    front = f',"id":"{new.id}","at":"{new.at}","kind":"{new.kind}"'.encode()
    size = len(front) + len(body) + _FRAME_BYTES
    return Sealed(new, body, salt, digest_of(salt, body), given=True, front=front, size=size)
