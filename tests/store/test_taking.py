"""What is taken over a thousand at a time stands in the log as if it had been appended."""

from __future__ import annotations

import pytest

import hansard
from hansard.codec.line import decode_line, line_again
from hansard.errors import Conflict
from hansard.model.entry import NewEntry
from hansard.store.taking import Taken, take

AT = "2026-01-02T03:04:05.000006Z"


BODIES = [
    ("event", {"type": "codex.state", "raw": {"format": "codex", "text": '{"a": "é\\u0000 \x7f"}'}}),
    ("message", {"role": "user", "raw": {"format": "codex", "text": '{"b": 1}'}, "metadata": {"meta": True}}),
    ("event", {"type": "codex.\ud800", "raw": {"format": "codex", "text": "half a pair in the type"}}),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_an_entry_that_is_taken_gives_the_line_that_an_appended_one_gives(kind, body):
    with hansard.open("memory:") as store:
        taken, appended = store.create(), store.create()
        take(taken, [Taken(kind, body, id="7:00ff", at=AT), NewEntry("update", {"set": {"title": "T"}})], expect=1)
        appended.append(
            [NewEntry(kind, body, id="7:00ff", at=AT), NewEntry("update", {"set": {"title": "T"}})], expect=1
        )
        mine, its = taken.entry(2), appended.entry(2)
        assert (mine.kind, mine.id, mine.at, mine.body) == (its.kind, its.id, its.at, its.body)
        assert taken.info.title == appended.info.title == "T"
        line = [*store._place.backend.lines(taken.id)][1]
        assert line_again(decode_line(line), bytes.fromhex(taken.entry(1).hash))[0] == line
        assert not [*store.check(taken.id)]


def test_what_is_taken_is_there_once_and_only_behind_what_was_expected():
    with hansard.open("memory:") as store:
        session = store.create()
        entry = Taken("event", {"type": "x", "raw": {"format": "f", "text": "t"}}, id="1:aa", at=AT)
        take(session, [entry], expect=1)
        with pytest.raises(Conflict):
            take(session, [Taken("event", entry.body, id="2:aa", at=AT)], expect=1)
        take(session, [entry], expect=1)
        assert session.info.entry_count == 2


def test_a_hook_that_redacts_sees_what_is_taken():
    def redact(_kind, body):
        return {**body, "raw": {"format": "f", "text": "***"}} if "raw" in body else body

    with hansard.open("memory:", redact=redact) as store:
        session = store.create()
        take(
            session,
            [Taken("message", {"role": "user", "raw": {"format": "f", "text": "a secret"}}, id="1:a", at=AT)],
            expect=1,
        )
        assert "secret" not in str(session.entry(2).body)
