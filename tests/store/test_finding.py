from __future__ import annotations

import pytest

import hansard
from hansard import AlreadyExists, Invalid, NotFound


def ids(page):
    return [info.id for info in page]


def test_create_says_who_and_what_in_one_commit(store):
    session = store.create(
        id="s", agent="coder", user="ana", project="api", labels={"env": "prod"}, metadata={"m": [1]}, config={"c": None},
        title="T", source={"format": "own"}, at="2026-01-02T03:04:05Z", state={"n": 1}, status="pending",
        entries=[hansard.system("Be brief."), hansard.user("hi")],
    )  # fmt: skip
    info = session.info
    assert (info.agent, info.user, info.project, info.labels) == ("coder", "ana", "api", {"env": "prod"})
    assert (info.metadata, info.config, info.title, info.source) == ({"m": [1]}, {"c": None}, "T", {"format": "own"})
    assert (info.state, info.status, info.number, info.kind, info.root) == ({"n": 1}, "pending", 1, "root", "s")
    assert info.created_at == "2026-01-02T03:04:05.000000Z"
    assert [entry.kind for entry in session.entries()] == ["created", "message", "message", "update"]
    assert session.entry(4).commit[0] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""}, {"id": "x" * 513}, {"id": 5}, {"agent": 5}, {"labels": {"a": 1}}, {"labels": []}, {"metadata": {1: 2}},
        {"kind": ""}, {"kind": "child"}, {"at": "soon"}, {"source": object()}, {"title": b"x"}, {"entries": "hi"},
    ],
)  # fmt: skip
def test_what_can_not_be_created_is_refused(store, wrong):
    with pytest.raises(Invalid):
        store.create(**wrong)
    assert ids(store.find(all_kinds=True)) == []


@pytest.mark.parametrize("name", [".", "..", "a/b", "a_b", "A", "con", "a\\b", "../../../etc/passwd", "x" * 300, "🦊"])
def test_any_id_works(store, name):
    store.create(id="a")
    session = store.create(id=name)
    session.append(hansard.user("hi"))
    assert (store.get(name).seq, store.get("a").seq) == (2, 1)
    with pytest.raises(AlreadyExists):
        store.create(id=name)


def test_get_exists_info_and_delete_agree(store):
    store.create(id="s")
    assert (store.exists("s"), store.get("s").id, store.info("s").id) == (True, "s", "s")
    assert store.delete("s") is True
    assert store.delete("s") is False
    assert not store.exists("s")
    for missing in (lambda: store.get("s"), lambda: store.info("s")):
        with pytest.raises(NotFound):
            missing()


def test_get_or_create_by_id_gives_one_session_to_its_owner_only(store):
    first = store.get_or_create("s", agent="coder", user="ana", entries=[hansard.user("hi")])
    again = store.get_or_create("s", agent="coder", user="ana", entries=[hansard.user("hi")])
    assert (first, again.seq) == (again, 2)
    with pytest.raises(AlreadyExists):
        store.get_or_create("s", agent="coder", user="ben")


def test_get_or_create_by_pair_gives_the_newest_root(store):
    first = store.get_or_create(agent="coder", user="ana")
    second = store.create(agent="coder", user="ana")
    second.fork()
    second.spawn(agent="coder", user="ana")
    assert store.get_or_create(agent="coder", user="ana") == second
    assert store.get_or_create(agent="coder") not in (first, second)
    second.delete()
    assert store.get_or_create(agent="coder", user="ana") == first
    assert store.get_or_create() != store.get_or_create()


