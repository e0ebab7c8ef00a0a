"""The store that two calls meet in, the calls, and all that its users see of it afterwards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import hansard

Call = Callable[[hansard.Store, Path], Any]

LONG_S = 60
"""Longer than any call takes."""
PICTURE = b"\x89PNG\r\n a picture"
SHA = sha256(PICTURE).hexdigest()


def make(root: Path) -> None:
    """An origin with a picture and a document, two forks and a child of it, documents, and a session nobody touches."""
    with hansard.open(root) as store:
        origin = store.create(id="o", agent="a", user="u")
        origin.append([hansard.user("one"), hansard.user("two")])
        origin.attach(PICTURE, mime="image/png")
        origin.append(hansard.user("three"), documents={"plan": "look"})
        store.fork("o", id="f").append(hansard.user("in the fork"))
        store.fork("o", id="g", at=2)
        origin.spawn(id="c", agent="h").append(hansard.user("in the child"))
        store.create(id="t").append(hansard.user("untouched"))
        store.documents.save("d", "first", category="k")
        store.documents.save("d", "second", category="k")
        store.search("one")
    with hansard.open(root.parent / "elsewhere") as store:
        store.create(id="x").append(hansard.user("from elsewhere"))
        store.create(id="o", agent="a", user="u").append([hansard.user("anew"), hansard.user("again")])


def shown(store: hansard.Store) -> dict[str, Any]:
    """All of a store that its users see, in values that can be compared; once its index is complete."""
    end = time.monotonic() + LONG_S
    while not store.find(limit=1).complete or not store.search("two").complete:
        assert time.monotonic() < end, "the index never is complete"
    ids = [info.id for info in store.sessions(all_kinds=True)]
    return {
        "check": sorted(f"{one.session}: {one.severity}: {one.message.split('/')[-1][:60]}" for one in store.check()),
        "listed": sorted(_plain(one) for one in ids),
        "sessions": {_plain(one): _session(store, one) for one in ids},
        "documents": sorted(
            [one.key.name, one.version, store.documents.load(one.key.name, category=one.key.category)]
            for one in store.documents.list()
        ),
        "hits": hits(store.search("two")),
    }


def _plain(text: str) -> str:
    """Without what was drawn at random."""
    return re.sub("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|[0-9a-f]{12,}", "…", text)


def _session(store: hansard.Store, name: str) -> Any:
    try:
        session = store.get(name)
        info = session.info
        files = [
            session.attachment(one.body["sha256"]) for one in session.entries(kinds="attachment") if not one.erased
        ]
        return [texts(session), [one.text for one in session.history()], info.seq, info.title, info.status, len(files)]
    except hansard.HansardError as error:
        return type(error).__name__


def texts(session: hansard.Session) -> list[Any]:
    """Number, kind and text of every entry."""
    found = []
    for entry in session.entries():
        parts = entry.body.get("parts") if isinstance(entry.body, dict) else None
        text = parts[0].get("text") if parts else None
        found.append([entry.seq, entry.kind, "erased" if entry.erased else text])
    return found


def hits(page: Any) -> Any:
    """Where something was found; None if the index was not up to date, which may be while it is made anew."""
    return sorted([_plain(hit.session), hit.seq] for hit in page.items) if page.complete else None


def leftovers(root: Path) -> list[str]:
    """Files of calls that were not ended."""
    names = (str(path.relative_to(root)) for path in root.rglob("*"))
    kept = re.compile(r"\.new-|\.torn|^trash/|^arriving/|^quarantine/|resetting")
    return sorted(_plain(name) for name in names if kept.search(name))


def locks_kept(root: Path) -> list[str]:
    """Files that somebody still holds a lock on; not the notes of writers, nor what belongs to the index.

    A thread of the store may be at work on that at any time.
    """
    kept = []
    for path in root.rglob("*"):
        beside = path.parent.name == "writers" or path.name.startswith(("index.", "search."))
        if path.is_file() and path.suffix in ("", ".jsonl", ".lock") and not beside:
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    kept.append(str(path.relative_to(root)))
    return kept


def open_files(root: Path) -> list[str]:
    """Files below a folder that this process has open."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(fd.readlink()))
    return [path for path in found if path.startswith(str(root))]


# -- calls -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _other(root: Path) -> Iterator[hansard.Store]:
    with hansard.open(root.parent / f"other-{os.urandom(6).hex()}") as store:
        yield store


def _copied_in(store: hansard.Store, root: Path) -> Any:
    with hansard.open(root.parent / "elsewhere") as other:
        return len(other.copy("x", store))


def _copied_out(store: hansard.Store, root: Path) -> Any:
    with _other(root) as other:
        store.copy("o", other)
        return shown(other)


def _backed_up(store: hansard.Store, root: Path) -> Any:
    to = root.parent / f"backup-{os.urandom(6).hex()}"
    failed = store.backup(to).failed
    with _other(root) as other:
        other.restore(to)
        return [sorted(one.session for one in failed), shown(other)]


def _appended(store: hansard.Store, session: str, text: str, **more: Any) -> int:
    return store.get(session).append(hansard.user(text), **more)


