from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp

import hansard
from hansard.adapters import langgraph_store
from hansard.adapters.langgraph import HansardStore
from hansard.errors import Invalid
from support.adapters import BACKENDS, empty_stores

NS = ("users", "mara")


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    with empty_stores(request.param, tmp_path) as empty:
        yield HansardStore(empty())


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_795_000_000.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(langgraph_store, "time", clock)
    return clock


def another(store, **more):
    return HansardStore(store.store, **more)


def test_an_item_is_put_found_replaced_and_deleted(store, clock):
    store.put(NS, "k", {"a": [1, {"b": None}], "f": 0.1 + 0.2})
    clock.now += 60
    store.put(NS, "k", {"a": 2})
    item = another(store).get(NS, "k")
    assert (item.namespace, item.key, item.value) == (NS, "k", {"a": 2})
    assert (item.updated_at - item.created_at).total_seconds() == 60
    item.value["a"] = "spoilt"
    assert store.get(NS, "k").value == {"a": 2}
    store.delete(NS, "k")
    store.delete(NS, "never")
    assert another(store).get(NS, "k") is None


def test_a_batch_reads_what_was_there_before_and_its_last_put_counts(store):
    store.put(NS, "k", {"n": 0})
    ops = [
        PutOp(NS, "k", {"n": 1}),
        GetOp(NS, "k"),
        PutOp(NS, "k", {"n": 2}),
        PutOp(NS, "l", {"n": 3}),
        GetOp(NS, "none"),
    ]
    results = store.batch(ops)
    assert [result and result.value for result in results] == [None, {"n": 0}, None, None, None]
    assert (store.get(NS, "k").value, store.get(NS, "l").value) == ({"n": 2}, {"n": 3})
    seq = store.store.info("~langgraph-store").seq
    assert store.batch([]) == []
    assert store.store.info("~langgraph-store").seq == seq


def test_a_batch_that_is_refused_leaves_nothing(store):
    with pytest.raises(Invalid, match="item 'bad'"):
        store.batch([PutOp(NS, "good", {"a": 1}), PutOp(NS, "bad", {"a": {1, 2}})])
    assert store.get(NS, "good") is None


def test_a_tuple_in_a_value_is_a_list_and_a_value_without_end_is_refused(store):
    store.put(NS, "k", {"at": (1, {"deep": ("a", [()])})})
    assert store.get(NS, "k").value == {"at": [1, {"deep": ["a", [[]]]}]}
    endless = {}
    endless["again"] = (endless,)
    with pytest.raises(Invalid, match="item 'k'"):
        store.put(NS, "k", endless)


def test_a_search_takes_a_prefix_filters_and_a_page(store):
    for number in range(10):
        store.put(
            ("docs", "a" if number % 2 else "b"),
            str(number),
            {"n": number, "kind": "even" if number % 2 == 0 else "odd", "deep": {"x": number}},
        )
    store.put(("other",), "z", {"n": 1})

    def found(prefix=("docs",), **more):
        return [item.key for item in store.search(prefix, limit=more.pop("limit", 100), **more)]

    assert len(found()) == 10
    assert found(("docs", "a")) == ["1", "3", "5", "7", "9"]
    assert found(filter={"kind": "even", "n": {"$gte": 4}}) == ["4", "6", "8"]
    assert found(filter={"n": {"$gt": 3, "$lt": 6, "$ne": 5}}) == ["4"]
    assert found(filter={"n": {"$lte": 0}}) == ["0"]
    assert found(filter={"deep": {"x": {"$eq": 7}}}) == ["7"]
    assert found(filter={"missing": {"$gt": 1}}) == []
    assert found(limit=3, offset=8) == ["8", "9"]
    assert len(found(())) == 11
    with pytest.raises(Invalid, match="operator"):
        found(filter={"n": {"$like": 1}})


