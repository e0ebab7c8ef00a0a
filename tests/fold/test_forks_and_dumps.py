from __future__ import annotations

import pytest
from fold_logs import CREATED, at, entry, log, says

from hansard.fold import FOLD_VERSION, Fold
from hansard.model.info import Segment, Usage


def fold(*items) -> Fold:
    return Fold.of((one, 100) for one in log(*items))


def update(**body):
    return ("update", body)


def sets(**fields):
    return ("update", {"set": fields})


def _forked(**created) -> Fold:
    prefix = log(
        says("user", "hello"),
        says("assistant"),
        sets(status="running", error="e", pinned=True, title="T", persona="dry", model="m"),
        update(
            state={"set": {"a": 1}}, labels={"set": {"l": "1"}}, metadata={"set": {"m": 1}}, config={"set": {"c": 1}}
        ),
        ("lease", {"owner": "o", "fence": 4, "ttl_ms": 5}),
        ("usage", {"input": 5, "context": {"used": 1}}),
        ("attachment", {"sha256": "a", "size": 5}),
        ("amend", {"seq": 2, "hide": True}),
        created={
            **CREATED,
            "agent": "a",
            "user": "u",
            "project": "j",
            "slug": "x",
            "number": 3,
            "name": "n",
            "source": 1,
        },
    )
    last = prefix[-1].seq
    body = {"session": "f", "kind": "fork", "format": 1, "segments": [{"session": "s", "last": last, "hash": "h"}]}
    running = Fold.of(((one, 0) for one in prefix), tree=True)
    running.apply(entry(last + 1, "created", body | created), 50)
    return running


def test_a_fork_takes_over_what_it_shows_and_not_what_its_origin_was_doing():
    running = _forked()
    found = running.info()
    assert (found.id, found.kind, found.root, found.parent, found.depth) == ("f", "fork", "f", None, 0)
    assert found.segments == (Segment("s", 9, "h"),)
    assert (found.title, found.model, found.project, found.agent, found.user) == ("T", "m", "j", "a", "u")
    assert (found.state, found.labels, found.metadata, found.config) == ({"a": 1}, {"l": "1"}, {"m": 1}, {"c": 1})
    assert (found.fields, found.context, found.amendments) == ({"persona": "dry"}, {"used": 1}, ((9, 2),))
    assert (found.message_count, found.head) == (2, 3)
    gone = (found.status, found.error, found.slug, found.number, found.name, found.lease, found.source)
    assert gone == (None,) * 7
    assert (found.pinned, running.fence, found.usage) == (False, 0, Usage())
    assert (found.entry_count, found.size, found.attachment_count, found.attachment_bytes) == (1, 50, 0, 0)
    assert (found.created_at, found.activity_at) == (at(10), at(10))


def test_what_a_fork_is_given_wins_over_what_it_takes_over():
    found = _forked(title="mine", labels={"x": "y"}, project="k", metadata={}, agent="b", number=1).info()
    assert (found.title, found.labels, found.project, found.metadata) == ("mine", {"x": "y"}, "k", {})
    assert (found.agent, found.number) == ("b", 1)


def test_a_fork_can_begin_where_only_the_number_is_known():
    running = Fold()
    running.seq = 41
    body = {"session": "f", "kind": "fork", "segments": [{"session": "s", "last": 41, "hash": "h"}]}
    running.apply(entry(42, "created", body))
    assert (running.info().id, running.seq) == ("f", 42)


def test_a_dump_is_small_and_gives_the_same_fold():
    running = fold(*[says("user" if n % 2 else "assistant", "x" * 500) for n in range(2000)])
    data = running.dump()
    assert len(data) < 1500
    assert Fold.load(data).info() == running.info()


def test_a_dump_keeps_any_json_value():
    odd = {"lone": "\ud800", "nul": "\x00", "big": 2**70, "float": 0.1 + 0.2, "none": None}
    running = fold(update(state={"set": odd}), sets(error=odd, x="\udfff"))
    assert Fold.load(running.dump()).info() == running.info()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"rubbish",
        b"{}",
        b"[1]",
        b'{"version":%d}' % FOLD_VERSION,
        b'{"version":%d,"facts":3,"trail":{}}' % FOLD_VERSION,
        b"\xff",
    ],
)
def test_rubbish_is_no_dump(data):
    with pytest.raises(ValueError, match="no fold"):
        Fold.load(data)


def test_the_dump_of_another_version_is_refused():
    data = Fold().dump().replace(b'"version":%d' % FOLD_VERSION, b'"version":99')
    with pytest.raises(ValueError, match="version 99"):
        Fold.load(data)


def test_an_undo_of_the_last_messages_needs_no_tree():
    items = [says("user" if n % 2 else "assistant") for n in range(1000)]
    back = ("head", {"to": 801})
    running = fold(*items, back)
    assert not running.needs_tree
    assert running.info() == Fold.of(((one, 100) for one in log(*items, back)), tree=True).info()
    running.apply(entry(1003, "head", {"to": 10}))
    assert running.needs_tree


def test_a_path_of_more_than_256_ranges_has_to_be_walked():
    items = [says("user")]
    for number in range(300):
        items += [says("user"), says("assistant", parent=2 + 2 * number), says("assistant")][:2]
    running = fold(*items)
    assert running.info().path == ()
    assert len(running.ranges()) > 256
    assert not running.needs_tree
    assert len(running.dump()) < 1500
    assert Fold.load(running.dump()).needs_tree
