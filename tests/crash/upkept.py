"""Whether a folder that a power cut left while `upkeep` ran has everything that it had said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from upkeep import PICTURE

import hansard

COMPARED_S = 60


class Facts:
    """What had been said, by what it is about; a later fact about the same is added or takes the place."""

    def __init__(self, text: bytes) -> None:
        self.stores: list[str] = []
        self.heads: dict[str, dict[str, Any]] = {}
        self.attached: set[tuple[str, str]] = set()
        self.nowhere: list[tuple[str, str]] = []
        self.kept: list[str] = []
        self.documents: dict[str, str] = {}
        self.numbers: list[int] = []
        self.damaged: list[str] = []
        self.tenant = self.empty = ""
        self.backups: list[tuple[str, dict[str, Any]]] = []
        for line in text.splitlines():
            said = json.loads(line)
            for lifted in said.get("lifts", ()):
                self._lift(lifted)
            for about, value in said.get("facts", {}).items():
                getattr(self, f"_on_{about}")(value)

    def _lift(self, what: str) -> None:
        about, _, store = what.partition(" ")
        if about == "heads":
            self.heads.pop(store, None)
        elif about == "attached":
            self.attached = {one for one in self.attached if one[0] != store}
        else:
            setattr(self, about, "")

    def _on_store(self, value: str) -> None:
        self.stores.append(value)

    def _on_heads(self, value: Any) -> None:
        self.heads.setdefault(value[0], {}).update(value[1])

    def _on_attached(self, value: Any) -> None:
        self.attached.add((value[0], value[1]))

    def _on_nowhere(self, value: Any) -> None:
        self.nowhere.append((value[0], value[1]))

    def _on_kept(self, value: Any) -> None:
        self.kept += value[1:]

    def _on_document(self, value: Any) -> None:
        self.documents[value[1]] = value[2]

    def _on_number(self, value: int) -> None:
        self.numbers.append(value)

    def _on_damaged(self, value: list[str]) -> None:
        self.damaged = value

    def _on_tenant(self, value: str) -> None:
        self.tenant = value

    def _on_empty(self, value: str) -> None:
        self.empty = value

    def _on_backup(self, value: Any) -> None:
        self.backups.append((value[0], value[1]))


def violations(root: Path, said: bytes) -> list[str]:
    """What is wrong in the folder; nothing, if all is well."""
    facts = Facts(said)
    found: list[str] = []
    for name in facts.stores:
        try:
            with hansard.open(root / name, create=False) as store:
                found += [f"{name}: {one}" for one in _judge(store, name, facts)]
        except hansard.HansardError as error:
            found.append(f"{name}: {type(error).__name__}: {error}")
    files = [path for path in root.rglob("*") if path.is_file()]
    for name, text in facts.nowhere:
        inside = (path for path in files if path.is_relative_to(root / name))
        found += [f"{path} has what was erased" for path in inside if text.encode() in path.read_bytes()]
    for text in facts.kept:
        if not any(text.encode() in path.read_bytes() for path in files if _is_aside(path)):
            found.append(f"not set aside: {text[:60]}")
    for name, sessions in facts.backups:
        found += _judge_backup(root / name, root / "restored", sessions)
    return found


def _is_aside(path: Path) -> bool:
    return "quarantine" in path.parts or ".torn-" in path.name


def _judge(store: hansard.Store, name: str, facts: Facts) -> Iterator[str]:
    end = time.monotonic() + COMPARED_S
    while not store.find(limit=1).complete:
        if time.monotonic() > end:
            yield "the index is not complete"
            return
    heads = facts.heads.get(name, {})
    for one in store.check(heads=heads):
        if one.severity == "damage" and one.session not in facts.damaged:
            yield f"check: {one}"
    there = {info.id for info in store.sessions(all_kinds=True)}
    yield from (f"session {one} is not listed" for one in heads if one not in there)
    if facts.empty == name and there:
        yield f"after the reset there are {there}"
    for _, session in (one for one in facts.attached if one[0] == name):
        entry = next(entry for entry in store.get(session).entries() if entry.kind == "attachment")
        if store.attachment(session, entry.body["sha256"]) != PICTURE:
            yield f"the attachment of {session}"
    if name == "here":
        yield from _judge_here(store, facts)
    for session in heads:
        store.get(session).append(hansard.user("goes on"))
    if {"x", "y"} <= heads.keys():
        store.delete("x", force=True)
        yield from (f"without its origin: {one}" for one in store.check("y") if one.severity == "damage")


def _judge_here(store: hansard.Store, facts: Facts) -> Iterator[str]:
    for document, text in facts.documents.items():
        if store.documents.load(document, category="k") != text:
            yield f"document {document}"
    if facts.numbers and (number := store.create(agent="n", user="u").info.number) in facts.numbers:
        yield f"number {number} is given twice"
    if facts.tenant and not store.tenant("t").exists(facts.tenant):
        yield "the tenant's session is gone"


def _judge_backup(place: Path, to: Path, sessions: dict[str, Any]) -> Iterator[str]:
    to = to / place.name
    try:
        with hansard.open(to) as store:
            store.restore(place)
            yield from (f"backup: {one}" for one in store.check(heads=sessions) if one.severity == "damage")
    except hansard.HansardError as error:
        yield f"{place}: {type(error).__name__}: {error}"
