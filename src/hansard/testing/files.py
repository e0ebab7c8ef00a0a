"""The file backend under test: the way to its bytes past its verbs, as an editor or a disk has it."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import NotFound


class FileBackdoor:
    """A `Backdoor` to the folder of a file store."""

    def __init__(self, root: Path) -> None:
        """Stand behind the store in this folder."""
        # Imported here, as the file backend can't be on every platform where the suite can.
        from ..backends.file.layout import Layout

        self._layout = Layout(root)

    def log(self, session: str) -> bytes:
        """The bytes of the session's log."""
        return self._log(session).read_bytes()

    def replace(self, session: str, data: bytes) -> None:
        """Write other bytes into the log, in its place."""
        path = self._log(session)
        before_ns = path.stat().st_mtime_ns
        path.write_bytes(data)
        # Two writes within one tick of the file system's clock would look like one to who has read the first.
        os.utime(path, ns=(before_ns + 1, before_ns + 1))

    def replace_attachment(self, session: str, sha256: str, data: bytes | None) -> None:
        """Write other bytes into an attachment's file, or remove it."""
        (path,) = (self._log(session).parent / "attachments").glob(f"{sha256}.*")
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)

    def _log(self, session: str) -> Path:
        place = self._layout.find(session)
        if place is None:
            msg = f"nothing stands for session {session!r} in {self._layout.root}"
            raise NotFound(msg)
        return self._layout.log(place)
