"""What an import did, file by file: values that a program can read and a person can be told."""

from __future__ import annotations

import msgspec


class SessionReport(msgspec.Struct):
    """One session that a file holds."""

    id: str
    added: int = 0
    """Entries written by this run."""
    entries: int = 0
    """Entries of the session now."""
    already: int = 0
    """Lines of the file that were there before."""
    lines: int = 0
    """Lines of the file that belong to this session."""
    source: str = ""
    """The id that it has in its directory, where that is one of a store."""
    note: str = ""
    """Set where the session did not get the id, or the parent, that the file names."""


class Unreadable(msgspec.Struct):
    """A line that was kept, but not understood."""

    line: int
    reason: str


class Damage(msgspec.Struct):
    """Something in a file that could not be read or kept, while the rest came in."""

    place: str
    """Line and column, a byte, or the path of a member: as near as can be told."""
    reason: str


class FileReport(msgspec.Struct):
    """One file. With `skipped`, nothing of it was imported and that is why."""

    path: str
    format: str = ""
    sessions: list[SessionReport] = []
    unreadable: list[Unreadable] = []
    torn: int = 0
    """Number of a last line without its newline that does not parse: not imported, the file may still be written."""
    skipped: str = ""
    damage: list[Damage] = []
    """What in the file is not as its format demands, with place and reason."""
    notes: list[str] = []
    """What a person should know: where something went, what was mapped or masked."""
    documents: int = 0
    """Documents of the store that were written for this file, as new ones or new versions."""

    @property
    def added(self) -> int:
        """Entries and documents written for this file."""
        return sum(session.added for session in self.sessions) + self.documents


class ImportReport(msgspec.Struct):
    """A whole import."""

    files: list[FileReport] = []
    dry_run: bool = False

    @property
    def added(self) -> int:
        """Entries written."""
        return sum(file.added for file in self.files)

    @property
    def damaged(self) -> bool:
        """Some file holds damage."""
        return any(file.damage for file in self.files)

    @property
    def totals(self) -> dict[str, int]:
        """Counts over all files: files, skipped, sessions, lines, added, already, unreadable, torn, damaged, documents."""
        sessions = [session for file in self.files for session in file.sessions]
        return {
            "files": len(self.files),
            "skipped": sum(bool(file.skipped) for file in self.files),
            "sessions": len({session.id for session in sessions}),
            "lines": sum(session.lines for session in sessions),
            "added": self.added,
            "already": sum(session.already for session in sessions),
            "unreadable": sum(len(file.unreadable) for file in self.files),
            "torn": sum(bool(file.torn) for file in self.files),
            "damaged": sum(bool(file.damage) for file in self.files),
            "documents": sum(file.documents for file in self.files),
        }

    def to_json(self) -> dict[str, object]:
        """The report as a JSON object, totals included."""
        return {**msgspec.to_builtins(self), "totals": self.totals}


class Written(msgspec.Struct):
    """One session that was written as files."""

    id: str
    files: list[str]
    """Paths within the folder."""
    notes: list[str] = []
    """What the format could not take as it is, and what it became."""


class Refused(msgspec.Struct):
    """One session of which nothing was written."""

    id: str
    reason: str


class ExportReport(msgspec.Struct):
    """A whole export into a directory."""

    format: str
    folder: str
    written: list[Written] = []
    refused: list[Refused] = []
    documents: list[str] = []
    """Files of documents that belong to no session."""