READS: dict[str, Call] = {
    "info": lambda s, _: s.info("o").seq,
    "entries": lambda s, _: [entry.seq for entry in s.get("o").entries()],
    "entries of a fork": lambda s, _: texts(s.get("f")),
    "last of a fork": lambda s, _: [entry.seq for entry in s.get("f").entries(newest_first=True)],
    "history of a fork": lambda s, _: [one.text for one in s.get("f").history()],
    "attachment": lambda s, _: len(s.get("o").attachment(SHA)),
    "attachment of a fork": lambda s, _: len(s.get("f").attachment(SHA)),
    "children": lambda s, _: sorted(one.id for one in s.get("o").children(recursive=True)),
    "wait": lambda s, _: s.get("o").wait(after=0, timeout_s=0.01),
    "find": lambda s, _: sorted([_plain(one.id), one.seq] for one in s.find(all_kinds=True).items),
    "search": lambda s, _: hits(s.search("two")),
    "search in one": lambda s, _: hits(s.search("two", session="o")),
    "document": lambda s, _: s.documents.load("d", category="k"),
    "old document": lambda s, _: s.documents.load("d", category="k", version=1),
    "documents": lambda s, _: [[one.key.name, one.version] for one in s.documents.list()],
    "document of a session": lambda s, _: s.get("o").documents.load("plan"),
    "copy out": _copied_out,
    "backup": _backed_up,
    "check": lambda s, _: [one.message for one in s.check() if one.severity == "damage"],
    "heads": lambda s, _: sorted(_plain(one) for one in s.heads()),
    "health": lambda s, _: s.health().ok,
}

WRITES: dict[str, Call] = {
    "append": lambda s, _: _appended(s, "o", "more"),
    "append with a key": lambda s, _: _appended(s, "o", "keyed", key="k", state={"x": 1}),
    "append if": lambda s, _: _appended(s, "o", "expected", expect=6),
    "append to a fork": lambda s, _: s.get("f").append(hansard.user("more", id="i")),
    "append to a child": lambda s, _: _appended(s, "c", "more"),
    "append a document": lambda s, _: _appended(s, "o", "with it", documents={"plan": "leap"}),
    "amend in a fork": lambda s, _: s.get("f").amend(2, "changed"),
    "rewind a fork": lambda s, _: s.get("f").rewind(to=2),
    "modify": lambda s, _: s.get("o").modify(lambda draft: draft.set(title="T")),
    "lease": lambda s, _: s.get("o").lease("me").fence,
    "attach": lambda s, _: s.get("o").attach(b"new", mime="text/plain", record=False).size,
    "attach again": lambda s, _: s.get("o").attach(PICTURE, mime="image/png", record=False).size,
    "create": lambda s, _: s.create(id="n", entries=[hansard.user("hello")]).id,
    "create what is there": lambda s, _: s.create(id="o").id,
    "get or create": lambda s, _: s.get_or_create("n", entries=[hansard.user("hello")]).id,
    "get or create one of a pair": lambda s, _: s.get_or_create(agent="a", user="u").id == "o",
    "fork": lambda s, _: s.fork("o", id="n").id,
    "fork earlier": lambda s, _: s.fork("o", id="n", at=2).id,
    "fork a fork": lambda s, _: s.fork("f", id="n", at=2).id,
    "fork a child": lambda s, _: s.fork("c", id="n").id,
    "spawn": lambda s, _: bool(s.get("o").spawn(name="r", agent="x").id),
    "spawn below a child": lambda s, _: s.get("c").spawn(id="n").id,
    "erase": lambda s, _: list(s.get("o").erase(3).seqs),
    "delete": lambda s, _: s.delete("o", force=True),
    "delete a child": lambda s, _: s.delete("c", force=True),
    "delete a fork": lambda s, _: s.delete("f", force=True),
    "delete what begins": lambda s, _: s.delete("n", force=True),
    "delete what arrives": lambda s, _: s.delete("x", force=True),
    "copy in": _copied_in,
    "put a document": lambda s, _: s.documents.save("d", "third", category="k").version,
    "put a new document": lambda s, _: s.documents.save("e", "fresh", category="k/l").version,
    "delete a document": lambda s, _: s.documents.delete("d", category="k"),
    "forget a document": lambda s, _: s.documents.delete("d", category="k", history=True),
    "garbage": lambda s, _: [one.name for one in s.collect_garbage()],
    "cleanup": lambda s, _: list(s.cleanup("all").deleted),
    "reindex": lambda s, _: s.reindex() is None,
    "reset": lambda s, _: s.reset(force=True) >= 0,
}

CALLS = {**READS, **WRITES}


# -- what is done by hand, whoever holds a lock ------------------------------------------------------------------------


def _moved(_: hansard.Store, root: Path) -> None:
    (root / "sessions/o").rename(root.parent / "moved")


def _another(_: hansard.Store, root: Path) -> None:
    (root / "sessions/o").rename(root.parent / "moved")
    shutil.copytree(root.parent / "elsewhere/sessions/o", root / "sessions/o")


def _no_index(_: hansard.Store, root: Path) -> None:
    for name in ("index.db", "index.db-wal", "index.db-shm", "search.db", "search.db-wal", "search.db-shm"):
        (root / name).unlink(missing_ok=True)


def _rubbish(_: hansard.Store, root: Path) -> None:
    for name in ("index.db", "search.db"):
        (root / f"{name}.rubbish").write_bytes(b"rubbish" * 1000)
        (root / f"{name}.rubbish").rename(root / name)


def _no_picture(_: hansard.Store, root: Path) -> None:
    for path in (root / "sessions/o/attachments").glob(f"{SHA}.*"):
        path.unlink()


BY_HAND: dict[str, Call] = {
    "the folder is moved away": _moved,
    "another session takes the place": _another,
    "the index is removed": _no_index,
    "the index is rubbish": _rubbish,
    "a file is removed": _no_picture,
    "a document is removed": lambda _, root: (root / "documents/k/d.md").unlink(),
    "the log is removed": lambda _, root: (root / "sessions/o/log.jsonl").unlink(),
}
