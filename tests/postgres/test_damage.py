"""Bytes that changed in the database are found when they are read, and the session is listed so from then on."""

from __future__ import annotations

import psycopg
import pytest

import hansard

_CHANGE = "UPDATE hansard.entries SET line = set_byte(line, 0, get_byte(line, 0) # 1) WHERE seq = 3"


@pytest.mark.parametrize("finder", ["read", "lines", "check"])
def test_a_session_whose_bytes_changed_is_listed_as_damaged_once_that_was_found(store, conninfo, finder):
    session = store.create(id="s", entries=[hansard.user(text) for text in ("one", "two " * 80, "three")])
    store.create(id="t")
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(_CHANGE)
        if finder == "check":
            assert [finding.severity for finding in store.check()] == ["damage"]
        else:
            with pytest.raises(hansard.Corrupt):
                list(session.entries() if finder == "read" else store._place.backend.lines("s"))
        assert [info.id for info in store.find(damaged=True)] == ["s"]
        con.execute(_CHANGE)
        assert store.check() == []
        assert [info.id for info in store.find(damaged=True)] == []
        assert [message.text for message in session.history()] == ["one", "two " * 80, "three"]


def test_a_document_whose_bytes_changed_is_damage_to_a_check(store, conninfo):
    store.documents.save("plan", "one")
    store.documents.save("plan", "two")
    assert store.check() == []
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("UPDATE hansard.documents SET data = 'owt' WHERE version = 1")
    (found,) = store.check()
    assert found.severity == "damage"
    assert "version 1" in found.message


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE hansard.entries SET line = 'x' WHERE session = 'o' AND seq = 3",
        "UPDATE hansard.entries SET line = 'x' WHERE session = 'o' AND seq = 4",
        "DELETE FROM hansard.entries WHERE session = 'o' AND seq >= 4",
    ],
)
def test_what_a_fork_shows_of_a_damaged_session_is_told_and_the_rest_can_be_read(store, conninfo, change):
    origin = store.create(id="o")
    for text in ("two", "three", "four"):
        origin.append(hansard.user(text))
    fork = origin.fork(id="f", at=4)
    kept = fork.attach(b"kept", mime="a/b")
    fork.append(hansard.user("seven", id="seven"))
    store.create(id="z").append(hansard.user("intact"))
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute(change)
    found = {finding.session for finding in store.check() if finding.severity == "damage"}
    # Where the damage is in the last group of the origin, that is a tail there, and only the fork knows better.
    assert found in ({"o"}, {"f"}, {"o", "f"})
    assert [entry.body["parts"][0]["text"] for entry in fork.entries(on_damage="skip") if entry.id == "seven"] == [
        "seven"
    ]
    assert "x-hansard.gap" in {entry.kind for entry in fork.entries(on_damage="skip")}
    assert store.attachment("f", kept.sha256) == b"kept"
    with pytest.raises(hansard.HansardError):
        list(fork.entries())
    assert [hit.session for hit in store.search("intact")] == ["z"]
    for session in ("f", "o"):
        assert store.delete(session, force=True)
    assert store.check() == []


def test_an_id_whose_line_can_not_be_read_is_damage_to_whoever_gives_it_again(store, open_store, conninfo):
    store.create(id="s").append(hansard.user("two", id="a"))
    store.get("s").append(hansard.user("three", id="b"))
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("UPDATE hansard.entries SET line = 'x' WHERE seq = 2")
    with pytest.raises(hansard.Corrupt):
        open_store().get("s").append(hansard.user("two", id="a"))


@pytest.mark.parametrize("seq", [4, 5, 6])
@pytest.mark.parametrize("verb", ["erase", "delete"])
def test_a_fork_whose_damage_nobody_has_met_yet_hinders_nothing_of_its_origin(store, conninfo, verb, seq):
    origin = store.create(id="s", entries=[hansard.user("one"), hansard.user("secret")])
    fork = origin.fork(id="f")
    fork.amend(3, "hidden")
    for text in ("on", "and on"):
        fork.append(hansard.user(text))
    with psycopg.connect(conninfo, autocommit=True) as con:
        con.execute("UPDATE hansard.entries SET line = 'x' WHERE session = 'f' AND seq = %s", (seq,))
    if verb == "delete":
        assert store.delete("s")
    else:
        assert origin.erase([3]).seqs == (3,)
        assert "secret" not in [message.text for message in origin.history()]
    assert {finding.session for finding in store.check() if finding.severity == "damage"} == {"f"}
