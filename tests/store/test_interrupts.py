"""Ctrl-C at any moment: nothing stays locked, and what the store knows is what it holds."""

from __future__ import annotations

import contextlib
import gc

import pytest

import hansard
from support import stores
from support.interrupts import at_each_return, ends

VERBS = {
    "append": (1, lambda store, session: session.append(hansard.user("One more."))),
    "look": (1, lambda store, session: store.get(session.id).info),
    "follow": (3, lambda store, session: (_elsewhere(store, session), session.info)),
    "read": (1, lambda store, session: list(session.entries(limit=5, newest_first=True))),
    "wait": (3, lambda store, session: next(iter(session.tail(after=3)))),
    "rename": (1, lambda store, session: session.rename("Tides")),
    "modify": (3, lambda store, session: session.modify(lambda draft: draft.append(hansard.user("Modified.")))),
    "attach": (5, lambda store, session: session.attach(b"abc", mime="text/plain")),
    "save": (5, lambda store, session: store.documents.save("note", {"a": 1}, category="notes")),
    "create": (23, lambda store, session: store.create(agent="coder", user="ana")),
    "spawn": (29, lambda store, session: session.spawn()),
    "fork": (29, lambda store, session: session.fork()),
    "erase": (41, lambda store, session: _erase(store)),
    "delete": (41, lambda store, session: store.delete(store.get_or_create("gone"))),
    "list": (7, lambda store, session: store.find(limit=3)),
    "search": (31, lambda store, session: store.search("tide", limit=3)),
}
"""How many steps lie between two interrupts, and the call."""


def _erase(store):
    """In a session of its own, which goes again: else each erasure would have more to look at than the one before."""
    short = store.get_or_create("short")
    short.append(hansard.user("Forget this."))
    short.erase(2)
    store.delete(short)


others: dict[int, hansard.Store] = {}


def _elsewhere(store, session) -> None:
    """Another process, as far as this store can tell, appends."""
    other = others.get(id(store), store)
    other.get(session.id).append(hansard.user("From elsewhere."))


@pytest.fixture(params=["memory", "file", "postgres"])
def store(request, tmp_path):
    url = {"memory": "memory://", "file": str(tmp_path / "store"), "postgres": ""}[request.param] or _emptied()
    with hansard.open(url) as opened, contextlib.ExitStack() as also:
        if request.param != "memory":
            others[id(opened)] = also.enter_context(hansard.open(url))
        yield opened
    others.clear()


def _emptied() -> str:
    url = stores.url_of(stores.database())
    hansard.open(url).close()
    stores.empty_database()
    return url


# An object that was being made or thrown away when the interrupt came is closed by Python itself, which says so.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("steps", ["some", pytest.param("most", marks=pytest.mark.torture)])
@pytest.mark.parametrize("verb", VERBS)
def test_whoever_handles_an_interrupt_finds_nothing_locked(store, verb, steps):
    session = store.create(id="s")
    session.append([hansard.user("Why is the tide table an hour off?") for _ in range(5)])
    every, call = VERBS[verb]
    # The driver takes many more steps than we do.
    every = every * 7 if store.backend_name == "postgres" else every
    every = every // 5 or 1 if steps == "most" else every
    for interrupt in at_each_return(every=every, keep=True):
        with interrupt:
            call(store, session)
        # The interrupt is being handled: what came out of the call is still there.
        ends(lambda: call(store, session), interrupt.where)
        call(store, session)
        info = session.info
        if (other := others.get(id(store))) is not None:
            assert other.get("s").info == info, interrupt.where
    assert [found for found in store.check() if found.severity != "note"] == []
    # What was lost on the way is closed now, while that may be said.
    interrupt.came = None
    gc.collect()