def test_find_filters_orders_and_pages(store, clock):
    for number in range(5):
        clock.advance(1)
        store.create(id=f"s{number}", user="ana" if number % 2 else None, labels={"n": str(number)}, status="running")
    clock.advance(1)
    store.get("s1").append(hansard.user("late"))
    assert ids(store.find(limit=2)) == ["s1", "s4"]
    assert ids(store.find(order="id")) == [f"s{number}" for number in range(5)]
    assert ids(store.find(order="-created", user="ana")) == ["s3", "s1"]
    assert sorted(ids(store.find(user=None))) == ["s0", "s2", "s4"]
    assert ids(store.find(labels={"n": "3"}, status="running", user=hansard.ANY)) == ["s3"]
    page = store.find(order="id", limit=2)
    rest = store.find(order="id", limit=2, after=page.cursor)
    assert (ids(page), ids(rest), page.complete) == (["s0", "s1"], ["s2", "s3"], True)
    assert ids(store.sessions(order="-id", empty=True)) == ["s4", "s3", "s2", "s0"]


def test_children_are_listed_only_when_asked_for(store):
    root = store.create(id="r")
    root.spawn(id="c")
    root.fork(id="f")
    assert ids(store.find(order="id")) == ["f", "r"]
    assert ids(store.find(kind="child")) == ["c"]
    assert ids(store.find(parent="r")) == ["c"]
    assert ids(store.find(order="id", all_kinds=True)) == ["c", "f", "r"]


@pytest.mark.parametrize(
    "wrong", [{"color": "red"}, {"order": "size"}, {"limit": 0}, {"after": "rubbish"}, {"pinned": 1}]
)
def test_what_find_does_not_know_is_refused(store, wrong):
    with pytest.raises(Invalid):
        store.find(**wrong)


def test_a_streamed_order_is_checked_before_the_first_session(store):
    with pytest.raises(Invalid):
        store.sessions(order="size")


def test_resolve_takes_what_people_type(store, clock):
    for name in ("abc-1", "abd-2", "xyz"):
        clock.advance(1)
        store.create(id=name, agent="coder", user="ana", entries=[hansard.user("hi")])
    assert store.resolve("abc-1").id == "abc-1"
    assert store.resolve("abd").id == "abd-2"
    assert store.resolve("@last").id == store.resolve("@1").id == "xyz"
    assert store.resolve("@3").id == "abc-1"
    assert store.resolve(store.info("xyz").slug).id == "xyz"
    with pytest.raises(Invalid, match=r"abd-2.*abc-1"):
        store.resolve("ab")
    for missing in ("@4", "nothing", "x" * 600):
        with pytest.raises(NotFound):
            store.resolve(missing)
    with pytest.raises(Invalid):
        store.resolve("")


def test_resolve_prefers_an_exact_id(store):
    store.create(id="a")
    store.create(id="ab")
    assert store.resolve("a").id == "a"
    with pytest.raises(NotFound, match="no sessions"):
        store.create(id="@last").delete() and store.delete("a") and store.delete("ab") and store.resolve("@last")


def test_search_finds_newest_first_everywhere_or_in_one_session(store, clock):
    for name in ("a", "b"):
        clock.advance(1)
        store.create(id=name, entries=[hansard.user(f"the race condition of {name}"), hansard.assistant("fixed")])
    assert [hit.session for hit in store.search("race condition")] == ["b", "a"]
    assert [(hit.session, hit.seq) for hit in store.search("race", session=store.get("a"))] == [("a", 2)]
    assert [hit.session for hit in store.search("race", limit=1)] == ["b"]
    assert len(store.search("fixed role:user", session="a")) == 0
    assert [hit.session for hit in store.search("race", order="rank")] != []


@pytest.mark.parametrize(
    "text", ["c++", "foo-bar", "it's", '"', "AND", "(", "数据库", "שלום", "x" * 10_000, "", "role:"]
)
def test_any_text_is_a_valid_search(store, text):
    store.create(entries=[hansard.user("c++ foo-bar")])
    assert store.search(text).complete in (True, False)


def test_a_search_can_not_be_of_another_type_or_order(store):
    for wrong in ({"text": 5}, {"text": "a", "order": "best"}, {"text": "a", "session": 5}, {"text": "a", "limit": 0}):
        with pytest.raises(Invalid):
            store.search(**wrong)
