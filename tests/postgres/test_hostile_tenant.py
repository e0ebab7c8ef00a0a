"""A hostile tenant who knows every id, hash, cursor and line of two others, and calls every verb, each with a cut in it."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

import hansard
from hansard.backend import Request
from hansard.backends.postgres.connecting import Lost
from hansard.codec.line import seal
from hansard.model.documents import DocumentKey, DocumentWrite
from hansard.model.entry import NewEntry
from hansard.model.requests import Changes, Creation
from hansard.query import EVERYTHING, parse
from support import postgres

PLAN = DocumentKey("plans", "plan")
VICTIMS = ["one", "two"]
HOUR_US = 3_600_000_000


def said(text, **fields):
    return Request(sealed=(seal(hansard.user(text, **fields), now_us=0),))


def furnish(mine, name):
    """A tree, a fork, a fork whose origin is gone, attachments, a lease, marks, texts and documents."""
    mine.create(Creation(id="gone", agent="a", user="u"), said(f"kept of {name}"))
    mine.fork("gone", Creation(id="orphan"), at=None)
    mine.delete("gone")
    mine.create(Creation(id="s", agent="a", user="u", labels={"k": "v"}), said(f"secret of {name}", id="e"))
    mine.create(Creation(id="c", parent="s"), Request())
    mine.create(Creation(parent="s", name="reviewer"), Request())
    mine.fork("s", Creation(id="f"), at=2)
    attached = mine.attach("s", name.encode(), mime="a/b")
    mine.append("s", Request(sealed=(seal(hansard.user([attached.part]), now_us=0),)))
    lease = NewEntry(kind="lease", body={"owner": name, "fence": 1, "ttl_ms": 60_000})
    mine.append("s", Request(sealed=(seal(lease, now_us=0),)))
    mine.put_document(PLAN, f"plan of {name}".encode())
    mine.search(parse("secret"), session=None, order="newest", limit=9, cursor=None)
    return attached.sha256


def rows_of(conninfo, tenants):
    """Every row of these tenants, in every table."""
    with psycopg.connect(conninfo) as con:
        return {
            table: con.execute(
                f"SELECT t::text FROM hansard.{table} t WHERE convert_from(tenant, 'UTF8') = ANY (%s) ORDER BY 1",
                (tenants,),
            ).fetchall()
            for table in postgres.TABLES
        }


@pytest.fixture
def clock():
    return [1_790_000_000_000_000]


@pytest.fixture
def backend(url, clock):
    with hansard.open(url, clock=lambda: clock[0]) as store:
        yield store._place.backend


def attacks(victim, attached, clock):
    """What the hostile one does, by its name; first with nothing of its own, then with the same ids."""
    lines = {one: list(victim.lines(one)) for one in ("s", "c", "f", "orphan")}
    cursor = victim.find(EVERYTHING, order="id", limit=1, cursor=None).cursor
    newest = {"order": "newest", "limit": 9}

    def later(call):
        clock[0] += 2 * HOUR_US
        return call()

    return {
        "append": lambda b: b.append("s", said("mine", id="e")),
        "append with a document": lambda b: b.append(
            "s", Request(changes=Changes(set={"title": "x"}), documents=(DocumentWrite(PLAN, b"mine", expect=1),))
        ),
        "append under its lease": lambda b: b.append("s", Request(sealed=said("x").sealed, fence=1)),
        "renew": lambda b: b.renew("s", 1),
        "child": lambda b: b.create(Creation(id="d", parent="s"), Request()),
        "resident": lambda b: b.create(Creation(parent="s", name="reviewer"), Request()),
        "fork": lambda b: b.fork("s", Creation(id="g"), at=2),
        "fork of the fork": lambda b: b.fork("f", Creation(id="h"), at=1),
        "fork of what was left": lambda b: b.fork("orphan", Creation(id="i"), at=1),
        "erase": lambda b: b.erase("s", [2], by=None, reason=None),
        "attach": lambda b: b.attach("s", b"mine", mime="a/b"),
        "attachment": lambda b: b.attachment("s", attached),
        "find": lambda b: b.find(EVERYTHING, order="id", limit=9, cursor=cursor),
        "search": lambda b: b.search(parse("secret"), session=None, cursor=None, **newest),
        "wait": lambda b: b.wait("s", after=0, timeout_s=0),
        "bring a fork": lambda b: b.receive("f", lines["f"], []),
        "bring a child": lambda b: b.receive("c", lines["c"], []),
        "bring": lambda b: b.receive("s", lines["s"], []),
        "document": lambda b: b.put_document(PLAN, b"mine", expect=1),
        "delete a document": lambda b: b.delete_document(PLAN, history=True),
        "delete": lambda b: b.delete("f"),
        "collect": lambda b: later(b.collect_garbage),
        "repair": lambda b: list(b.check(repair=True)),
        "reindex": lambda b: b.reindex(),
        "health": lambda b: b.health(),
        "create or find": lambda b: b.create(Creation(id="s", agent="a", user="u"), Request(), reuse="id"),
        "create or find by pair": lambda b: b.create(Creation(agent="a", user="u"), Request(), reuse="pair"),
        "delete all": lambda b: b.delete("s"),
        "reset": lambda b: b.reset(),
    }


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_whatever_a_hostile_tenant_calls_the_rows_of_the_others_stay_as_they_are(
    backend, conninfo, clock, monkeypatch, cut
):
    victims = [backend.tenant(name) for name in VICTIMS]
    attached, _ = (furnish(mine, name) for mine, name in zip(victims, VICTIMS, strict=True))
    calls = attacks(victims[0], attached, clock)
    before = rows_of(conninfo, VICTIMS)
    if cut:
        db, lost = backend._db, []
        transact = db.transact

        def losing(work):
            answer = transact(work)
            if lost:
                lost.clear()
                return answer
            lost.append(1)
            msg = "the connection was cut"
            raise Lost(msg)

        monkeypatch.setattr(db, "transact", losing)
    for hostile in (backend.tenant("hostile"), backend):
        for _ in range(2):
            for name, call in calls.items():
                with contextlib.suppress(hansard.HansardError):
                    given = repr(call(hostile))
                    assert "secret of" not in given, name
                    assert "plan of" not in given, name
                assert rows_of(conninfo, VICTIMS) == before, name
            # The second time it has the same ids itself.
            furnish(hostile, "hostile")
        hostile.reset()
    assert rows_of(conninfo, VICTIMS) == before
    assert rows_of(conninfo, ["hostile"]) == {table: [] for table in postgres.TABLES}
