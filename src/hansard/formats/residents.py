"""A resident child that keeps the id it had elsewhere.

The id of a resident follows from its root and its name, so `spawn` takes no other. One that comes from another store has
an id already. It is received as a log of one line, as a copy of it would be; its name leads to it from then on.
"""

from __future__ import annotations

from typing import Any

from ..backends.creation import created_entry
from ..codec.line import GENESIS, encode_line, seal
from ..store.creating import creation_of
from ..store.place import place_of
from ..store.redacting import redacted_creation


def is_free(parent: Any, name: str) -> bool:
    """Whether no child under the root of a session is called so."""
    backend = place_of(parent).backend
    root = type(parent)(place_of(parent), backend.info(parent.id).root or parent.id)
    return all(backend.info(child.id).name != name for child in root.children(recursive=True))


def receive_resident(parent: Any, *, name: str, **known: Any) -> Any:
    """A new child of a session, with this name and the id that is given among `known`, which are words of `spawn`.

    Raises:
        Conflict: the id is taken.
    """
    place = place_of(parent)
    creation = creation_of(kind="child", parent=parent.id, name=name, **known)
    if place.redact is not None:
        creation = redacted_creation(place.redact, creation)
    entry = created_entry(creation, id=creation.id, parent=place.backend.info(parent.id))
    now_us = place.clock()
    line, _ = encode_line(seal(entry, now_us=now_us), 1, GENESIS, parent=None, commit=(1, now_us))
    place.backend.receive(creation.id, [line], ())
    return type(parent)(place, creation.id)