def test_a_query_ranks_by_the_words_that_items_say(store):
    store.put(NS, "1", {"text": "The tide is high at the pier"})
    store.put(NS, "2", {"text": "nothing of the kind"})
    store.put(NS, "3", {"text": "HIGH tide, low pier, and gulls"})
    found = store.search(NS, query="high tide gulls")
    assert [item.key for item in found] == ["3", "1", "2"]
    assert [item.score for item in found] == [1.0, pytest.approx(2 / 3), 0.0]


def test_namespaces_are_listed_by_prefix_suffix_and_depth(store):
    for namespace in (("a", "b", "c"), ("a", "b", "d"), ("a", "x", "c"), ("z",)):
        store.put(namespace, "k", {})
    assert store.list_namespaces(prefix=("a", "b")) == [("a", "b", "c"), ("a", "b", "d")]
    assert store.list_namespaces(prefix=("a", "*", "c")) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(suffix=("c",)) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(max_depth=2) == [("a", "b"), ("a", "x"), ("z",)]
    assert store.list_namespaces(limit=1, offset=1) == [("a", "b", "d")]
    condition = MatchCondition(match_type="suffix", path=("*", "d"))
    [listed] = store.batch([ListNamespacesOp(match_conditions=(condition,))])
    assert listed == [("a", "b", "d")]


def test_an_item_ends_with_its_time_which_reading_gives_anew(store, clock):
    store.put(NS, "short", {"a": 1}, ttl=1)
    store.put(NS, "long", {"a": 1})
    clock.now += 50
    assert store.get(NS, "short")
    clock.now += 50
    assert another(store).get(NS, "short", refresh_ttl=False)
    clock.now += 20
    for one in (store, another(store)):
        assert one.get(NS, "short") is None
        assert [item.key for item in one.search(NS)] == ["long"]
    assert store.sweep_ttl() == 1
    assert store.sweep_ttl() == 0
    assert store.get(NS, "long")


def test_times_to_live_can_be_configured(store, clock):
    configured = another(store, ttl={"default_ttl": 2, "refresh_on_read": False})
    configured.put(NS, "k", {"a": 1})
    configured.put(NS, "stays", {"a": 1}, ttl=None)
    clock.now += 100
    assert configured.get(NS, "k")
    clock.now += 30
    assert configured.get(NS, "k") is None
    assert configured.get(NS, "stays")


def test_sweeping_erases_what_was_replaced_deleted_or_over(tmp_path, clock):
    with hansard.open(tmp_path / "store") as place:
        store = HansardStore(place)
        store.put(NS, "k", {"text": "secret one"})
        store.put(NS, "k", {"text": "open"})
        store.put(NS, "gone", {"text": "secret two"})
        store.delete(NS, "gone")
        store.put(NS, "over", {"text": "secret three"}, ttl=1)
        clock.now += 61
        store.sweep_ttl()
        assert store.get(NS, "k").value == another(store).get(NS, "k").value == {"text": "open"}
        log = next((tmp_path / "store" / "sessions").glob("*langgraph-store/log.jsonl")).read_bytes()
        assert b"secret" not in log
        assert b"open" in log


def test_a_sweeper_sweeps_by_itself(tmp_path):
    store = HansardStore(tmp_path / "store")
    store.put(NS, "k", {"a": 1}, ttl=0.0001)
    store.start_ttl_sweeper(0.0002)
    store.start_ttl_sweeper()
    session = store.store.get("~langgraph-store")
    # Whatever was read before it was erased: that it was is an entry, too.
    assert next(entry for entry in session.tail(0) if entry.kind == "erase")
    assert store.stop_ttl_sweeper(20)
    store.close()


def test_memories_of_other_names_are_apart(store):
    store.put(NS, "k", {"a": 1})
    assert another(store, name="other").get(NS, "k") is None


def test_the_asynchronous_half_is_the_same(store):
    async def work():
        await asyncio.gather(*(store.aput(NS, str(number), {"n": number}) for number in range(20)))
        found = await store.asearch(NS, limit=100)
        await store.adelete(NS, "0")
        return len(found), await store.aget(NS, "0"), await store.abatch([SearchOp(NS, limit=100)])

    count, gone, [rest] = asyncio.run(work())
    assert (count, gone, len(rest)) == (20, None, 19)
