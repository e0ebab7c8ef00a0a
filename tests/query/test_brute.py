"""What a search finds, said on small sessions that are looked at entry by entry."""

from __future__ import annotations

import pytest

from hansard.errors import Invalid
from hansard.limits import SEARCH_RANKED_MAX
from hansard.model.entry import Entry, NewEntry, assistant, text, tool, tool_call, user
from hansard.model.info import SessionInfo
from hansard.query import parse, search_all


def log(*made, at="2026-01-01T00:00:{:02d}.000000Z"):
    return [
        Entry(seq, str(seq), at.format(seq % 60), one.kind, one.body, salt="0" * 16) for seq, one in enumerate(made, 1)
    ]


def hits(query, *made, session="s", **info):
    return seqs([(SessionInfo(session, **info), log(*made))], query)


def seqs(sessions, query, **asked):
    return [hit.seq for hit in search_all(sessions, parse(query), **{"limit": 99, **asked})]


CODE = (
    user("edit src/main.rs in c++ please"),
    assistant("it's a foo-bar, says getUserName"),
    user("数据库 is down, שלום"),
    user("plain c, and red green"),
    user("green red"),
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("c++", [1]),
        ("c", [4]),
        ("c*", [4, 1]),
        ("src/main.rs", [1]),
        ("main.rs", [1]),
        ("foo-bar", [2]),
        ("foobar", []),
        ("it's", [2]),
        ("user", [2]),
        ("username", []),
        ("getusername", [2]),
        ("数据库", [3]),
        ("数据", [3]),
        ("库", [3]),
        ("据", [3]),
        ("数库", []),
        ("שלום", [3]),
        ('"red green"', [4]),
        ("red green", [5, 4]),
        ('green -"red green"', [5]),
        ("gre*", [5, 4]),
        ("red OR c++", [5, 4, 1]),
        ("-green", [3, 2, 1]),
        ("RED", [5, 4]),
        ("", [5, 4, 3, 2, 1]),
        ("(", []),
        ("AND", [4]),
        ('"', []),
    ],
)
def test_words_phrases_beginnings_and_exclusions(query, found):
    assert hits(query, *CODE) == found


TOOLS = (
    user("look for zebras"),
    assistant([text("I look"), tool_call("1", "Bash", {"command": "grep zebra"})]),
    tool("1", "zebra crossing"),
    assistant([tool_call("2", "Read", {"path": "zebra.py"})]),
    tool("2", "no such file", is_error=True),
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("zebra", []),
        ("bash", [2]),
        ("zebra in:tool", [4, 3, 2]),
        ("zebra role:tool", [4, 3, 2]),
        ("zebra* role:user", [1]),
        ("look -role:user", [2]),
        ("tool:bash", [3, 2]),
        ("zebra tool:bash", [3, 2]),
        ("tool:b*", [3, 2]),
        ("zebra in:tool -tool:bash", [4]),
        ("is:error", [5]),
        ("is:error tool:read", [5]),
        ("is:error tool:bash", []),
        ("file is:error", [5]),
        ("zebra in:tool -is:error", [4, 3, 2]),
    ],
)
def test_tools_are_found_by_name_and_their_output_on_request(query, found):
    assert hits(query, *TOOLS) == found


def test_a_word_that_must_not_be_there_is_looked_for_in_all_of_the_entry():
    both = assistant([text("red"), tool_call("1", "Bash", {"q": "green"})])
    assert hits("red -green", both) == [1]
    assert hits("red -green in:tool", both) == []


def test_filters_on_the_session_decide_for_all_its_entries():
    sessions = [
        (SessionInfo("a", agent="coder", labels={"env": "prod"}, title="Tide table"), log(user("race"))),
        (SessionInfo("b", agent="writer", status="running"), log(user("race"), user("race"))),
    ]
    assert seqs(sessions, "race agent:coder") == [1]
    assert seqs(sessions, "race agent:c*") == [1]
    assert seqs(sessions, "race -agent:coder") == [2, 1]
    assert seqs(sessions, "race label:env=prod") == [1]
    assert seqs(sessions, "race is:running") == [2, 1]
    assert seqs(sessions, "title:tide") == [1]
    assert seqs(sessions, "race", session="b") == [2, 1]


