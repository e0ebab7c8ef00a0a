from __future__ import annotations

import base64
import threading

import pytest

import hansard
from hansard import Conflict, Invalid, Keys, NotFound, Unsupported

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def kinds(session):
    return [entry.kind for entry in session.entries()]


def test_append_gives_the_last_seq_and_takes_one_entry_or_many(session):
    assert session.append(hansard.user("a")) == 2
    assert session.append([hansard.assistant("b"), hansard.event("step", {"n": 1})]) == 4
    assert kinds(session) == ["created", "message", "message", "event"]


def test_all_that_is_appended_at_once_is_one_group(session):
    session.append([hansard.user("a"), hansard.assistant("b")], state={"k": 1}, status="running")
    commits = [entry.commit and entry.commit[0] for entry in session.entries()]
    assert commits == [1, None, None, 2]
    assert (session.info.state, session.info.status) == ({"k": 1}, "running")


def test_a_dict_with_role_and_content_is_a_message(session):
    session.append({"role": "user", "content": "hi", "metadata": {"seed": 7}, "id": "mine"})
    entry = session.entry(2)
    assert entry.id == "mine"
    assert entry.body == {"role": "user", "metadata": {"seed": 7}, "parts": [{"type": "text", "text": "hi"}]}
    session.append({"role": "user", "content": [hansard.text("x")], "at": "2026-01-01T00:00:00+02:00"})
    assert session.entry(3).at == "2025-12-31T22:00:00.000000Z"
    session.append({"role": "tool", "parts": [hansard.tool_result("c", "out")]})
    assert session.entry(4).body["parts"][0]["call_id"] == "c"


def test_a_message_of_a_history_can_be_appended_elsewhere(store, session, said):
    session.append(
        [
            hansard.user("hi"),
            hansard.raw_message("assistant", "anthropic", '{"role":"assistant","content":"ho"}'),
        ]
    )
    other = store.create(id="t")
    other.append(session.history())
    assert said(other.history()) == [("user", "hi"), ("assistant", "ho")]
    assert other.entry(3).body["raw"] == session.entry(3).body["raw"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("hello", "hansard.user"),
        (5, "int is no entry"),
        ([5], r"entries\[0\]"),
        (b"x", "bytes is no entry"),
        ({"role": "user"}, "content .or parts., or else raw"),
        ({"content": "x"}, "role"),
        ({"role": "user", "content": 5}, "list of parts"),
        ({"role": "user", "content": [{"text": "no type"}]}, "type"),
        ({"role": "assistant", "content": "x", "tool_calls": []}, "raw_message"),
        ({"role": "user", "content": "x", "parts": []}, "not both"),
        (hansard.NewEntry(kind="message", body={"role": "user", "parts": [], "raw": {}}), "exactly one"),
        (hansard.NewEntry(kind="message", body={"role": "user", "raw": "x"}), "raw is"),
        (hansard.NewEntry(kind="created", body={}), "create"),
        (hansard.NewEntry(kind="lease", body={}), "lease"),
        (hansard.NewEntry(kind="erase", body={}), "erase"),
        (hansard.NewEntry(kind="note", body={}), "x-<namespace>"),
        (hansard.NewEntry(kind="event", body={}), "type"),
        (hansard.NewEntry(kind="update", body={"set": {"seq": 5}}), "follows from the log"),
        (hansard.NewEntry(kind="update", body={"labels": 5}), "body of an update"),
        (hansard.NewEntry(kind="message", body={"role": "user", "parts": []}, parent=-1), "parent"),
        (hansard.NewEntry(kind="message", body={"role": "user", "parts": []}, agent=5), "agent"),
        (hansard.event("x", {"v": float("nan")}), "body.v"),
        (hansard.user("x", id="i" * 513), "512"),
        (hansard.user("x", at="yesterday"), "RFC 3339"),
    ],
)
def test_what_is_no_entry_is_refused_in_words_and_nothing_is_written(session, given, why):
    with pytest.raises(Invalid, match=why):
        session.append(given)
    assert session.seq == 1


def test_kinds_of_ones_own_are_kept(session):
    session.append(hansard.NewEntry(kind="x-mine.note", body=[1, {"two": None}]))
    assert session.entry(2).body == [1, {"two": None}]


def test_nothing_to_append_writes_nothing(session):
    before = session.info
    assert session.append([]) == 1
    assert session.append(state={}) == 1
    session.append(status="running")
    assert session.append(status="running") == 2
    assert session.info.entry_count == before.entry_count + 1


def test_state_is_set_by_key_and_only_what_changes_is_written(session):
    session.append(state={"a": {"x": 1}, "b": None})
    session.append(state={"a": {"x": 1}, "c": 3})
    assert session.state == {"a": {"x": 1}, "b": None, "c": 3}
    assert session.entry(3).body == {"state": {"set": {"c": 3}}}
    session.append(state=Keys(remove=("b",)))
    session.append(state=Keys(set={"only": True}, replace=True))
    assert session.state == {"only": True}


def test_run_and_agent_are_noted_where_an_entry_says_none(session):
    session.append([hansard.user("a"), hansard.user("b", agent="own")], run="r1", agent="coder")
    assert [(entry.agent, entry.run) for entry in session.entries(after=1)] == [("coder", "r1"), ("own", "r1")]


def test_an_own_id_adds_once_and_gives_the_first_seq(session):
    assert session.append(hansard.user("a", id="one")) == 2
    session.append(hansard.user("b"))
    assert session.append(hansard.user("a", id="one")) == 2
    with pytest.raises(Conflict) as caught:
        session.append(hansard.user("other", id="one"))
    assert caught.value.seq == 3
    assert session.seq == 3


