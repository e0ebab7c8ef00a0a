from __future__ import annotations

import msgspec
import pytest
from fold_logs import CREATED, answers, at, calls, entry, log, says

from hansard import payloads
from hansard.errors import Invalid
from hansard.fold import Fold, branches
from hansard.model.info import Lease, SessionInfo, Usage


def fold(*items, created=None) -> Fold:
    return Fold.of((one, 100) for one in log(*items, created=created))


def info(*items, created=None) -> SessionInfo:
    return fold(*items, created=created).info()


def update(**body):
    return ("update", body)


def sets(**fields):
    return ("update", {"set": fields})


def test_an_empty_fold_is_a_session_without_a_name():
    found = Fold().info()
    assert (found.id, found.seq, found.head, found.is_empty) == ("", 0, 0, True)


def test_created_says_what_the_session_is():
    body = {
        "session": "c",
        "kind": "child",
        "root": "r",
        "parent": "p",
        "depth": 2,
        "name": "n",
        "agent": "a",
        "user": "u",
        "project": "j",
        "slug": "a-u-1",
        "number": 1,
        "labels": {"k": "v"},
        "metadata": {"m": None},
        "config": {"c": [1]},
        "source": {"format": "codex"},
        "title": "T",
        "format": 1,
        "needs": [],
    }
    found = info(created=body)
    for name in [
        "kind",
        "root",
        "parent",
        "depth",
        "name",
        "agent",
        "user",
        "project",
        "slug",
        "number",
        "labels",
        "metadata",
        "config",
        "source",
        "title",
    ]:
        assert getattr(found, name) == body[name]
    assert (found.id, found.title_source, found.title_version) == ("c", "given", 1)
    assert (found.created_at, found.updated_at, found.activity_at) == (at(1), at(1), at(1))


def test_a_root_is_its_own_root():
    assert info().root == "s"


def test_a_created_entry_in_the_middle_changes_nothing():
    found = info(says("user"), ("created", {"session": "other", "kind": "root"}))
    assert (found.id, found.entry_count) == ("s", 3)


def test_counts_are_those_of_the_visible_path():
    items = [
        says("system"),
        says("user"),
        says("user"),
        says("assistant"),
        says("assistant"),
        answers("a"),
        says("user"),
    ]
    found = info(*items)
    assert (found.message_count, found.user_message_count, found.exchange_count) == (7, 3, 1)
    back = info(*items, ("head", {"to": 4}))
    assert (back.message_count, back.user_message_count, back.exchange_count) == (3, 2, 0)


def test_a_role_nobody_knows_counts_as_a_message():
    assert info(says("narrator")).message_count == 1


def test_an_erased_message_counts_for_nothing_but_keeps_its_place():
    found = info(("message", None), says("assistant"))
    assert (found.message_count, found.head, found.entry_count) == (1, 3, 3)


def test_times_and_sizes_are_followed():
    entries = [*log(says("user"), sets(status="done")), entry(4, "document", {}, commit=(2, 77))]
    entries.append(entry(5, "lease", {"owner": "o", "fence": 1, "ttl_ms": 5}, commit=(5, 30)))
    found = Fold.of((one, 10) for one in entries).info()
    assert (found.activity_at, found.updated_at) == (at(2), at(5))
    assert (found.touched_us, found.size, found.entry_count, found.hash) == (77, 50, 5, "h5")


def test_only_leases_do_not_count_for_expect():
    running = fold(says("user"), ("lease", {"owner": "o", "fence": 1, "ttl_ms": 5}))
    assert (running.seq, running.last_counted_seq) == (3, 2)


def test_a_lease_is_taken_and_released_and_its_fence_stays():
    taken = ("lease", {"owner": "o", "fence": 1, "ttl_ms": 5})
    running = fold(taken)
    assert running.lease == Lease("o", 1, 5, at(2))
    running.apply(entry(3, "lease", {"owner": "o", "fence": 1, "released": True}))
    assert running.lease == Lease("o", 1, 5, at(3), released=True)
    assert running.fence == 1


@pytest.mark.parametrize("body", [None, {}, {"fence": "1"}, {"fence": True}])
def test_a_lease_without_a_fence_is_none(body):
    assert info(("lease", body)).lease is None


def test_usage_adds_up_and_says_the_model():
    body = {"model": "m", "provider": "p", "input": 1, "output": 2, "cache_read": 3, "cache_write": 4, "reasoning": 5}
    found = info(("usage", {**body, "cost": 0.5, "latency_ms": 6, "context": {"used": 7}}), ("usage", {"input": 1}))
    assert found.usage == Usage(2, 2, 2, 3, 4, 5, 0.5, 6.0)
    assert (found.model, found.provider, found.context) == ("m", "p", {"used": 7})


