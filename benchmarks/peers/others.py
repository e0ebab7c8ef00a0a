"""Strands, LangChain's two histories and agno."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .langgraph import messages_of
from .peer import Turn


class Strands:
    """FileSessionManager: one file a message."""

    name = "strands FileSessionManager"

    def open(self, folder: Path) -> None:
        """A session with one agent."""
        from strands.session.file_session_manager import FileSessionManager
        from strands.types.session import SessionAgent

        self._manager = FileSessionManager("s", storage_dir=str(folder))
        self._manager.create_agent("s", SessionAgent("a", state={}, conversation_manager_state={}))
        self._count = 0

    def append(self, turn: Turn) -> None:
        """Four messages, one after another."""
        from strands.types.session import SessionMessage

        for item in turn:
            message: Any = {
                "role": "user" if item["role"] == "user" else "assistant",
                "content": [{"text": item["text"]}],
            }
            self._manager.create_message("s", "a", SessionMessage(message, self._count))
            self._count += 1

    def resume(self) -> int:
        """All messages."""
        return len(self._manager.list_messages("s", "a"))

    def close(self) -> None:
        """Nothing is held."""


class LangChain:
    """SQLChatMessageHistory or FileChatMessageHistory."""

    def __init__(self, kind: str) -> None:
        """`kind` is sql or file."""
        self._kind = kind
        self.name = f"langchain {'SQLChatMessageHistory' if kind == 'sql' else 'FileChatMessageHistory'}"

    def open(self, folder: Path) -> None:
        """A history."""
        from langchain_community import chat_message_histories as histories

        if self._kind == "sql":
            self._history: Any = histories.SQLChatMessageHistory("s", connection=f"sqlite:///{folder}/chain.db")
        else:
            self._history = histories.FileChatMessageHistory(str(folder / "chain.json"))

    def append(self, turn: Turn) -> None:
        """Four messages in one call."""
        self._history.add_messages(messages_of(turn))

    def resume(self) -> int:
        """All messages."""
        return len(self._history.messages)

    def close(self) -> None:
        """The engine is disposed of."""
        engine = getattr(self._history, "engine", None)
        if engine is not None:
            engine.dispose()


class Agno:
    """SqliteDb: a run a turn."""

    name = "agno SqliteDb"

    def open(self, folder: Path) -> None:
        """A database with one session."""
        from agno.db.sqlite import SqliteDb
        from agno.session.agent import AgentSession

        self._db = SqliteDb(db_file=str(folder / "agno.db"))
        self._session = AgentSession(session_id="s", agent_id="a", runs=[])
        self._db.upsert_session(self._session)
        self._runs = 0

    def append(self, turn: Turn) -> None:
        """One more run, and the session's own row."""
        from agno.models.message import Message
        from agno.run.agent import RunOutput

        messages = [Message(role=item["role"], content=item["text"]) for item in turn]
        run = RunOutput(run_id=f"r{self._runs}", agent_id="a", session_id="s", messages=messages)
        self._db.upsert_run(run, "s", run_index=self._runs)
        self._runs += 1
        self._db.upsert_session(self._session)

    def resume(self) -> int:
        """The messages of all runs."""
        from agno.db.base import SessionType

        found: Any = self._db.get_session("s", SessionType.AGENT)
        return sum(len(run.messages) for run in found.runs)

    def close(self) -> None:
        """Closed."""
        self._db.close()
