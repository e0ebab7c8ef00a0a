"""Hansard, and the floor below every store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import hansard

from .peer import Turn


class Floor:
    """One write and one fdatasync of a turn's JSON."""

    name = "floor: write and fdatasync"

    def open(self, folder: Path) -> None:
        """A file."""
        self._path = folder / "floor.jsonl"
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, turn: Turn) -> None:
        """Written and synced."""
        os.write(self._fd, b"".join(json.dumps(item).encode() + b"\n" for item in turn))
        os.fdatasync(self._fd)

    def resume(self) -> int:
        """Every line decoded."""
        with self._path.open("rb") as lines:
            return len([json.loads(line) for line in lines])

    def close(self) -> None:
        """Closed."""
        os.close(self._fd)


class Hansard:
    """This store: the file backend, or PostgreSQL where a URL is given."""

    def __init__(self, url: str | None = None) -> None:
        """Measure the store at a URL, else one in the folder."""
        self._url = url
        self.name = "hansard (PostgreSQL)" if url else "hansard (files)"

    def open(self, folder: Path) -> None:
        """A store with one session."""
        self._store = hansard.open(self._url or folder / "store")
        self._session = self._store.create()

    def fill(self, turns: list[Turn]) -> None:
        """Many turns an append."""
        for start in range(0, len(turns), 25):
            self._session.append([entry_of(item) for turn in turns[start : start + 25] for item in turn])

    def append(self, turn: Turn) -> None:
        """One append of four entries."""
        self._session.append([entry_of(item) for item in turn])

    def resume(self) -> int:
        """What would be sent to a model."""
        return len(self._session.history())

    def close(self) -> None:
        """Closed; in a database the session is removed."""
        if self._url:
            self._session.delete(force=True)
        self._store.close()


def entry_of(item: dict[str, object]) -> hansard.NewEntry:
    """An item of a turn as an entry."""
    text = str(item["text"])
    if item["role"] == "user":
        return hansard.user(text)
    if item["role"] == "tool":
        return hansard.tool(str(item["call"]), text)
    calls = [hansard.tool_call(str(item["call"]), "read", item["arguments"])] if "call" in item else []
    return hansard.assistant([hansard.text(text), *calls])
