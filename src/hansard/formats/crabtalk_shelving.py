"""What crabtalk's memory file holds beside the archives of sessions: notes and topics, as documents of the store and back.

The text of each is a Markdown document, so that people can read and search it; what else the file says of them (ids,
aliases, times) stands together in one JSON document.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeAlias

from ..errors import HansardError
from ..model.entry import Json
from .crabtalk_memory import ARCHIVE, NOTE, TOPIC, Memories, Memory
from .placing import writable
from .report import ExportReport, FileReport, Refused
from .shelving import content_of, documents_of, put

CATEGORY: Final = "crabtalk"
TABLE: Final = "memory"
"""The JSON document that says what the texts do not."""
FOLDERS: Final = {NOTE: "notes", TOPIC: "topics", ARCHIVE: "archives"}
"""Below the category. An archive that a session names belongs to that session, and is not here."""

Known: TypeAlias = dict[tuple[int, str], dict[str, Json]]


def shelve(store: Any, path: Path, found: Memories, claimed: set[str], *, dry_run: bool) -> FileReport:
    """All that no session has claimed is a document of the store; the report says how many of them are new."""
    report = FileReport(str(path), CATEGORY)
    others = [entry for entry in found.entries if entry.kind != ARCHIVE or entry.name not in claimed]
    if not others:
        return report
    if "documents" not in store.capabilities:
        report.skipped = f"notes and topics, and the {store.backend_name} store keeps no documents"
        return report
    for entry in others:
        category = f"{CATEGORY}/{FOLDERS[entry.kind]}"
        put(store, entry.name, entry.content.encode(), report, category=category, kind="md", dry_run=dry_run)
    rows = [
        {"id": one.id, "kind": FOLDERS[one.kind], "name": one.name, "created_s": one.created_s, "aliases": one.aliases}
        for one in others
    ]
    table: dict[str, Json] = {"next_id": found.next_id, "entries": rows}
    before = store.documents.get(TABLE, category=CATEGORY, kind="json")
    if before is None or store.documents.load(TABLE, category=CATEGORY, kind="json") != table:
        report.documents += 1
        if not dry_run:
            store.documents.save(TABLE, table, category=CATEGORY)
    return report


def unshelve(store: Any, shelf: list[Memory], report: ExportReport) -> int:
    """Add the notes and topics of a store to the entries of a memory file; the next id that the table of them names.

    What is there under the same name and is something else stays, and the document is among the refused.
    """
    known, next_id = _known(store)
    names = {entry.name: entry for entry in shelf}
    numbers = {entry.id for entry in shelf}
    for kind, folder in FOLDERS.items():
        for document in documents_of(store, f"{CATEGORY}/{folder}"):
            key = document.key
            if key.kind != "md":
                continue
            try:
                text = content_of(store, document).decode("utf-8", "replace")
            except HansardError as error:
                report.refused.append(Refused(f"{key.category}/{key.name}", str(error)))
                continue
            there = names.get(key.name)
            if there is not None:
                if (there.kind, there.content) != (kind, text):
                    reason = "the memory file has another entry of this name"
                    report.refused.append(Refused(f"{key.category}/{key.name}", reason))
                continue
            said = known.get((kind, key.name), {})
            entry = _memory(kind, key.name, text, said, taken=numbers, next_id=next_id)
            shelf.append(entry)
            names[entry.name] = entry
            numbers.add(entry.id)
    return next_id


def _memory(kind: int, name: str, text: str, said: dict[str, Json], *, taken: set[int], next_id: int) -> Memory:
    number, created, aliases = said.get("id"), said.get("created_s"), said.get("aliases")
    if type(number) is not int or number < 1 or number in taken:
        number = max(next_id, 1, *(one + 1 for one in taken))
    return Memory(
        number,
        created if type(created) is int and created >= 0 else 0,
        kind,
        name,
        writable(text),
        [str(alias) for alias in aliases] if isinstance(aliases, list) else [],
    )


def _known(store: Any) -> tuple[Known, int]:
    """What the table says, by kind and name, and the next id."""
    table: Json = None
    if "documents" in store.capabilities and store.documents.get(TABLE, category=CATEGORY, kind="json") is not None:
        try:
            table = store.documents.load(TABLE, category=CATEGORY, kind="json")
        except HansardError:
            # An edit by hand has spoilt it: the texts are there all the same, and get new ids.
            table = None
    if not isinstance(table, dict):
        return {}, 1
    rows = table.get("entries")
    numbers = {folder: kind for kind, folder in FOLDERS.items()}
    known: Known = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("kind") in numbers:
            known[numbers[str(row["kind"])], str(row.get("name"))] = row
    next_id = table.get("next_id")
    return known, next_id if type(next_id) is int and 0 < next_id < 2**63 else 1
