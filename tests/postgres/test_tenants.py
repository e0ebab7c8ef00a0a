"""A tenant's store object reaches nothing of another tenant, by whatever verb and whatever name."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

import hansard
from hansard.backend import Request
from hansard.codec.line import seal
from hansard.model.documents import DocumentKey
from hansard.model.requests import Creation
from hansard.query import EVERYTHING, parse
from support import postgres

SECRET = "the launch code is 0000"
NAMES = ["a", "b", "", "a\0b", "%", "'; DROP TABLE hansard.sessions; --", "ä", "x" * 512]


@pytest.fixture
def backend(store):
    return store._place.backend


@pytest.fixture
def victim(backend):
    """A tenant with a session tree, a fork, an attachment, text, a lease and a document."""
    mine = backend.tenant("victim")
    first = Request(sealed=(seal(hansard.user(SECRET, id="e"), now_us=0),))
    mine.create(Creation(id="s", agent="a", user="u", labels={"k": "v"}, metadata={"m": 1}), first)
    mine.create(Creation(id="c", parent="s"), Request())
    mine.create(Creation(parent="s", name="reviewer"), Request())
    mine.fork("s", Creation(id="f"), at=None)
    kept = mine.attach("s", b"picture", mime="image/png")
    mine.append("s", Request(sealed=(seal(hansard.user([kept.part]), now_us=0),)))
    mine.put_document(DocumentKey("plans", "plan"), b"secret plan")
    assert len(mine.search(parse("launch"), session=None, order="newest", limit=9, cursor=None)) == 1
    return mine, kept.sha256


def logs(backend):
    return {one: b"".join(backend.lines(one)) for one in ("s", "c", "f")}


READS = {
    "info": lambda b, _: b.info("s"),
    "entries": lambda b, _: list(b.entries("s")),
    "entries of the fork": lambda b, _: list(b.entries("f")),
    "salvage": lambda b, _: list(b.entries("s", on_damage="skip")),
    "lines": lambda b, _: list(b.lines("s")),
    "attachment": lambda b, sha: b.attachment("s", sha),
    "search in it": lambda b, _: b.search(parse("launch"), session="s", order="newest", limit=9, cursor=None),
    "check": lambda b, _: list(b.check("s")),
    "repair": lambda b, _: list(b.check("s", repair=True)),
    "wait": lambda b, _: b.wait("s", after=0, timeout_s=0),
    "append": lambda b, _: b.append("s", Request(sealed=(seal(hansard.user("mine"), now_us=0),))),
    "erase": lambda b, _: b.erase("s", [2], by=None, reason=None),
    "fork": lambda b, _: b.fork("s", Creation(id="g"), at=None),
    "spawn": lambda b, _: b.create(Creation(id="d", parent="s"), Request()),
    "resident": lambda b, _: b.create(Creation(parent="s", name="reviewer"), Request()),
    "renew": lambda b, _: b.renew("s", 1),
    "attach": lambda b, _: b.attach("s", b"x", mime="text/plain"),
}


@pytest.mark.parametrize("call", READS.values(), ids=READS)
@pytest.mark.parametrize("who", ["other", "", "victim2", "victi"])
def test_a_verb_that_names_anothers_session_finds_none(backend, victim, who, call):
    mine, sha256 = victim
    before = logs(mine)
    attacker = backend.tenant(who) if who else backend
    with pytest.raises(hansard.NotFound):
        call(attacker, sha256)
    assert logs(mine) == before
    assert mine.attachment("s", sha256) == b"picture"


@pytest.mark.parametrize("who", ["other", ""])
def test_what_lists_searches_or_counts_shows_nothing_of_another(backend, victim, who):
    mine, _ = victim
    attacker = backend.tenant(who) if who else backend
    assert attacker.find(EVERYTHING, order="id", limit=99, cursor=None).items == ()
    for order in ("newest", "rank"):
        for query in ("", "launch", "launch*", "plan", "in:tool"):
            assert attacker.search(parse(query), session=None, order=order, limit=99, cursor=None).items == ()
    assert attacker.documents() == ()
    assert attacker.document(DocumentKey("plans", "plan")) is None
    assert attacker.document_versions(DocumentKey("plans", "plan")) == ()
    assert attacker.delete_document(DocumentKey("plans", "plan"), history=True) is False
    assert list(attacker.check()) == []
    assert attacker.delete("s") == ()
    assert attacker.collect_garbage() == ()
    assert attacker.health().details["text_behind"] == 0
    assert attacker.reset() == 0
    attacker.reindex()
    assert len(mine.find(EVERYTHING, order="id", limit=99, cursor=None)) == 4
    assert mine.document(DocumentKey("plans", "plan"))[1] == b"secret plan"


def test_numbers_and_ids_of_one_tenant_tell_nothing_of_another(backend, victim):
    other = backend.tenant("other")
    assert other.create(Creation(id="s", agent="a", user="u"), Request()).new
    assert other.info("s").number == 1
    assert other.create(Creation(agent="a", user="u"), Request(), reuse="pair").id == "s"
    cursor = victim[0].find(EVERYTHING, order="id", limit=1, cursor=None).cursor
    assert [info.id for info in other.find(EVERYTHING, order="id", limit=9, cursor=cursor)] == ["s"]
    lines = list(victim[0].lines("f"))
    with pytest.raises(hansard.HansardError):
        other.receive("f", lines, [])


def test_tenants_of_any_name_are_apart(backend):
    tenants = [backend.tenant(name) if name else backend for name in NAMES]
    for number, tenant in enumerate(tenants):
        tenant.create(Creation(id="s", title=f"number {number}"), Request())
    assert [tenant.info("s").title for tenant in tenants] == [f"number {number}" for number in range(len(NAMES))]
    tenants[0].reset()
    with pytest.raises(hansard.NotFound):
        tenants[0].info("s")
    assert tenants[1].info("s").title == "number 1"


def test_the_url_names_a_tenant(open_store, store):
    one, two = open_store(tenant="one"), open_store(tenant="two")
    one.create(id="s", title="mine")
    assert [len(each.find(limit=9)) for each in (one, two, store)] == [1, 0, 0]
    assert store._place.backend.tenant("one").info("s").title == "mine"
    with pytest.raises(hansard.Invalid):
        one._place.backend.tenant("deeper")


def test_every_statement_names_the_tenant():
    from hansard.backends.postgres.statements import statements

    for name in ("sessions", "entries", "trees", "attachments", "documents", "texts", "upkeep"):
        for title, text in statements(name).items():
            assert "%(tenant)" in text or title == "server", f"{name}: {title}"


def test_every_key_but_the_migrations_begins_with_the_tenant(conninfo):
    with psycopg.connect(conninfo) as con:
        keys = con.execute("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'hansard'").fetchall()
    assert {table for table, _ in keys} >= set(postgres.TABLES)
    wrong = [text for table, text in keys if "(tenant" not in text and table != "migrations"]
    # Words of the text index carry the tenant in themselves.
    assert [text for text in wrong if "USING gin (words)" not in text] == []
    with contextlib.suppress(ValueError):
        con.close()
