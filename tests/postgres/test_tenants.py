"""A tenant's store object reaches nothing of another tenant, by whatever verb and whatever name."""

from __future__ import annotations

import contextlib
import re

import psycopg
import pytest

import hansard
from hansard.backend import Request
from hansard.codec.line import seal
from hansard.model.documents import DocumentKey
from hansard.model.requests import Creation
from hansard.query import EVERYTHING, All, Field, Has, parse
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


TABLE = re.compile(r"(?:FROM|JOIN|UPDATE|INTO)\s+hansard\.(\w+)")
BOUND = re.compile(r"tenant = |INSERT INTO hansard\.\w+ \(\s*tenant\b")


def test_every_statement_names_the_tenant_once_for_each_table():
    from hansard.backends.postgres.statements import statements

    seen = set()
    for name in ("sessions", "entries", "trees", "attachments", "documents", "texts", "upkeep"):
        for title, text in statements(name).items():
            assert "%(tenant)" in text or title == "server", f"{name}: {title}"
            tables = TABLE.findall(text)
            assert len(BOUND.findall(text)) >= len(tables), f"{name}: {title}: a table without its tenant"
            seen |= set(tables)
    assert seen >= set(postgres.TABLES)


def test_every_statement_that_is_composed_names_the_tenant_once_for_each_table(backend, victim, monkeypatch):
    asked = []
    mine, _ = victim
    page = mine._core.db.page
    monkeypatch.setattr(mine._core.db, "page", lambda text, values: asked.append((text, values)) or page(text, values))
    where = All(
        (Field("user", "=", "u"), Has("labels", "k", "v"), Has("metadata", "m", 1), Field("kind", "in", ["root"]))
    )
    assert len(mine.find(where, order="-activity", limit=1, cursor=None)) == 1
    found = mine.search(parse("launch user:u"), session=None, order="newest", limit=1, cursor=None)
    mine.search(parse("launch"), session="s", order="newest", limit=1, cursor=found.cursor)
    # Among them the one that asks how often a word is.
    assert len(asked) == 4
    for text, values in asked:
        assert values[0] == b"victim"
        assert len(re.findall(r"tenant = ", text)) >= len(TABLE.findall(text)), text


def test_every_key_but_the_migrations_begins_with_the_tenant(conninfo):
    with psycopg.connect(conninfo) as con:
        keys = con.execute("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'hansard'").fetchall()
    assert {table for table, _ in keys} >= set(postgres.TABLES)
    wrong = [text for table, text in keys if "(tenant" not in text and table != "migrations"]
    # Words of the text index carry the tenant in themselves.
    assert [text for text in wrong if "USING gin (words)" not in text] == []
    with contextlib.suppress(ValueError):
        con.close()


@pytest.fixture
def stores_of_two(open_store):
    """The victim's store, with a bit of everything, and an attacker's."""
    mine, other = open_store(tenant="victim"), open_store(tenant="attacker")
    session = mine.create(
        id="s", agent="a", user="u", project="p", labels={"k": "v"}, metadata={"m": 1}, title="Launch"
    )
    session.append(hansard.user(SECRET, id="e"))
    with session.run(agent="a"):
        session.append(hansard.assistant("done"))
    mine.fork("s", id="f")
    session.spawn(id="c")
    session.documents.save("plan", "secret")
    mine.documents.save("plan", "secret")
    session.attach(b"picture", mime="image/png")
    assert len(mine.search("launch")) == 2
    return mine, other


KINDS = ["root", "fork", "child"]
NAMING = {
    "info": lambda store: store.info("s"),
    "history": lambda store: store.get("s").history(),
    "attachment": lambda store: store.attachment("s", "0" * 64),
    "fork": lambda store: store.fork("s"),
    "fork of the fork": lambda store: store.fork("f", at=1),
    "resolve": lambda store: store.resolve("s"),
    "search": lambda store: store.search("launch", session="s"),
    "check": lambda store: list(store.check("s")),
    "copy": lambda store: store.copy(["s"], hansard.open("memory:")),
}


@pytest.mark.parametrize("attack", NAMING.values(), ids=NAMING)
def test_no_verb_of_a_store_reaches_anothers_session_by_its_id(stores_of_two, attack):
    _, other = stores_of_two
    with pytest.raises(hansard.NotFound) as caught:
        attack(other)
    assert SECRET not in str(caught.value)


def test_no_verb_of_a_store_shows_counts_or_takes_away_anothers_sessions(stores_of_two, tmp_path):
    mine, other = stores_of_two
    heads, infos = mine.heads(), list(mine.sessions(order="id", kind=KINDS))
    assert len(infos) == 3
    shown = [
        other.find(user="u"), other.find(labels={"k": "v"}), other.find(metadata={"m": 1}), other.find(parent="s"),
        other.find(kind=KINDS), other.search("launch"), other.search("title:launch"), other.usage(), other.runs(),
        other.sessions(), other.check(), other.documents.list(), other.heads(), other.collect_garbage(),
        other.entries(),
    ]  # fmt: skip
    assert [list(one) for one in shown] == [[] for _ in shown]
    assert other.latest(agent="a", user="u") is None
    assert other.documents.get("plan") is None
    assert other.exists("s") is False
    assert not other.delete("s")
    assert other.cleanup("all", keep_pinned=False).deleted == ()
    assert other.prune(hansard.RetentionPolicy(max_age=1e-6)).deleted == ()
    with hansard.open("memory:") as away:
        assert other.copy_store(away).copied == ()
        other.backup(tmp_path / "backup")
        away.restore(tmp_path / "backup")
        assert away.heads() == {}
    assert other.reset() == 0
    other.reindex()
    assert mine.heads() == heads
    assert list(mine.sessions(order="id", kind=KINDS)) == infos
    assert len(mine.search("launch")) == 2
    assert mine.documents.load("plan") == "secret"


def test_a_watch_sees_nothing_of_another(stores_of_two):
    mine, other = stores_of_two
    seen = iter(other.watch(poll_s=0.01))
    mine.get("s").append(hansard.user("more"))
    mine.create(id="t")
    other.create(id="own")
    assert next(seen).id == "own"
