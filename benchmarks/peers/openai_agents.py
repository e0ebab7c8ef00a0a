"""The two sessions of the OpenAI Agents SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .peer import Loop, Turn


class OpenAISQLite:
    """SQLiteSession."""

    name = "openai-agents SQLiteSession"

    def open(self, folder: Path) -> None:
        """A database file."""
        from agents import SQLiteSession

        self._loop = Loop()
        self._session = SQLiteSession("s", folder / "agents.db")

    def append(self, turn: Turn) -> None:
        """One add_items."""
        self._loop.run(self._session.add_items(items_of(turn)))

    def resume(self) -> int:
        """All items."""
        return len(self._loop.run(self._session.get_items()))

    def close(self) -> None:
        """Closed."""
        self._session.close()
        self._loop.close()


class OpenAISQLAlchemy:
    """SQLAlchemySession, on SQLite or PostgreSQL."""

    def __init__(self, url: str | None = None) -> None:
        """Measure the database at a URL, else SQLite."""
        self._url = url
        self.name = f"openai-agents SQLAlchemySession ({'PostgreSQL' if url else 'SQLite'})"

    def open(self, folder: Path) -> None:
        """Tables and engine."""
        from agents.extensions.memory import SQLAlchemySession

        self._loop = Loop()
        url = self._url or f"sqlite+aiosqlite:///{folder}/alchemy.db"
        self._session = SQLAlchemySession.from_url(f"s-{folder.name}", url=url, create_tables=True)

    def fill(self, turns: list[Turn]) -> None:
        """Many turns an add_items."""
        for start in range(0, len(turns), 25):
            many = [item for turn in turns[start : start + 25] for item in items_of(turn)]
            self._loop.run(self._session.add_items(many))

    def append(self, turn: Turn) -> None:
        """One add_items."""
        self._loop.run(self._session.add_items(items_of(turn)))

    def resume(self) -> int:
        """All items."""
        return len(self._loop.run(self._session.get_items()))

    def close(self) -> None:
        """Engine disposed of; the session's rows are removed."""
        self._loop.run(self._session.clear_session())
        self._loop.run(self._session.engine.dispose())
        self._loop.close()


def items_of(turn: Turn) -> list[Any]:
    """A turn as input items of the Responses API."""
    items: list[Any] = []
    for item in turn:
        if item["role"] == "tool":
            items.append({"type": "function_call_output", "call_id": item["call"], "output": item["text"]})
            continue
        items.append({"role": item["role"], "content": item["text"]})
        if "call" in item:
            arguments = json.dumps(item["arguments"])
            items.append({"type": "function_call", "call_id": item["call"], "name": "read", "arguments": arguments})
    return items
