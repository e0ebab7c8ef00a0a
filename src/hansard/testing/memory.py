"""The memory backend under test: a medium that starts empty, and the way to its lines past its verbs."""

# ruff: noqa: SLF001 - a backdoor opens what is closed
from __future__ import annotations

from ..backends.memory import MemoryBackend


class MemoryBackdoor:
    """A `Backdoor` to a MemoryBackend."""

    def __init__(self, backend: MemoryBackend) -> None:
        """Stand behind this backend."""
        self._shelf = backend._shelf  # pyright: ignore[reportPrivateUsage]

    def log(self, session: str) -> bytes:
        """The bytes of the session's own log."""
        return b"".join(self._shelf.log(session).lines)

    def replace(self, session: str, data: bytes) -> None:
        """Store other bytes as the session's own log, and have everything that follows from it computed anew."""
        pieces = data.split(b"\n")
        lines = [piece + b"\n" for piece in pieces[:-1]]
        log = self._shelf.log(session)
        log.lines = [*lines, pieces[-1]] if pieces[-1] else lines
        log.fold = None

    def replace_attachment(self, session: str, sha256: str, data: bytes | None) -> None:
        """Store other bytes under an attachment's hash, or take it away."""
        files = self._shelf.log(session).files
        files.pop(sha256)
        if data is not None:
            files[sha256] = data