def test_usage_of_the_wrong_type_counts_for_nothing():
    found = info(("usage", {"input": "1", "output": True, "cost": "x", "cache_read": 2**60, "model": 3}), ("usage", []))
    assert found.usage == Usage(1)


def test_an_assistant_says_which_model_it_is():
    assert info(says("assistant", model="m1"), says("assistant")).model == "m1"


def test_fields_are_set_and_cleared_and_null_is_a_value():
    found = info(sets(status="paused", pinned=True, persona="dry", nothing=None, error={"why": 1}))
    assert (found.status, found.pinned, found.error) == ("paused", True, {"why": 1})
    assert found.fields == {"persona": "dry", "nothing": None}
    found = info(sets(status="x", pinned=True, persona="y"), update(clear=["status", "pinned", "persona", "unheard"]))
    assert (found.status, found.pinned, found.fields) == (None, False, {})


def test_what_is_cleared_and_set_at_once_is_set():
    assert info(update(set={"status": "new"}, clear=["status"])).status == "new"


def test_a_field_of_the_wrong_type_is_kept_aside_until_it_is_right():
    wrong = sets(title=5, pinned="yes", status=["x"], seq=9, id="other")
    found = info(wrong)
    assert found.fields == {"title": 5, "pinned": "yes", "status": ["x"], "seq": 9, "id": "other"}
    assert (found.id, found.title, found.pinned, found.status, found.seq) == ("s", None, False, None, 2)
    right = info(wrong, sets(title="T", pinned=True, status="ok"))
    assert right.fields == {"seq": 9, "id": "other"}


def test_labels_that_are_no_text_are_kept_aside():
    found = info(update(labels={"set": {"a": "1", "b": 2}}))
    assert (found.labels, found.fields) == ({"a": "1"}, {"labels": {"b": 2}})
    assert msgspec.convert(msgspec.to_builtins(found), SessionInfo) == found


@pytest.mark.parametrize("name", ["state", "config", "metadata", "labels"])
def test_objects_change_key_by_key(name):
    running = fold(update(**{name: {"set": {"a": "1", "b": "2"}}}))
    first = getattr(running.info(), name)
    running.apply(entry(3, "update", {name: {"set": {"a": "3"}, "remove": ["b", "c"]}}))
    assert getattr(running.info(), name) == {"a": "3"}
    assert first == {"a": "1", "b": "2"}
    running.apply(entry(4, "update", {name: {"set": {"z": "9"}, "replace": True}}))
    assert getattr(running.info(), name) == {"z": "9"}
    running.apply(entry(5, "update", {name: {"set": {"z": "8"}, "remove": ["z"]}}))
    assert getattr(running.info(), name) == {"z": "8"}


def test_null_is_a_value_in_the_state():
    assert fold(update(state={"set": {"a": None}})).state == {"a": None}


def test_an_info_does_not_change_when_more_is_applied():
    running = fold(update(state={"set": {"a": 1}}))
    before = running.info()
    running.apply(entry(3, "update", {"state": {"set": {"b": 2}}, "set": {"x": 1}, "labels": {"set": {"l": "1"}}}))
    assert (before.state, before.fields, before.labels, before.seq) == ({"a": 1}, {}, {}, 2)


def test_the_title_is_derived_from_the_first_text_of_a_user_even_if_it_is_not_visible():
    found = info(
        says("assistant", "no"), answers("a", role="user"), says("user", " \n Fix it \nnow"), ("head", {"to": 0})
    )
    assert (found.title, found.title_source, found.title_version) == ("Fix it", "derived", 0)


def test_a_given_or_generated_title_stands_before_the_derived_one():
    items = [says("user", "derived"), sets(title="made", title_source="generated")]
    found = info(*items)
    assert (found.title, found.title_source, found.title_version) == ("made", "generated", 1)
    found = info(*items, sets(title="mine"))
    assert (found.title, found.title_source, found.title_version) == ("mine", "given", 2)
    kept = info(*items, sets(title="mine"), sets(title="made again", title_source="generated"))
    assert (kept.title, kept.title_source, kept.title_version) == ("mine", "given", 2)
    other = info(*items, sets(title="mine"), update(clear=["title"], set={"title": "x", "title_source": "generated"}))
    assert (other.title, other.title_source) == ("x", "generated")
    found = info(*items, update(clear=["title"]))
    assert (found.title, found.title_source, found.title_version) == ("derived", "derived", 1)
    assert info(*items, sets(title=None)).title == "derived"
    assert found.fields == {}


