"""What ADK shares between sessions: the states of an app and of its users, each a JSON document of the store.

With the capability `atomic_documents` they are committed with the event that changes them; without it before the event,
as absolute values, so that repeating the call ends where one success would have.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from google.adk.sessions import State

from ..codec import values
from ..errors import Invalid, NotFound
from ..limits import KIB, STATE_BYTES_MAX
from ..model.documents import DocumentKey, DocumentWrite
from ..model.entry import Json
from ..store import Store
from .naming import joined

CATEGORY: Final = "adk"
"""Of the documents: `app@<app>` and `user@<user>@<app>`."""

_ATTEMPTS_MAX: Final = 64


def attempts() -> Iterator[int]:
    """The numbers of the attempts to write beside others, with a moment before each but the first."""
    for attempt in range(_ATTEMPTS_MAX):
        if attempt:
            time.sleep(random.uniform(0, 0.002 * min(attempt, 20)))  # noqa: S311 - no secret
        yield attempt


class Scopes:
    """The states of apps and users in a store."""

    def __init__(self, store: Store) -> None:
        """Stand on a store."""
        self._store = store
        self.atomic: Final = "atomic_documents" in store.capabilities
        """Whether `writes` are still to be written, with the session that they belong to."""

    def state(self, app_name: str, user_id: str | None = None) -> dict[str, Any]:
        """The state of an app, or of a user of it, without the prefix."""
        key = _key(app_name, user_id)
        try:
            return self._store.documents.load(key.name, category=key.category, kind=key.kind)
        except NotFound:
            return {}

    def writes(
        self,
        app_name: str,
        user_id: str,
        deltas: Mapping[str, Mapping[str, Json]],
        *,
        state: Callable[[], Mapping[str, Json]] = dict,
    ) -> list[DocumentWrite]:
        """What is to be committed with the session; where that can't be done, it is durable now, and nothing is left.

        `state` gives the session's own, as it was.

        Raises:
            Conflict: 64 attempts met another writer.
            Invalid: the session's own state would be too large, so that what is written first would stand alone.
        """
        found: list[DocumentWrite] = []
        if not (deltas[State.APP_PREFIX] or deltas[State.USER_PREFIX]):
            return found
        if deltas[""] and (size := len(values.encode({**state(), **deltas[""]}))) > STATE_BYTES_MAX:
            msg = f"the state would have {size} bytes, at most {STATE_BYTES_MAX // KIB} KiB; keep large values as artifacts"
            raise Invalid(msg)
        for prefix, user in ((State.APP_PREFIX, None), (State.USER_PREFIX, user_id)):
            delta = deltas[prefix]
            if not delta:
                continue
            key = _key(app_name, user)
            if self.atomic:
                there, version = self._read(key)
                found.append(DocumentWrite(key, values.encode({**there, **delta}), expect=version))
            else:
                self._store.documents.modify(
                    key.name,
                    lambda there, delta=delta: {**(there or {}), **delta},
                    category=key.category,
                    kind=key.kind,
                )
        return found

    def _read(self, key: DocumentKey) -> tuple[dict[str, Any], int]:
        documents = self._store.documents
        while True:
            found = documents.get(key.name, category=key.category, kind=key.kind)
            if found is None:
                return {}, 0
            try:
                loaded = documents.load(key.name, category=key.category, kind=key.kind, version=found.version)
            except NotFound:
                # It was deleted, with its history, between the two looks.
                continue
            return loaded, found.version


def _key(app_name: str, user_id: str | None) -> DocumentKey:
    name = joined("app", app_name) if user_id is None else joined("user", user_id, app_name)
    return DocumentKey(CATEGORY, name, "json")
