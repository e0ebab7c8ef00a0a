"""What grows with a session or a store may take longer than an append, and is done in steps where it can be."""

from __future__ import annotations

import psycopg
import pytest

import hansard
from hansard.backends.postgres import checking, documents

SLOWLY = """
    CREATE FUNCTION hansard.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2.5); RETURN NULL; END $$;
    CREATE TRIGGER slowly AFTER DELETE ON hansard.sessions FOR EACH STATEMENT EXECUTE FUNCTION hansard.slowly();
"""


@pytest.fixture
def slow_deletions(conninfo):
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(SLOWLY)
        yield
        con.execute("DROP FUNCTION hansard.slowly() CASCADE")


@pytest.mark.parametrize("verb", ["delete", "reset"])
@pytest.mark.usefixtures("slow_deletions")
def test_taking_much_away_may_take_longer_than_an_append(open_store, verb):
    store = open_store(deadline=2)
    store.create(id="s")
    if verb == "delete":
        assert store.delete("s")
    else:
        assert store.reset() == 1
    assert store.find() == hansard.Page((), None)


def test_what_stands_inside_a_longer_number_is_no_garbage(url):
    now = [1_790_000_000_000_000]
    with hansard.open(url, clock=lambda: now[0]) as store:
        session = store.create(id="s")
        kept, named, gone = (session.attach(data, mime="a/b", record=False) for data in (b"kept", b"named", b"gone"))
        session.append([hansard.user([named.part]), hansard.user(f"caf\u00e9 e9{kept.sha256}00")])
        now[0] += 2 * 3_600 * 1_000_000
        assert [one.name for one in store.collect_garbage()] == [gone.sha256]
        assert store.attachment("s", kept.sha256) == b"kept"


def test_a_check_looks_at_documents_and_attachments_some_at_a_time_and_finds_all_damage(store, conninfo, monkeypatch):
    monkeypatch.setattr(checking, "_FEW", 2)
    monkeypatch.setattr(documents, "_FEW", 2)
    session = store.create(id="s")
    for number in range(5):
        store.documents.save("plan", str(number))
        session.attach(b"%d" % number, mime="a/b")
    store.documents.delete("plan")
    assert store.check() == []
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("UPDATE hansard.documents SET data = 'x' WHERE version IN (2, 5)")
        con.execute("UPDATE hansard.attachments SET data = 'x' WHERE data IN ('0', '3', '4')")
    said = [finding.message for finding in store.check()]
    assert len([one for one in said if "attachment" in one]) == 3
    assert [one.partition("version ")[2][:1] for one in said if "document" in one] == ["2", "5"]
