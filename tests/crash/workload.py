"""A program that uses a store in every way that changes files, and says what it begins and what was acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import hansard
import hansard.aio

SECRET = "the-word-that-was-erased"
PICTURE = b"\x89PNG\r\n" + bytes(range(256)) * 8


def on_standard_output(line: bytes) -> None:
    """One line, in one call."""
    os.write(1, line)


class Telling:
    """Says before and after each step what it is. What fails is said, too, and the next step is tried."""

    def __init__(self, say: Callable[[bytes], Any]) -> None:
        self._say = say

    def do(self, what: str, session: str, call: Callable[[], Any], **more: Any) -> Any:
        self._tell(begin=what, session=session, **more)
        try:
            result = call()
        except hansard.HansardError as error:
            self._tell(failed=what, session=session, error=f"{type(error).__name__}: {error}", **more)
            return None
        told = {"sha256": result.sha256} if isinstance(result, hansard.Attachment) else {}
        self._tell(done=what, session=session, **more, **told)
        return result

    def append(
        self, store: hansard.Store, session: str, group: str, count: int, text: str = "text", **more: Any
    ) -> Any:
        ids = [f"{group}.{number}" for number in range(count)]
        entries = [hansard.user(f"{text} {one} " + "x" * 300, id=one) for one in ids]
        return self.do(
            "append",
            session,
            lambda: store.get(session).append(entries, **more),
            ids=ids,
            text=text,
            documents="documents" in more,
        )

    def together(self, root: str, sessions: str, group: str, count: int) -> None:
        """Append to several sessions at once, so that one committer writes for all, and syncs them side by side."""
        what = {one: {"session": one, "ids": [f"{group}{one}.{place}" for place in range(count)]} for one in sessions}

        async def append(store: hansard.aio.AsyncStore, session: str) -> None:
            entries = [hansard.user(f"text {one} " + "x" * 300, id=one) for one in what[session]["ids"]]
            await (await store.get(session)).append(entries)

        async def append_all() -> list[BaseException | None]:
            async with hansard.aio.open(root) as store:
                return await asyncio.gather(*(append(store, one) for one in what), return_exceptions=True)

        said = {one: {**what[one], "text": "text", "documents": False} for one in what}
        for more in said.values():
            self._tell(begin="append", **more)
        try:
            results = asyncio.run(append_all())
        except hansard.HansardError as error:
            results = [error] * len(what)
        for more, error in zip(said.values(), results, strict=True):
            if isinstance(error, BaseException) and not isinstance(error, hansard.HansardError):
                raise error
            self._tell(**({"done": "append"} if error is None else {"failed": "append", "error": str(error)}), **more)

    def document(self, store: hansard.Store, name: str, text: str) -> None:
        self.do("document", "", lambda: store.documents.save(name, text, category="runs"), name=name, text=text)

    def _tell(self, **said: Any) -> None:
        self._say(json.dumps(said).encode() + b"\n")


def first(store: hansard.Store, tell: Telling, _root: str) -> None:
    """Sessions, appends, files, forks, children, erasure and deletion."""
    tell.do("create", "a", lambda: store.create(id="a", agent="coder", user="ana"))
    tell.append(store, "a", "a1", 3, state={"step": 1}, status="running")
    secret = tell.append(store, "a", "a2", 1, SECRET)
    tell.do("attach", "a", lambda: store.get("a").attach(PICTURE, mime="image/png", name="p.png"))
    tell.do("fork", "f", lambda: store.fork("a", id="f"))
    tell.append(store, "f", "f1", 2)
    tell.do("spawn", "c", lambda: store.get("a").spawn(id="c", agent="helper"))
    tell.append(store, "c", "c1", 2)
    tell.do("compact", "a", lambda: store.get("a").compact("what was said", keep=1))
    tell.append(store, "a", "a3", 2, status="completed", documents={"plan": "look, then leap"})
    tell.document(store, "deploy", "first")
    tell.document(store, "deploy", "second")
    if secret is not None:
        tell.do("erase", "a", lambda: store.get("a").erase(secret), id="a2.0")
    tell.do("create", "b", lambda: store.create(id="b", user="ana"))
    tell.append(store, "b", "b1", 2)
    tell.do("spawn", "d", lambda: store.get("b").spawn(id="d"))
    tell.do("delete", "b", lambda: store.delete("b", force=True), tree=["b", "d"])
    tell.do("create", "o", lambda: store.create(id="o"))
    tell.append(store, "o", "o1", 2)
    tell.do("fork", "q", lambda: store.fork("o", id="q"))
    tell.append(store, "q", "q1", 1)
    tell.do("delete", "o", lambda: store.delete("o"), tree=["o"])
    tell.do("search", "", lambda: store.search("text"))


def second(store: hansard.Store, tell: Telling, root: str) -> None:
    """The same store opened again: the index is caught up, and things go on."""
    tell.append(store, "a", "a4", 2)
    tell.together(root, "afc", "t", 2)
    tell.document(store, "deploy", "third")
    tell.document(store, "gone", "soon")
    tell.do("remove", "", lambda: store.documents.delete("gone", category="runs"), name="gone")
    tell.do("delete", "f", lambda: store.delete("f"), tree=["f"])
    tell.do("create", "g", lambda: store.create(id="g", title="Last"))
    tell.append(store, "g", "g1", 1)


def run(root: str, say: Callable[[bytes], Any]) -> None:
    """Both halves, each in a store opened for it."""
    tell = Telling(say)
    for half in (first, second):
        store = tell.do("open", "", lambda: hansard.open(root))
        if store is not None:
            half(store, tell, root)
            tell.do("close", "", store.close)


if __name__ == "__main__":
    run(sys.argv[-1], on_standard_output)
