"""Puts HansardSessionStore where the SDK's own tests take their store in memory from, with the looks inside they use."""

from __future__ import annotations

import claude_agent_sdk
import claude_agent_sdk._internal.session_store as inner

import hansard
from hansard.adapters.claude import MTIME, HansardSessionStore


class InMemorySessionStore(HansardSessionStore):
    """Each one has a store of its own."""

    def __init__(self):
        super().__init__(hansard.open("memory:"))

    def get_entries(self, key):
        return list(self._entries(key))

    @property
    def size(self):
        return sum(info.state.get(MTIME) is not None for info in self.store.sessions(kind="root"))

    def clear(self):
        for info in list(self.store.sessions(kind="root")):
            self.store.delete(info.id)


claude_agent_sdk.InMemorySessionStore = inner.InMemorySessionStore = InMemorySessionStore
