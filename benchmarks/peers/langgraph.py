"""LangGraph's savers in their best case: read the latest checkpoint and put one, a turn."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from .peer import Turn


class LangGraph:
    """SqliteSaver, or PostgresSaver where a URL is given."""

    def __init__(self, url: str | None = None) -> None:
        """Measure the database at a URL, else SQLite."""
        self._url = url
        self.name = f"langgraph {'PostgresSaver' if url else 'SqliteSaver'}"

    def open(self, folder: Path) -> None:
        """A saver with one thread."""
        self._exits = contextlib.ExitStack()
        if self._url:
            from langgraph.checkpoint.postgres import PostgresSaver

            self._saver: Any = self._exits.enter_context(PostgresSaver.from_conn_string(self._url))
        else:
            from langgraph.checkpoint.sqlite import SqliteSaver

            self._saver = self._exits.enter_context(SqliteSaver.from_conn_string(str(folder / "graph.db")))
        self._saver.setup()
        self._config: Any = {"configurable": {"thread_id": f"t-{folder.name}", "checkpoint_ns": ""}}
        self._version = 0

    def append(self, turn: Turn) -> None:
        """The latest state read, four messages added, one checkpoint put."""
        self._put([*self._messages(), *messages_of(turn)])

    def fill(self, turns: list[Turn]) -> None:
        """One checkpoint with all of them: one for each would take the square of their number."""
        self._put([message for turn in turns for message in messages_of(turn)])

    def _put(self, messages: list[Any]) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        self._version += 1
        versions = {"messages": f"{self._version:032}.0"}
        checkpoint = {**empty_checkpoint(), "channel_values": {"messages": messages}, "channel_versions": versions}
        self._saver.put(self._config, checkpoint, {"source": "loop", "step": self._version, "parents": {}}, versions)

    def resume(self) -> int:
        """The messages of the latest checkpoint."""
        return len(self._messages())

    def _messages(self) -> list[Any]:
        found = self._saver.get_tuple(self._config)
        return found.checkpoint["channel_values"]["messages"] if found else []

    def close(self) -> None:
        """Thread deleted, connection closed."""
        self._saver.delete_thread(self._config["configurable"]["thread_id"])
        self._exits.close()


def messages_of(turn: Turn) -> list[Any]:
    """A turn as messages of LangChain."""
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    made: list[Any] = []
    for item in turn:
        if item["role"] == "user":
            made.append(HumanMessage(item["text"]))
        elif item["role"] == "tool":
            made.append(ToolMessage(item["text"], tool_call_id=item["call"]))
        else:
            calls = [{"id": item["call"], "name": "read", "args": item["arguments"]}] if "call" in item else []
            made.append(AIMessage(item["text"], tool_calls=calls))
    return made
