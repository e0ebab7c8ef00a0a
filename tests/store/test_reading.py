from __future__ import annotations

import pytest

import hansard
from hansard import Invalid, NotFound


@pytest.fixture
def long(session):
    """Entries 2 to 41: twenty turns, every fifth with an event."""
    session.append(
        [hansard.user(f"m{number}") if number % 2 else hansard.event("e", {"n": number}) for number in range(2, 42)]
    )
    return session


def seqs(entries):
    return [entry.seq for entry in entries]


def test_entries_are_read_by_range_kind_and_direction(long):
    assert seqs(long.entries()) == list(range(1, 42))
    assert seqs(long.entries(after=5, before=8)) == [6, 7]
    assert seqs(long.entries(newest_first=True, limit=3)) == [41, 40, 39]
    assert seqs(long.entries(after=38, newest_first=True)) == [41, 40, 39]
    assert seqs(long.entries(kinds="event", limit=2)) == [2, 4]
    assert seqs(long.entries(kinds=["created", "event"], limit=2)) == [1, 2]
    assert seqs(long.entries(limit=0)) == []
    assert seqs(long.last(2)) == [40, 41]
    assert seqs(long.last(2, kinds="message")) == [39, 41]


@pytest.mark.parametrize(
    "wrong", [{"after": -1}, {"after": "1"}, {"before": -1}, {"limit": -1}, {"limit": True}, {"on_damage": "ignore"}]
)
def test_ranges_that_are_none_are_refused_at_once(long, wrong):
    with pytest.raises(Invalid):
        long.entries(**wrong)


def test_one_entry_by_its_number(long):
    assert long.entry(3).body["parts"][0]["text"] == "m3"
    with pytest.raises(NotFound, match="last one is 41"):
        long.entry(42)
    with pytest.raises(Invalid):
        long.entry(0)


def test_a_missing_session_is_not_found_by_every_reader(store, session):
    store.delete("s")
    for read in (
        lambda: session.info,
        lambda: session.seq,
        lambda: list(session.entries()),
        session.history,
        session.branches,
        lambda: session.entry(1),
        session.tail,
        lambda: session.attachment("0" * 64),
    ):
        with pytest.raises(NotFound):
            read()


def test_history_is_what_a_model_gets(session, said):
    session.append(
        [
            hansard.system("Be brief."),
            hansard.user("run it"),
            hansard.event("trace"),
            hansard.assistant([hansard.text("on it"), hansard.tool_call("c1", "bash", {"cmd": "ls"})]),
            hansard.usage("m", input=10, output=2),
            hansard.tool("c1", "a b"),
            hansard.raw_message(
                "assistant", "anthropic", '{"role":"assistant","content":[{"type":"text","text":"done"}]}'
            ),
        ]
    )
    history = session.history()
    assert said(history) == [
        ("system", "Be brief."),
        ("user", "run it"),
        ("assistant", "on it"),
        ("tool", ""),
        ("assistant", "done"),
    ]
    assert seqs(history) == [2, 3, 5, 7, 8]
    assert history[3].parts[0]["content"] == "a b"


def test_an_interrupted_call_gets_a_marked_result_unless_the_run_lives(session):
    session.append([hansard.user("u"), hansard.assistant([hansard.tool_call("c1", "bash", {})])])
    dead = session.history()
    assert (dead[-1].role, dead[-1].synthetic, dead[-1].parts[0]["call_id"]) == ("tool", True, "c1")
    live = session.history(live=True)
    assert (live[-1].role, live[-1].pending) == ("assistant", True)


def test_history_is_limited_by_messages_or_tokens(session):
    session.append([hansard.user(f"m{number}") for number in range(10)])
    assert [message.text for message in session.history(limit=2)] == ["m8", "m9"]
    assert [message.text for message in session.history(max_tokens=3, count=lambda message: 1)] == ["m7", "m8", "m9"]
    with pytest.raises(Invalid):
        session.history(limit=-1)


def test_history_of_many_branches_is_the_visible_one(session):
    session.append(hansard.user("root"))
    for number in range(300):
        session.append(hansard.user(f"try {number}"))
        session.rewind(to=2)
    session.append(hansard.user("last"))
    assert [message.text for message in session.history()] == ["root", "last"]


def test_history_of_a_path_with_very_many_ranges(session):
    session.append(hansard.user("m0"))
    texts = ["m0"]
    for number in range(1, 300):
        last = session.info.head
        session.append(hansard.user("wrong"))
        session.append([hansard.NewEntry(kind="head", body={"to": last}), hansard.user(f"m{number}")])
        texts.append(f"m{number}")
    assert session.info.path == ()
    assert [message.text for message in session.history()] == texts


def test_tail_gives_entries_as_they_come(store, session):
    session.append(hansard.user("before"))
    tail = session.tail()
    session.append(hansard.user("a"))
    assert next(tail).seq == 3
    store.get("s").append([hansard.user("b"), hansard.user("c")])
    assert [next(tail).seq, next(tail).seq] == [4, 5]
    assert next(session.tail(after=0)).seq == 1
    with pytest.raises(Invalid):
        session.tail(after=-1)


def test_handles_are_equal_by_store_and_id(store, session):
    assert session == store.get("s") != store.create()
    assert len({session, store.get("s")}) == 1
    assert "'s'" in repr(session)