def test_a_raw_user_message_is_decoded_only_until_there_is_a_title(monkeypatch):
    asked = []

    def decode(body):
        asked.append(body["raw"]["text"])
        return [{"type": "text", "text": body["raw"]["text"].strip()}]

    monkeypatch.setattr(payloads, "parts_of", decode)
    raws = [("message", {"role": "user", "raw": {"format": "codex", "text": text}}) for text in ("  ", "one", "two")]
    assert info(*raws).title == "one"
    assert asked == ["  ", "one"]


def test_errors_of_tools_are_counted_on_every_branch(monkeypatch):
    monkeypatch.setattr(payloads, "parts_of", lambda _: answers("r", is_error=True)[1]["parts"])
    raw = ("message", {"role": "tool", "raw": {"format": "codex", "text": "x"}})
    items = [calls("a", "b"), answers("a", "b", is_error=True), answers("c", is_error="yes"), raw]
    assert info(*items, answers("d", role="user", is_error=True), ("head", {"to": 0})).error_count == 4


def test_a_decoder_that_fails_harms_nothing(monkeypatch):
    def fails(_):
        raise RuntimeError

    monkeypatch.setattr(payloads, "parts_of", fails)
    found = info(*[("message", {"role": role, "raw": {"format": "codex", "text": "x"}}) for role in ("user", "tool")])
    assert (found.title, found.error_count, found.message_count) == (None, 0, 2)


def test_attachments_of_its_own_are_counted():
    found = info(
        ("attachment", {"sha256": "a", "size": 5}), ("attachment", {"sha256": "b", "size": "x"}), ("attachment", None)
    )
    assert (found.attachment_count, found.attachment_bytes) == (2, 5)


def test_amendments_are_listed_in_their_order():
    found = info(says("user"), ("amend", {"seq": 2, "hide": True}), ("amend", {"seq": 9}), ("amend", {"seq": 2}))
    assert found.amendments == ((3, 2), (5, 2))


def test_unknown_kinds_only_count():
    found = info(("x-mine.thing", {"a": 1}), ("odd", None), ("erase", {"seqs": [1]}), ("document", {}))
    assert (found.entry_count, found.seq, found.head, found.activity_at) == (5, 5, 0, at(1))


def test_a_log_with_unknown_needs_is_followed_but_not_understood():
    running = fold(says("user", "before"), ("upgrade", {"needs": ["sealed", 5, "sealed"]}), says("user", "after"))
    assert (running.unknown_needs, running.needs) == (("sealed",), ("sealed",))
    found = running.info()
    assert (found.seq, found.hash, found.entry_count, found.size, found.message_count) == (4, "h4", 4, 400, 1)
    found = info(says("user"), created={**CREATED, "needs": ["other"]})
    assert (found.id, found.needs, found.message_count, found.updated_at) == ("s", ("other",), 0, at(2))


def test_branches_are_the_ends_of_the_tree():
    items = [
        says("user"),
        says("assistant"),
        ("head", {"to": 2}),
        says("assistant"),
        says("user"),
        says("user", parent=3),
    ]
    found = branches(Fold.of(((one, 0) for one in log(*items)), tree=True))
    assert [(b.head, b.fork_point, b.message_count, b.visible) for b in found] == [(6, 6, 3, True), (7, 2, 3, False)]
    assert [b.at for b in found] == [at(6), at(7)]


def test_a_session_rewound_to_before_its_beginning_shows_an_empty_branch():
    found = branches(Fold.of(((one, 0) for one in log(says("user"), ("head", {"to": 0}))), tree=True))
    assert [(b.head, b.fork_point, b.visible) for b in found] == [(0, 0, True), (2, 0, False)]


def test_branches_need_the_tree():
    with pytest.raises(Invalid, match="tree=True"):
        branches(Fold())


def test_a_message_that_nobody_typed_is_no_title_and_no_user_message():
    found = info(says("user", "put there", metadata={"meta": True}), says("assistant"), says("user", "typed"))
    assert (found.title, found.message_count, found.user_message_count, found.exchange_count) == ("typed", 3, 1, 0)
    assert info(says("user", "typed", metadata={"meta": "yes"})).title == "typed"
    wrong = answers("a", role="user", is_error=True)
    wrong[1]["metadata"] = {"meta": True}
    assert info(calls("a"), wrong).error_count == 1
