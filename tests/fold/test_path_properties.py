from __future__ import annotations

from unittest import mock

import msgspec
from fold_logs import CREATED, Plain, entry, expanded, logs
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.fold import Fold, branches, path
from hansard.model.entry import NODES

modest = settings(max_examples=75, deadline=None)


def _fold(entries, *, tree=False) -> Fold:
    return Fold.of(((one, 10) for one in entries), tree=tree)


@modest
@given(logs())
def test_the_tree_fold_agrees_with_the_definition_after_every_entry(entries):
    fold, plain = Fold(tree=True), Plain()
    for one in entries:
        fold.apply(one)
        plain.apply(one)
        info = fold.info()
        assert info.head == plain.head
        assert expanded(info.path, info.seq) == plain.visible()
        assert (info.message_count, info.user_message_count, info.exchange_count) == plain.counts()
        base = plain.path()[0]
        assert info.summary == (plain.nodes[base].body["summary"] if base else None)
        assert not fold.needs_tree


@modest
@given(logs())
def test_the_plain_fold_says_the_same_as_the_tree_or_that_it_needs_it(entries):
    fold, tree = Fold(), Fold(tree=True)
    for one in entries:
        fold.apply(one, 10)
        tree.apply(one, 10)
        if fold.needs_tree:
            break
        assert fold.info() == tree.info()
        assert [fold.on_path(seq) for seq in range(-1, 34)] == [tree.on_path(seq) for seq in range(-1, 34)]


@modest
@given(logs(), st.integers(0, 30))
def test_a_fold_that_was_dumped_and_loaded_goes_on_as_if_it_had_not_been(entries, place):
    straight = _fold(entries, tree=True)
    loaded = Fold.load(_fold(entries[:place]).dump())
    for one in entries[place:]:
        loaded.apply(one, 10)
    if not loaded.needs_tree:
        assert loaded.info() == straight.info()


@modest
@given(logs(), st.integers(0, 30))
def test_a_fold_without_its_table_goes_on_as_if_it_had_it(entries, place):
    straight = _fold(entries, tree=True)
    light = _fold(entries[:place], tree=True).light()
    assert light.tree is None
    for one in entries[place:]:
        light.apply(one, 10)
    if not light.needs_tree:
        assert light.info() == straight.info()


@modest
@given(logs(), logs())
def test_a_copy_and_its_original_go_their_own_ways(entries, others):
    for tree in (False, True):
        fold = _fold(entries, tree=tree)
        before, dump = fold.info(), fold.dump()
        copy = fold.copy()
        moved = [msgspec.structs.replace(one, seq=one.seq + len(entries)) for one in others[1:]]
        for one in moved:
            copy.apply(one, 10)
        assert fold.info() == before
        assert fold.dump() == dump
        again = _fold([*entries, *moved], tree=tree)
        assert copy.info() == again.info()


@modest
@given(logs(max_size=15), logs(max_size=15))
def test_a_fork_has_the_path_of_its_prefix_and_goes_on_from_there(prefix, rest):
    last = prefix[-1].seq
    body = {**CREATED, "session": "f", "kind": "fork", "segments": [{"session": "s", "last": last, "hash": "h"}]}
    own = [entry(last + 1, "created", body)]
    own += [msgspec.structs.replace(one, seq=one.seq + last) for one in rest[1:]]
    fold, plain = _fold([*prefix, *own], tree=True), Plain([*prefix, *own])
    info = fold.info()
    assert expanded(info.path, info.seq) == plain.visible()
    assert (info.id, info.kind, info.entry_count, info.size) == ("f", "fork", len(own), 10 * len(own))


@modest
@given(logs())
def test_every_end_of_the_tree_is_a_branch_and_one_is_visible(entries):
    fold, plain = _fold(entries, tree=True), Plain(entries)
    found = branches(fold)
    ends = {node for node in plain.nodes if node not in plain.parents.values()}
    assert {one.head for one in found} == (ends | {plain.head} if plain.nodes else set())
    assert [one.head for one in found if one.visible] == ([plain.head] if plain.nodes else [])
    common = {0, *plain.ancestry(plain.head)}
    for one in found:
        assert one.fork_point == next(node for node in [*plain.ancestry(one.head), 0] if node in common)
        rewound = Fold.of(((each, 0) for each in entries), tree=True)
        rewound.apply(entry(len(entries) + 1, "head", {"to": one.head}))
        assert rewound.info().message_count == one.message_count


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 50)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "parts",
                    "raw",
                    "text",
                    "type",
                    "covers",
                    "keep",
                    "to",
                    "seq",
                    "body",
                    "set",
                    "clear",
                    "state",
                    "labels",
                    "title",
                    "pinned",
                    "needs",
                    "segments",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_kinds = st.sampled_from(
    [
        "created",
        "message",
        "event",
        "usage",
        "update",
        "compaction",
        "head",
        "amend",
        "attachment",
        "document",
        "lease",
        "erase",
        "upgrade",
        "x-a.b",
        "odd",
    ]
)


@modest
@given(st.lists(st.tuples(_kinds, _json, st.none() | st.integers(-3, 60)), max_size=25))
def test_no_body_of_any_shape_makes_a_log_unreadable(items):
    fold, tree = Fold(), Fold(tree=True)
    for number, (kind, body, parent) in enumerate(items):
        one = entry(number + 1, kind, body, parent)
        fold.apply(one)
        tree.apply(one)
    info = tree.info()
    assert info.seq == len(items)
    assert msgspec.json.decode(msgspec.json.encode(info), type=type(info)) == info
    assert Fold.load(fold.dump()).dump() == fold.dump()
    if not fold.needs_tree:
        assert fold.info() == info


def test_nodes_are_what_the_model_says():
    assert {"message", "compaction"} == NODES


@modest
@given(logs())
def test_what_is_no_longer_remembered_is_admitted(entries):
    with mock.patch.object(path, "WINDOW", 2):
        fold, tree = Fold(), Fold(tree=True)
        for number, one in enumerate(entries):
            fold.apply(one, 10)
            tree.apply(one, 10)
            if fold.needs_tree:
                fold = tree.light()
            elif number % 7 == 6:
                fold = Fold.load(fold.dump())
            assert fold.info() == tree.info()
