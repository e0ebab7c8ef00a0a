"""Whether a folder that a power cut or a failure left is a store with all that was acknowledged, and nothing by halves."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from workload import PICTURE, SECRET

import hansard


class Said(msgspec.Struct):
    """What the program had said when the power went."""

    begun: list[dict[str, Any]]
    done: list[dict[str, Any]]

    @classmethod
    def of(cls, text: bytes) -> Said:
        lines = [json.loads(line) for line in text.splitlines()]
        return cls([one for one in lines if "begin" in one], [one for one in lines if "done" in one])

    def began(self, *what: str) -> list[dict[str, Any]]:
        return [one for one in self.begun if one["begin"] in what]

    def did(self, *what: str) -> list[dict[str, Any]]:
        return [one for one in self.done if one["done"] in what]


PARTS = 8
"""So many tests share the states of one recording."""

COMPARED_S = 60
MAKING = ("create", "fork", "spawn")


def violations(root: Path, said_text: bytes, *, repair: bool = False) -> list[str]:
    """What is wrong with the store; nothing, if all is well."""
    said = Said.of(said_text)
    try:
        with hansard.open(root) as store:
            if repair:
                store.check(repair=True)
            found = [*_judge(store, said), *_goes_on(store), *_outlives(store)]
        if said.did("erase"):
            files = [path for path in root.rglob("*") if path.is_file()]
            found += [f"{path}: the erased text" for path in files if SECRET.encode() in path.read_bytes()]
    except hansard.HansardError as error:
        return [f"{type(error).__name__}: {error}"]
    return found


def _judge(store: hansard.Store, said: Said) -> list[str]:
    # After a power cut every log is compared with the index first; a listing says so as long as that lasts.
    end = time.monotonic() + COMPARED_S
    while not store.find(limit=1).complete:
        if time.monotonic() > end:
            return ["the index is not complete"]
    found = [f"check: {one}" for one in store.check() if one.severity == "damage"]
    gone = {one for deletion in said.did("delete") for one in deletion["tree"]}
    going = {one for deletion in said.began("delete") for one in deletion["tree"]}
    made = {one["session"] for one in said.did(*MAKING)}
    begun = {one["session"] for one in said.began(*MAKING)}
    there = {info.id: info for info in store.sessions(all_kinds=True)}
    found += [f"session {one} is back" for one in gone if store.exists(one)]
    found += [f"session {one} is not listed" for one in made - going if one not in there]
    found += [f"session {one} was never begun" for one in set(there) - begun]
    found += [f"the row of {one} is not its log's" for one in there if there[one] != store.info(one)]
    for session in there:
        found += _judge_session(store, session, said)
    for one in said.did("attach"):
        if store.attachment(one["session"], one["sha256"]) != PICTURE:
            found.append(f"attachment of {one['session']}")
    return found + _judge_documents(store, said)


def _judge_documents(store: hansard.Store, said: Said) -> list[str]:
    """Each document is as its last acknowledged change left it, or as one that had begun after that would have."""
    found: list[str] = []
    changes = said.began("document", "remove")
    for name in {one["name"] for one in changes}:
        begun = [one.get("text") for one in changes if one["name"] == name]
        done = sum(one["name"] == name for one in said.did("document", "remove"))
        possible = [None, *begun][done:]
        if name not in [one.key.name for one in store.documents.list("runs")]:
            shown = None
        else:
            shown = store.documents.load(name, category="runs")
        if shown not in possible:
            found.append(f"document {name}: {shown!r}, not one of {possible}")
    if any(one["documents"] for one in said.did("append")):
        found += [] if store.get("a").documents.load("plan") == "look, then leap" else ["the session's document"]
    return found


def _judge_session(store: hansard.Store, session: str, said: Said) -> list[str]:
    found: list[str] = []
    listed = list(store.get(session).entries())
    if [entry.seq for entry in listed] != list(range(1, len(listed) + 1)):
        found.append(f"{session}: seqs {[entry.seq for entry in listed]}")
    entries = {entry.id: entry for entry in listed}
    if len(entries) != len(listed):
        found.append(f"{session}: ids twice")
    acknowledged = [one["ids"] for one in said.did("append") if one["session"] == session]
    for group in (one for one in said.began("append") if one["session"] == session):
        present = [one for one in group["ids"] if one in entries]
        if present not in ([], group["ids"]):
            found.append(f"{session}: only {present} of {group['ids']}")
        if group["ids"] in acknowledged and not present:
            found.append(f"{session}: {group['ids']} were acknowledged and are gone")
        found += [problem for one in present if (problem := _judge_entry(session, entries[one], group["text"], said))]
    return found


def _judge_entry(session: str, entry: hansard.Entry, text: str, said: Said) -> str:
    if entry.erased:
        return "" if entry.id in [one["id"] for one in said.began("erase")] else f"{session}: {entry.id} is erased"
    if entry.id in [one["id"] for one in said.did("erase") if one["session"] == session]:
        return f"{session}: {entry.id} is not erased"
    right = entry.body["parts"][0]["text"].startswith(f"{text} {entry.id} ")
    return "" if right else f"{session}: {entry.id} has another text"


def _goes_on(store: hansard.Store) -> list[str]:
    """Whether each session takes one more append, and the store is sound after it."""
    for info in list(store.sessions(all_kinds=True)):
        session = store.get(info.id)
        seq = session.seq
        if session.append(hansard.user("after it")) != seq + 1:
            return [f"{info.id}: the append after it has a strange seq"]
    return [f"check after going on: {one}" for one in store.check() if one.severity == "damage"]


def _outlives(store: hansard.Store) -> list[str]:
    """Whether a fork keeps all that it shows when its origin is deleted: so the origin knew of it."""
    if not (store.exists("a") and store.exists("f")):
        return []
    shown = [entry.id for entry in store.get("f").entries()]
    store.delete("a", force=True)
    kept = [entry.id for entry in store.get("f").entries()]
    damage = [f"without its origin: {one}" for one in store.check() if one.severity == "damage"]
    return damage if kept == shown else [*damage, "f: does not outlive a"]


def judged_part(
    chosen: Iterable[Any], judge: Callable[[Any], list[str]], tell: Callable[[str, str], None], *, part: int, what: str
) -> tuple[int, list[str]]:
    """How many states one part has, and what is wrong with them; both are told."""
    count, wrong = 0, []
    for state in itertools.islice(chosen, part, None, PARTS):
        count += 1
        wrong += judge(state)
    tell("told", f"{what}, part {part + 1} of {PARTS}: {count} states of the folder, {len(wrong)} violations")
    return count, wrong