def test_commit_tells_every_seq_and_id_and_what_was_new(session):
    session.append(hansard.user("a", id="one"))
    done = session.commit([hansard.user("a", id="one"), hansard.user("b", id="two")])
    assert (done.seq, done.seqs, done.ids, done.added) == (3, (2, 3), ("one", "two"), 1)


def test_a_key_makes_the_whole_call_repeatable(session):
    def call():
        return session.append(
            [hansard.user("a"), hansard.usage("m", input=5)], key="turn-1", state={"n": 1}, status="running"
        )

    first = call()
    assert [entry.id for entry in session.entries(after=1)] == ["turn-1.0", "turn-1.1", "turn-1.2"]
    session.append(state={"n": 2}, status="completed")
    assert call() == first == 4
    assert (session.state, session.info.status, session.info.usage.calls) == ({"n": 2}, "completed", 1)
    assert session.seq == 5


def test_a_key_writes_state_as_given_even_if_it_is_so_already(session):
    session.append(state={"n": 1})
    assert session.append(key="k", state={"n": 1}) == 3
    assert session.append(key="k", state={"n": 1}) == 3


def test_a_key_for_other_content_or_a_part_is_a_conflict(session):
    session.append([hansard.user("a"), hansard.user("b")], key="k")
    for entries in ([hansard.user("a"), hansard.user("c")], [hansard.user("a"), hansard.user("b"), hansard.user("c")]):
        with pytest.raises(Conflict):
            session.append(entries, key="k")
    assert session.seq == 3


def test_expect_is_compare_and_set_and_says_the_actual_seq(session):
    assert session.append(hansard.user("a"), expect=1) == 2
    with pytest.raises(Conflict) as caught:
        session.append(hansard.user("b"), expect=1)
    assert caught.value.seq == 2
    with pytest.raises(Invalid, match="expect"):
        session.append(hansard.user("b"), expect=-1)


def test_one_of_many_threads_wins_each_seq(session):
    won = []

    def race():
        while (seq := session.seq) < 20:
            try:
                session.append(hansard.event("try"), expect=seq)
            except Conflict:
                continue
            won.append(seq + 1)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(2, session.seq + 1))


def test_inline_images_become_attachments(session):
    data = base64.b64encode(PNG).decode()
    session.append(
        [
            hansard.user([{"type": "file", "mime": "image/png", "url": f"data:image/png;base64,{data}"}]),
            hansard.raw_message("user", "x-own", f'{{"image":"data:image/png;base64,{data}"}}'),
        ]
    )
    part = session.entry(2).body["parts"][0]
    assert (part["mime"], part["size"], "url" in part) == ("image/png", len(PNG), False)
    assert session.attachment(part["attachment"]) == PNG
    raw = session.entry(3).body["raw"]
    assert data not in raw["text"]
    assert raw["cut"][0][1] == part["attachment"]


def test_first_entries_with_inline_images_are_cut_too(store):
    data = base64.b64encode(PNG).decode()
    session = store.create(entries=[hansard.user([{"type": "file", "url": f"data:image/png;base64,{data}"}])])
    assert session.attachment(session.entry(2).body["parts"][0]["attachment"]) == PNG


def test_a_deleted_session_takes_no_append(store, session):
    session.append(hansard.user("a"))
    assert store.delete("s")
    with pytest.raises(NotFound):
        session.append(hansard.user("late"))
    assert not store.exists("s")


def test_a_session_that_needs_what_is_unknown_is_read_and_copied_but_not_appended_to(store, open_store, session):
    session.append([hansard.user("a"), hansard.NewEntry(kind="upgrade", body={"needs": ["x-time-travel"]})])
    for refused in (lambda: session.append(hansard.user("b")), session.history, session.branches):
        with pytest.raises(Unsupported, match="x-time-travel"):
            refused()
    assert [entry.kind for entry in session.entries()] == ["created", "message", "upgrade"]
    there = open_store("there")
    store.copy(session, there)
    assert there.info("s").hash == session.info.hash
    assert there.check() == []


@pytest.mark.parametrize("wrong", [-3, True, 1.0, "12", 2**53 + 1, 10**5000], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["input", "output", "cache_read", "cache_write", "reasoning"])
def test_a_count_of_tokens_that_can_not_be_is_refused_by_name(session, name, wrong):
    with pytest.raises(Invalid, match=rf"usage\.{name}"):
        hansard.usage("m", **{name: wrong})
    with pytest.raises(Invalid, match=rf"entries\[1\]\.{name}"):
        session.append([hansard.user("a"), hansard.NewEntry(kind="usage", body={name: wrong})])
    assert session.seq == 1


@pytest.mark.parametrize("wrong", [-0.01, False, "1", float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("name", ["cost", "latency_ms"])
def test_an_amount_that_can_not_be_is_refused_by_name(name, wrong):
    with pytest.raises(Invalid, match=rf"usage\.{name}"):
        hansard.usage("m", **{name: wrong})


def test_the_largest_counts_and_the_smallest_amounts_are_taken(session):
    session.append(hansard.usage("m", input=2**53, output=0, cost=0, latency_ms=0.5))
    assert (session.usage().input, session.usage().latency_ms) == (2**53, 0.5)


def test_a_usage_entry_that_is_no_object_is_refused(session):
    with pytest.raises(Invalid, match="body of a usage entry is an object"):
        session.append(hansard.NewEntry(kind="usage", body=[1]))
