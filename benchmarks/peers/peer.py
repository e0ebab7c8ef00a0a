"""What a store must be able to do to be measured: take a turn, give the session back, end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

Turn: TypeAlias = Sequence[dict[str, Any]]
"""Four items: user, call, result, answer; each {"role", "text"} with "call" on the two of the tool."""


class Peer(Protocol):
    """One store with one session."""

    name: str

    def open(self, folder: Path) -> None:
        """A new store in an empty folder, with its session."""
        ...

    def append(self, turn: Turn) -> None:
        """The turn is stored as durably as the store does by default."""
        ...

    def resume(self) -> int:
        """Read the whole session as for the next model call; how many items it has."""
        ...

    def close(self) -> None:
        """Everything is released."""
        ...


class Loop:
    """One event loop for all calls of an asynchronous peer."""

    def __init__(self) -> None:
        """A loop of its own."""
        self._loop = asyncio.new_event_loop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine."""
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        """The loop is closed."""
        self._loop.close()


def make_turn(number: int) -> Turn:
    """One turn of about 6.4 KB, as large as the one that Hansard is measured with."""
    call = f"call-{number}"
    return [
        {"role": "user", "text": f"Look at file {number}, please. " * 8},
        {"role": "assistant", "text": "I'll read it. " * 10, "call": call, "arguments": {"path": f"src/{number}.py"}},
        {"role": "tool", "text": f"line {number % 10_000:04d}\n" * 390, "call": call},
        {"role": "assistant", "text": f"File {number} is as it should be. " * 10},
    ]
