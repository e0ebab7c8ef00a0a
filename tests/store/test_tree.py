from __future__ import annotations

import pytest

import hansard
from hansard import AlreadyExists, Conflict, Invalid, NotFound


@pytest.fixture
def talk(session):
    """Entries 2 to 7: three turns."""
    for number in (1, 2, 3):
        session.append([hansard.user(f"u{number}"), hansard.assistant(f"a{number}")])
    return session


def texts(session, **asked):
    return [message.text for message in session.history(**asked)]


def test_rewind_shows_less_and_keeps_all(talk):
    assert talk.rewind(to=3) == 8
    assert texts(talk) == ["u1", "a1"]
    talk.append(hansard.user("u2 again"))
    assert texts(talk) == ["u1", "a1", "u2 again"]
    assert talk.info.entry_count == 9
    talk.rewind(to=7)
    assert texts(talk) == ["u1", "a1", "u2", "a2", "u3", "a3"]
    talk.rewind(to=0)
    assert texts(talk) == []


@pytest.mark.parametrize("to", [-1, 99, "3", None])
def test_rewind_to_what_is_not_there_is_refused(talk, to):
    with pytest.raises(Invalid):
        talk.rewind(to=to)
    assert talk.seq == 7


def test_branches_are_the_ends_of_the_tree(talk):
    assert [(branch.head, branch.visible) for branch in talk.branches()] == [(7, True)]
    talk.rewind(to=3)
    talk.append(hansard.user("other"))
    first, second = talk.branches()
    assert (first.head, first.visible, first.message_count) == (7, False, 6)
    assert (second.head, second.visible, second.message_count) == (9, True, 3)
    assert (first.fork_point, second.fork_point) == (3, 9)
    talk.rewind(to=first.head)
    assert texts(talk)[-1] == "a3"


def test_a_session_without_messages_has_no_branches(session):
    assert session.branches() == []


def test_amend_shows_another_text_and_hide_shows_none(talk):
    talk.amend(2, "u1, amended")
    talk.amend(3, hide=True)
    assert texts(talk)[:2] == ["u1, amended", "u2"]
    assert talk.entry(2).body["parts"] == [hansard.text("u1")]
    talk.amend(2, [hansard.text("again")])
    assert texts(talk)[0] == "again"


@pytest.mark.parametrize(
    ("asked", "error"),
    [((1, "x"), Invalid), ((99, "x"), NotFound), ((2,), Invalid), ((2, [5]), Invalid), ((0, "x"), Invalid)],
)
def test_only_messages_are_amended(talk, asked, error):
    with pytest.raises(error):
        talk.amend(*asked)
    with pytest.raises(Invalid):
        talk.amend(2, "x", hide=True)
    assert talk.seq == 7


def test_compact_begins_the_history_with_the_summary(talk):
    assert talk.compact("so far", keep=2) == 8
    assert texts(talk) == ["so far", "u3", "a3"]
    talk.append(hansard.user("u4"))
    assert texts(talk) == ["so far", "u3", "a3", "u4"]
    assert (talk.info.summary, talk.info.entry_count) == ("so far", 9)
    talk.compact("all of it")
    assert texts(talk) == ["all of it"]


def test_compacting_again_keeps_messages_of_before_the_first_time(talk):
    talk.compact("one", keep=3)
    assert texts(talk) == ["one", "a2", "u3", "a3"]
    talk.append(hansard.user("u4"))
    talk.compact("two", keep=2)
    assert texts(talk) == ["two", "a3", "u4"]


def test_compact_never_parts_a_call_from_its_result(session):
    session.append(
        [
            hansard.user("u"),
            hansard.assistant([hansard.tool_call("c1", "ls", {})]),
            hansard.tool("c1", "out"),
            hansard.assistant("done"),
        ]
    )
    session.compact("s", keep=2)
    assert [message.role for message in session.history()][1:] == ["assistant", "tool", "assistant"]


def test_what_can_not_be_compacted_is_refused(session, talk, store):
    for asked in ({"keep": 6}, {"keep": -1}, {"keep": 1, "covers": 3}, {"archive": 5}, {"covers": 0}, {"covers": "x"}):
        with pytest.raises(Invalid):
            talk.compact("s", **asked)
    for summary in (None, 5):
        with pytest.raises(Invalid):
            talk.compact(summary)
    with pytest.raises(Invalid, match="nothing"):
        store.create().compact("s")
    talk.rewind(to=3)
    with pytest.raises(Conflict):
        talk.compact("s", covers=5)


def test_a_fork_continues_its_origin_and_both_go_on_alone(store, talk):
    fork = talk.fork(at=3, id="f", labels={"try": "2"}, title="Other way")
    assert texts(fork) == ["u1", "a1"]
    fork.append(hansard.user("f2"))
    talk.append(hansard.user("u4"))
    assert texts(fork) == ["u1", "a1", "f2"]
    assert texts(talk)[-1] == "u4"
    info = fork.info
    assert (info.kind, info.root, info.labels, info.title) == ("fork", "f", {"try": "2"}, "Other way")
    assert [entry.seq for entry in fork.entries()] == [1, 2, 3, 4, 5]
    assert texts(store.fork(talk, at=5)) == ["u1", "a1", "u2", "a2"]
    assert talk.delete()
    assert texts(fork) == ["u1", "a1", "f2"]


def test_a_fork_needs_a_free_id_and_an_entry(talk):
    with pytest.raises(AlreadyExists):
        talk.fork(id="s")
    for at in (99, 0, -1):
        with pytest.raises(Invalid):
            talk.fork(at=at)


def test_spawn_makes_children_and_children_lists_them(store, session):
    child = session.spawn(agent="reviewer", id="c", entries=[hansard.user("look")], state={"n": 1}, status="running")
    info = child.info
    assert (info.kind, info.parent, info.root, info.depth, info.agent) == ("child", "s", "s", 1, "reviewer")
    assert (info.state, info.status, info.message_count) == ({"n": 1}, "running", 1)
    grandchild = child.spawn(id="g")
    second = session.spawn(id="d")
    assert session.children() == [child, second]
    assert session.children(recursive=True) == [child, second, grandchild]
    assert child.children(recursive=True) == [grandchild]
    assert grandchild.info.root == "s"
    with pytest.raises(Conflict):
        session.delete()
    assert session.delete(force=True)
    assert not store.exists("g")
    with pytest.raises(NotFound):
        session.children()


def test_a_resident_name_is_one_child_of_the_whole_tree(session):
    child = session.spawn(name="reviewer", agent="reviewer")
    assert session.spawn(name="reviewer") == child
    assert session.spawn(id="d").spawn(name="reviewer") == child
    assert child.info.name == "reviewer"
    with pytest.raises(Invalid, match="name and id"):
        session.spawn(name="x", id="y")


def test_a_child_needs_its_parent_and_a_free_id(store, session):
    session.spawn(id="c")
    with pytest.raises(AlreadyExists):
        session.spawn(id="c")
    store.delete("s")
    with pytest.raises(NotFound):
        session.spawn()
