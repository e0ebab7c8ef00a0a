"""The two session services of Google's ADK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .peer import Loop, Turn


class Adk:
    """SqliteSessionService or DatabaseSessionService."""

    def __init__(self, kind: str, url: str | None = None) -> None:
        """`kind` is sqlite or database."""
        self._kind = kind
        self._url = url
        where = " (PostgreSQL)" if url else ""
        self.name = f"google-adk {'SqliteSessionService' if kind == 'sqlite' else 'DatabaseSessionService'}{where}"

    def open(self, folder: Path) -> None:
        """A service with one session."""
        self._loop = Loop()
        if self._kind == "sqlite":
            from google.adk.sessions.sqlite_session_service import SqliteSessionService

            self._service: Any = SqliteSessionService(str(folder / "adk.db"))
        else:
            from google.adk.sessions.database_session_service import DatabaseSessionService

            self._service = DatabaseSessionService(self._url or f"sqlite+aiosqlite:///{folder}/adk-alchemy.db")
        self._key = {"app_name": "bench", "user_id": "u"}
        self._session = self._loop.run(self._service.create_session(**self._key))

    def append(self, turn: Turn) -> None:
        """Four events, one after another: there is no batch."""
        for event in events_of(turn):
            self._loop.run(self._service.append_event(self._session, event))

    def resume(self) -> int:
        """The session with all its events."""
        found = self._loop.run(self._service.get_session(**self._key, session_id=self._session.id))
        return len(found.events)

    def close(self) -> None:
        """Session deleted, engine disposed of."""
        self._loop.run(self._service.delete_session(**self._key, session_id=self._session.id))
        engine = getattr(self._service, "db_engine", None)
        if engine is not None:
            self._loop.run(engine.dispose())
        self._loop.close()


def events_of(turn: Turn) -> list[Any]:
    """A turn as events."""
    from google.adk.events import Event
    from google.genai import types

    made: list[Any] = []
    for item in turn:
        parts = [types.Part(text=item["text"])]
        if "arguments" in item:
            parts.append(types.Part(function_call=types.FunctionCall(name="read", args=item["arguments"])))
        content = types.Content(role="user" if item["role"] == "user" else "model", parts=parts)
        made.append(Event(author="user" if item["role"] == "user" else "agent", content=content))
    return made
