"""A program that looks after stores: copies, archives, backups, repairs, erasures, a reset; and says what must be there since.

Each step says facts once it is acknowledged. A fact holds in every folder that a power cut leaves from then on, until a
step begins that lifts it.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workload import on_standard_output

import hansard
from hansard.formats.archive import read_archive, write_archive

SECRET = "the-word-that-was-erased"
PICTURE = b"\x89PNG\r\n" + bytes(range(256)) * 8
HALF = b'{"seq":2,"id":"half of a line that a writer left'


class Stores:
    """The stores below one folder, and what is said of them."""

    def __init__(self, root: str, say: Callable[[bytes], Any]) -> None:
        self.root = Path(root)
        self._say = say
        self._open: dict[str, hansard.Store] = {}

    def __getitem__(self, name: str) -> hansard.Store:
        if name not in self._open:
            with self.step(name, store=name):
                self._open[name] = hansard.open(self.root / name)
        return self._open[name]

    def step(self, name: str, *, lifts: tuple[str, ...] = (), **facts: Any) -> _Step:
        """Do something inside; what `facts` name is so afterwards, and what `lifts` names need not be so any more."""
        return _Step(self._tell, name, lifts, facts)

    def _tell(self, said: dict[str, Any]) -> None:
        self._say(json.dumps(said).encode() + b"\n")

    def heads(self, store: str, *sessions: str) -> dict[str, Any]:
        """The heads of sessions, which stay in their logs."""
        there = self[store].heads()
        return {one: there[one] for one in sessions}

    def close(self) -> None:
        for store in self._open.values():
            store.close()


class _Step:
    """One step; facts may still be added while it is done."""

    def __init__(
        self, tell: Callable[[dict[str, Any]], None], name: str, lifts: tuple[str, ...], facts: dict[str, Any]
    ) -> None:
        self._tell = tell
        self._name = name
        self._lifts = lifts
        self.facts = facts

    def __enter__(self) -> dict[str, Any]:
        self._tell({"begin": self._name, "lifts": self._lifts})
        return self.facts

    def __exit__(self, *failed: object) -> None:
        if failed[0] is None:
            self._tell({"done": self._name, "facts": self.facts})


def left_by_a_writer(path: Path, data: bytes, *, flags: int = os.O_APPEND) -> None:
    """Bytes that have long been on the medium."""
    for folder in reversed([one for one in path.parents if not one.exists()]):
        folder.mkdir()
        _synced(folder.parent, os.O_RDONLY)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o600)
    os.write(fd, data)
    os.fsync(fd)
    os.close(fd)
    _synced(path.parent, os.O_RDONLY)


def _synced(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    os.fsync(fd)
    os.close(fd)


def copies(stores: Stores) -> None:
    """Trees, forks, residents and the rest of a log come from another store; what is erased there goes here, too."""
    there, here = stores["there"], stores["here"]
    x = there.create(id="x", agent="a", user="u", entries=[hansard.user("one")])
    x.attach(PICTURE, mime="image/png")
    x.append(hansard.user(SECRET))
    x.spawn(name="r", agent="helper").append(hansard.user("in the child"))
    with stores.step("copy") as facts:
        copied = [one.id for one in there.copy("x", here)]
        facts["heads"] = ["here", stores.heads("here", *copied)]
        facts["attached"] = ["here", "x"]
    here.search("word")
    with stores.step("erasing copy") as facts:
        x.erase(4)
        there.copy("x", here)
        facts["heads"] = ["here", stores.heads("here", "x")]
        facts["nowhere"] = ["here", SECRET]
    there.fork("x", id="y").append(hansard.user("in the fork"))
    with stores.step("copy of a fork") as facts:
        there.copy("y", here)
        facts["heads"] = ["here", stores.heads("here", "y")]
    with stores.step("deletion of an origin") as facts:
        there.delete("x", force=True)
        facts["heads"] = ["there", stores.heads("there", "y")]
        facts["attached"] = ["there", "y"]
    with stores.step("copy of a fork whose origin is gone") as facts:
        there.copy("y", stores["third"])
        facts["heads"] = ["third", stores.heads("third", "y")]
        facts["attached"] = ["third", "y"]
    with stores.step("archive") as facts:
        packed = io.BytesIO()
        write_archive(here, ["x"], packed)
        packed.seek(0)
        received = read_archive(stores["fourth"], packed)
        facts["heads"] = ["fourth", stores.heads("fourth", *(one.id for one in received))]


def repairs(stores: Stores) -> None:
    """What is damaged or was left by halves is moved aside, whole, before it goes from its place."""
    here, folder = stores["here"], stores.root / "here"
    left_by_a_writer(folder / "sessions/un/log.jsonl", HALF)
    with stores.step("create where a writer died", kept=["here", HALF.decode()]) as facts:
        here.create(id="un", entries=[hansard.user("begun")])
        facts["heads"] = ["here", stores.heads("here", "un")]
    torn = HALF + b" behind a whole group"
    left_by_a_writer(folder / "sessions/un/log.jsonl", torn)
    with stores.step("append behind a torn tail", kept=["here", torn.decode()]) as facts:
        here.get("un").append(hansard.user("more"))
        facts["heads"] = ["here", stores.heads("here", "un")]
    for name in ("damaged", "headless"):
        here.create(id=name, entries=[hansard.user(f"{name} one")]).append(hansard.user(f"{name} two"))
    pair = next(path for path in (folder / "pairs").iterdir())
    with stores.step("damage comes", damaged=["", "damaged", "headless"]):
        pass
    for name, text in (("damaged", b"damaged two"), ("headless", b"created")):
        log = folder / f"sessions/{name}/log.jsonl"
        left_by_a_writer_at(log, log.read_bytes().index(text), b"#")
    left_by_a_writer(pair, b"rubbish in a pair\n")
    lasts = [(folder / f"sessions/{name}/log.jsonl").read_text().splitlines()[-1] for name in ("damaged", "headless")]
    with stores.step("repair of a log", kept=["here", lasts[0]]):
        here.check("damaged", repair=True)
    with stores.step("repair", damaged=[], kept=["here", lasts[1], "rubbish in a pair"]):
        here.check(repair=True)
    with stores.step("append to what was repaired") as facts:
        here.get("damaged").append(hansard.user("goes on"))
        facts["heads"] = ["here", stores.heads("here", "damaged")]


def left_by_a_writer_at(path: Path, at: int, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, at)
    os.fsync(fd)
    os.close(fd)


def erasures(stores: Stores) -> None:
    """What is erased is gone from the torn tail, too, that a writer had left, from the index and from the title."""
    here, text = stores["here"], "what-stood-in-every-place"
    session = here.create(id="e", entries=[hansard.user(text)])
    here.search("word")
    left_by_a_writer(stores.root / "here/sessions/e/log.jsonl", HALF + text.encode())
    session.append(hansard.user("more"))
    with stores.step("erase") as facts:
        session.erase(2)
        facts["heads"] = ["here", stores.heads("here", "e")]
        facts["nowhere"] = ["here", text]


def numbers(stores: Stores) -> None:
    """A number of a pair is given once, whatever is deleted."""
    here = stores["here"]
    for _ in range(2):
        with stores.step("numbered") as facts:
            session = here.create(agent="n", user="u")
            facts["number"] = session.info.number
        here.delete(session.id)


def documents(stores: Stores) -> None:
    """Documents that are kept, edited by hand, mended and forgotten."""
    here, folder = stores["here"], stores.root / "here/documents/k"
    with stores.step("document", document=["here", "d", "kept"]):
        here.documents.save("d", "kept", category="k")
    version = next((folder / ".versions/d.md").glob("*.md"))
    with stores.step("damage comes", damaged=[""]):
        pass
    left_by_a_writer_at(version, 0, b"#")
    with stores.step("mend", damaged=[], kept=["here", "#ept"], document=["here", "d", "kept"]):
        here.check(repair=True)
    with stores.step("forget") as facts:
        here.documents.save("s", "a-document-that-was-forgotten", category="k/l")
        here.documents.delete("s", category="k/l", history=True)
        facts["nowhere"] = ["here", "a-document-that-was-forgotten"]
    with here.tenant("t") as tenant, stores.step("tenant") as facts:
        tenant.create(id="in-a-tenant", entries=[hansard.user("apart")])
        facts["tenant"] = "in-a-tenant"


def backups(stores: Stores) -> None:
    """A backup is there, whole, under new folders; a store is as new, and used again."""
    for name in ("backups/deep/folder", "zips/deep/b.zip"):
        with stores.step(f"backup {name}") as facts:
            facts["backup"] = [name, stores["here"].backup(stores.root / name).sessions]
    with stores.step("reset", lifts=("heads third", "attached third"), empty="third"):
        stores["third"].reset(force=True)
    with stores.step("create after a reset", lifts=("empty",)) as facts:
        stores["third"].create(id="anew", entries=[hansard.user("anew")])
        facts["heads"] = ["third", stores.heads("third", "anew")]


def run(root: str, say: Callable[[bytes], Any]) -> None:
    """All of it."""
    stores = Stores(root, say)
    for part in (copies, repairs, erasures, numbers, documents, backups):
        part(stores)
    stores.close()


if __name__ == "__main__":
    run(sys.argv[-1], on_standard_output)
