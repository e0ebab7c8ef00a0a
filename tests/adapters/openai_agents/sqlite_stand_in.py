"""A pytest plug-in: the SDK's own tests, with its SQLiteSession replaced by HansardSession.

    python -m pytest -p sqlite_stand_in tests/memory/test_session_limit.py      (in the unpacked sdist of openai-agents)

It takes SQLiteSession's arguments; a database file becomes a folder beside it, `:memory:` a store in memory.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import agents
import agents.memory
import agents.memory.sqlite_session

with contextlib.suppress(ImportError):
    # It asks whether it wraps SQLiteSession itself, whose private parts it then uses: ours has to be another class to it.
    import agents.extensions.memory.encrypt_session

from hansard.adapters.openai_agents import HansardSession


class SQLiteSession(HansardSession):
    """HansardSession with the arguments of SQLiteSession."""

    def __init__(
        self,
        session_id,
        db_path=":memory:",
        sessions_table="agent_sessions",
        messages_table="agent_messages",
        session_settings=None,
    ):
        del sessions_table, messages_table
        self.db_path = db_path
        place = "memory:" if str(db_path) == ":memory:" else Path(f"{db_path}.hansard")
        super().__init__(session_id, place, session_settings=session_settings)


for module in (agents, agents.memory, agents.memory.sqlite_session):
    module.SQLiteSession = SQLiteSession
