"""The planner by itself: what it writes folds to what it says, and a request that is refused leaves no trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hansard
from hansard.backend import Request
from hansard.backends import commit
from hansard.codec.line import GENESIS, seal, verify_line
from hansard.errors import Conflict, Invalid, LeaseLost, Unavailable
from hansard.fold import Fold
from hansard.model.entry import NewEntry
from hansard.model.requests import Changes, Keys

NOW = 1_795_000_000_000_000
CREATED = NewEntry("created", {"session": "s", "kind": "root", "format": 1, "needs": []}, "c")


def request(*entries, changes=None, **options):
    return Request(sealed=tuple(seal(entry, now_us=NOW) for entry in entries), changes=changes, **options)


def begun(*entries):
    return planned(Fold(), GENESIS, [request(CREATED, *entries)], [])


def planned(fold, previous, requests, there):
    by_id = {entry.id: entry for entry in there}
    return commit.plan(fold, previous, requests, find=by_id.get, at=lambda seq: there[seq - 1], now_us=NOW + 5)


def after(group, *requests):
    return planned(group.fold, group.hash, requests, group.entries)


REQUESTS = [
    request(hansard.user("a"), hansard.assistant("b")),
    request(hansard.user("aside", parent=2), hansard.assistant("more")),
    request(NewEntry("head", {"to": 2})),
    request(NewEntry("head", {"to": 2}), hansard.user("no"), NewEntry("head", {"to": 10**9})),
    request(hansard.user("no"), hansard.user("no", id="twice"), hansard.user("no", id="twice")),
    request(NewEntry("compaction", {"covers": 2, "summary": "short"})),
    request(NewEntry("amend", {"seq": 2, "hide": True})),
    request(hansard.usage("m", input=3, context={"used": 1}), hansard.event("step")),
    request(changes=Changes(set={"title": "T", "x": [1]}, state=Keys(set={"k": {"v": 1}}))),
    request(hansard.user("no"), changes=Changes(metadata=Keys(set={"k": "x" * 70_000}))),
    request(hansard.user("there"), unit=True, changes=Changes(state=Keys(set={"k": {"v": 1}})), change_id="u"),
    request(NewEntry("lease", {"owner": "me", "fence": 1, "ttl_ms": 5})),
    request(hansard.user("kept", id="kept")),
    request(hansard.user("other", id="kept")),
    request(hansard.user("fenced"), fence=1),
    request(hansard.user("no"), expect=10**9),
]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(REQUESTS), max_size=12), st.booleans())
def test_a_group_folds_to_what_its_lines_say(requests, tree):
    base = begun(hansard.user("first"))
    start = Fold.of(zip(base.entries, map(len, base.lines), strict=True), tree=tree)
    assert start.dump() == base.fold.dump()
    group = planned(start, base.hash, requests, base.entries)
    assert start.dump() == base.fold.dump()
    previous, entries = base.hash, list(base.entries)
    for line, entry in zip(group.lines, group.entries, strict=True):
        assert verify_line(line, previous, len(entries) + 1) == entry
        previous = bytes.fromhex(entry.hash)
        entries.append(entry)
    sizes = map(len, base.lines + group.lines)
    assert group.fold.info() == Fold.of(zip(entries, sizes, strict=True), tree=tree).info()
    assert group.hash == previous
    commits = [entry.commit for entry in group.entries]
    assert commits == [None] * (len(commits) - 1) + [(3, NOW + 5)] * bool(commits)
    assert sum(answer.added for answer in group.answers if not isinstance(answer, Exception)) == len(group.lines)


def test_a_request_that_is_refused_half_way_leaves_no_trace():
    base = begun()
    bad = request(hansard.user("a", id="a"), hansard.user("b", id="b"), NewEntry("head", {"to": 99}))
    good = request(hansard.user("other", id="a"), NewEntry("lease", {"owner": "me", "fence": 1, "ttl_ms": 5}))
    group = after(base, bad, good, bad)
    assert [type(answer) for answer in group.answers] == [Invalid, hansard.Appended, Conflict]
    assert group.entries[0].id == "a"
    assert group.answers[1].seqs == (2, 3)
    assert group.fold.info().message_count == 1


@pytest.mark.parametrize(
    "bad",
    [
        request(changes=Changes(set={"x": object()})),
        request(changes=Changes(set={"x": float("nan")}), unit=True, change_id="k"),
        request(changes=Changes(state=Keys(set={"x": 10**5000}))),
        request(NewEntry("head", {"to": -1})),
        request(NewEntry("lease", {"fence": "first"})),
        request(NewEntry("amend", {"seq": 1, "hide": True})),
        request(NewEntry("compaction", {"covers": 1, "keep": "all"})),
        request(NewEntry("compaction", [])),
        request(NewEntry("created", CREATED.body)),
    ],
)
def test_what_one_caller_gets_wrong_harms_no_other(bad):
    group = after(begun(hansard.user("first")), request(hansard.user("a")), bad, request(hansard.user("b")))
    assert isinstance(group.answers[1], Invalid | Conflict)
    assert [group.answers[0].seq, group.answers[2].seq] == [3, 4]


def test_a_lost_lease_stops_one_caller_only():
    group = after(begun(), request(hansard.user("a"), fence=1), request(hansard.user("b")))
    assert isinstance(group.answers[0], LeaseLost)
    assert group.answers[1].seq == 2


def test_an_entry_beyond_the_bound_is_refused_alone(monkeypatch):
    large = request(hansard.user("x" * 5_000))
    monkeypatch.setattr("hansard.backends.admitting.ENTRY_BYTES_MAX", 4_000)
    group = after(begun(), large, request(hansard.user("b")))
    assert isinstance(group.answers[0], Invalid)
    assert group.answers[1].seq == 2


def test_what_would_make_the_group_too_large_waits_for_the_next(monkeypatch):
    large = request(hansard.user("x" * 5_000))
    monkeypatch.setattr("hansard.backends.commit.COMMIT_BYTES_MAX", 8_000)
    group = after(begun(), large, request(hansard.user("y" * 5_000)), request(hansard.user("b")))
    assert [type(answer) for answer in group.answers] == [hansard.Appended, Unavailable, hansard.Appended]
    assert sum(map(len, group.lines)) <= 8_000


def test_what_a_caller_changes_later_does_not_change_the_fold():
    context = {"used": [1]}
    base = begun()
    entry = NewEntry("usage", {"input": 1, "context": context})
    group = after(base, request(entry))
    context["used"].append(2)
    assert group.fold.info().context == {"used": [1]}