def test_an_amended_message_is_found_as_it_shows():
    made = (user("race"), NewEntry("amend", {"seq": 1, "body": {"role": "user", "parts": [text("deadlock")]}}))
    assert hits("race", *made, amendments=((2, 1),)) == []
    assert hits("deadlock", *made, amendments=((2, 1),)) == [1]
    hidden = (user("race"), NewEntry("amend", {"seq": 1, "hide": True}))
    assert hits("race", *hidden, amendments=((2, 1),)) == []


def test_a_title_is_found_while_the_session_has_it():
    made = (NewEntry("created", {"title": "Harbour"}), NewEntry("update", {"set": {"title": "Light"}}))
    assert hits("harbour", *made, title="Light") == []
    assert hits("light", *made, title="Light") == [2]


def test_a_call_of_a_tool_counts_from_where_it_was_made():
    early = (tool("1", "zebra"), assistant([tool_call("1", "Bash", {})]))
    assert hits("zebra tool:bash", *early) == []


def test_newest_first_goes_by_time_then_session_then_number():
    same = log(user("race"), user("race"), at="2026-01-01T00:00:00.000000Z")
    later = log(user("race"), at="2026-01-02T00:00:00.000000Z")
    sessions = [(SessionInfo("b"), same), (SessionInfo("a"), same), (SessionInfo("c"), later)]
    page = search_all(sessions, parse("race"), limit=99)
    assert [(hit.session, hit.seq) for hit in page] == [("c", 1), ("a", 2), ("a", 1), ("b", 2), ("b", 1)]


@pytest.mark.parametrize("order", ["newest", "rank"])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_neither_skip_nor_repeat(order, limit):
    sessions = [(SessionInfo(name), log(*(user("race " * (seq + 1)) for seq in range(4)))) for name in "ab"]
    whole = search_all(sessions, parse("race"), order=order, limit=99)
    assert len(whole) == 8
    assert whole.cursor is None
    cursor, found = None, []
    for _ in range(9):
        page = search_all(sessions, parse("race"), order=order, limit=limit, cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert tuple(found) == whole.items


def test_by_rank_the_better_answer_comes_first():
    sessions = [(SessionInfo("s"), log(user("race " + "far " * 200 + "condition"), user("race condition")))]
    assert seqs(sessions, "race condition", order="rank") == [2, 1]
    scores = [hit.score for hit in search_all(sessions, parse("race condition"), order="rank", limit=9)]
    assert scores == sorted(scores, reverse=True)


def test_rank_looks_at_the_newest_hits_only():
    old = user("race race race race")
    sessions = [
        (SessionInfo("s"), log(old, *[user("race and hay")] * SEARCH_RANKED_MAX, at="2026-01-01T00:00:00.000000Z"))
    ]
    best = search_all(sessions, parse("race"), order="rank", limit=1)
    assert best.items[0].seq != 1


@pytest.mark.parametrize("asked", [{"order": "best"}, {"limit": 0}, {"limit": True}, {"cursor": "rubbish"}], ids=repr)
def test_what_can_not_be_asked_is_refused(asked):
    with pytest.raises(Invalid):
        search_all([], parse("race"), **{"limit": 9, **asked})


def test_a_cursor_of_the_other_order_is_refused():
    sessions = [(SessionInfo("s"), log(user("race"), user("race")))]
    cursor = search_all(sessions, parse("race"), limit=1).cursor
    with pytest.raises(Invalid, match="cursor"):
        search_all(sessions, parse("race"), order="rank", limit=1, cursor=cursor)


def test_a_hit_says_where_who_and_what():
    (hit,) = search_all([(SessionInfo("s", title="Races"), log(user("a race")))], parse("race"), limit=9)
    assert (hit.session, hit.seq, hit.role, hit.title) == ("s", 1, "user", "Races")
    assert (hit.snippet, hit.at) == ("a race", "2026-01-01T00:00:01.000000Z")
    assert hit.score > 0
