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
