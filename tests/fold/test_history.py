from __future__ import annotations

import pytest
from fold_logs import answers, calls, entry, log, logs, says
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard import payloads
from hansard.fold import Fold, assemble, path_spans
from hansard.fold.pairing import INTERRUPTED
from hansard.model.entry import Entry

modest = settings(max_examples=100, deadline=None)


def _read(entries: list[Entry], fold: Fold) -> list[Entry]:
    """What a caller reads: the spans of the path, in their order."""
    found = []
    for after, before in path_spans(fold.info()):
        found += [one for one in entries if after < one.seq and (before is None or one.seq < before)]
    return found


def history(*items, live: bool = False, amend=None):
    entries = log(*items)
    fold = Fold.of(((one, 0) for one in entries), tree=True)
    targets = {one.body["seq"]: one for one in entries if one.kind == "amend"}
    return assemble(_read(entries, fold), fold.info(), amendments=amend or targets, live=live)


def shape(messages) -> list[str]:
    """Role and, in brief, the parts: `!a` a call, `=a` its result, `?a` a synthetic one, else the text."""
    found = []
    for one in messages:
        words = []
        for part in one.parts:
            if part["type"] == "tool_call":
                words.append("!" + part["id"])
            elif part["type"] == "tool_result":
                words.append(("?" if one.synthetic else "=") + part["call_id"])
            else:
                words.append(part.get("text", part["type"]))
        found.append(f"{one.role}:{' '.join(words)}")
    return found


def test_the_messages_of_the_path_come_in_their_order():
    found = history(says("system", "be kind"), says("user", "hi"), ("event", {"type": "x"}), says("assistant", "hello"))
    assert shape(found) == ["system:be kind", "user:hi", "assistant:hello"]
    assert [(one.seq, one.id) for one in found] == [(2, "e2"), (3, "e3"), (5, "e5")]


def test_what_was_rewound_is_not_there():
    found = history(says("user", "a"), says("assistant", "b"), ("head", {"to": 2}), says("assistant", "c"))
    assert shape(found) == ["user:a", "assistant:c"]


def test_a_branch_aside_is_not_there():
    found = history(says("user", "a"), says("assistant", "b"), says("assistant", "aside", 2), says("user", "c", 3))
    assert shape(found) == ["user:a", "assistant:b", "user:c"]


def test_entries_outside_the_path_do_no_harm():
    entries = log(says("user", "a"), says("assistant", "b"), ("head", {"to": 2}), says("assistant", "c"))
    info = Fold.of((one, 0) for one in entries).info()
    assert shape(assemble(entries, info, amendments={})) == ["user:a", "assistant:c"]


def test_the_summary_of_a_compaction_comes_first_as_a_synthetic_user_message():
    body = {"summary": "they greeted", "covers": 3, "keep": 3}
    found = history(says("user", "a"), says("assistant", "b"), ("compaction", body), says("user", "c"))
    assert shape(found) == ["user:they greeted", "assistant:b", "user:c"]
    assert [(one.seq, one.synthetic) for one in found] == [(4, True), (3, False), (5, False)]


def test_only_the_last_compaction_of_the_path_is_shown():
    one, two = {"summary": "one", "covers": 2, "keep": 2}, {"summary": "two", "covers": 2, "keep": 2}
    found = history(says("user", "a"), ("compaction", one), says("user", "b"), ("compaction", two))
    assert shape(found) == ["user:two", "user:a", "user:b"]


def test_a_compaction_without_a_summary_shows_only_what_is_kept():
    found = history(says("user", "a"), ("compaction", {"summary": None, "covers": 2}), says("user", "b"))
    assert shape(found) == ["user:b"]


def test_an_amendment_replaces_or_hides_what_is_shown():
    better = {"role": "user", "parts": [{"type": "text", "text": "better"}]}
    found = history(
        says("user", "a"),
        says("assistant", "b"),
        ("amend", {"seq": 2, "body": better}),
        ("amend", {"seq": 3, "hide": True}),
    )
    assert shape(found) == ["user:better"]
    assert found[0].seq == 2


@pytest.mark.parametrize("body", [None, {}, {"seq": 2}, {"seq": 2, "hide": 1, "body": []}])
def test_an_amendment_that_says_nothing_changes_nothing(body):
    assert shape(history(says("user", "a"), amend={2: entry(3, "amend", body)})) == ["user:a"]


def test_an_erased_message_is_gone_though_an_amendment_is_left():
    better = {"role": "user", "parts": []}
    found = history(("message", None), says("user", "b"), amend={2: entry(4, "amend", {"seq": 2, "body": better})})
    assert shape(found) == ["user:b"]


@pytest.mark.parametrize("body", [7, "x", [], {}, {"role": 5, "parts": []}, {"parts": []}])
def test_a_message_that_is_none_is_left_out(body):
    assert history(("message", body)) == []


def test_parts_of_any_kind_are_carried_along():
    parts = [{"type": "x-odd", "n": 1}, {"n": 2}, "loose"]
    (found,) = history(("message", {"role": "user", "parts": parts}))
    assert found.parts == ({"type": "x-odd", "n": 1}, {"n": 2}, {"type": "json", "value": "loose"})


def test_fields_beside_the_parts_are_given_and_wrong_ones_are_not():
    (one, two) = history(says("user", name="ana", model="m", metadata={"k": 1}), says("user", name=5, metadata=[]))
    assert (one.name, one.model, one.metadata) == ("ana", "m", {"k": 1})
    assert (two.name, two.model, two.metadata) == (None, None, {})


def test_a_raw_message_is_decoded_and_keeps_its_payload(monkeypatch):
    monkeypatch.setattr(payloads, "parts_of", lambda body: [{"type": "text", "text": body["raw"]["text"].upper()}])
    raw = {"format": "claude-code", "text": "hi"}
    (found,) = history(("message", {"role": "user", "raw": raw}))
    assert (found.text, found.raw) == ("HI", raw)


def test_a_raw_message_that_no_decoder_takes_is_there_without_parts(monkeypatch):
    def fails(body):
        raise KeyError(body)

    monkeypatch.setattr(payloads, "parts_of", fails)
    raw = {"format": "claude-code", "text": "hi"}
    (found,) = history(("message", {"role": "tool", "raw": raw}))
    assert (found.parts, found.raw) == ((), raw)


def test_a_call_and_its_result_stay_as_they_are():
    assert shape(history(calls("a"), answers("a"), says("assistant", "ok"))) == [
        "assistant:!a",
        "tool:=a",
        "assistant:ok",
    ]


def test_a_result_without_a_call_is_left_out():
    assert shape(history(says("user", "hi"), answers("a"), answers("b", role="user", text="and"))) == [
        "user:hi",
        "user:and",
    ]


def test_an_interrupted_call_gets_a_marked_result_right_behind_it():
    found = history(calls("a", "b"), answers("b"), says("user", "go on"))
    assert shape(found) == ["assistant:!a !b", "tool:=b", "tool:?a", "user:go on"]
    part = found[2].parts[0]
    assert (part["is_error"], part["content"], part["name"]) == (True, INTERRUPTED, "run")
    assert found[2].seq == 0


def test_the_open_call_of_a_live_run_is_pending():
    found = history(says("user", "hi"), calls("a", "b"), answers("a"), live=True)
    assert shape(found) == ["user:hi", "assistant:!a !b", "tool:=a"]
    assert [one.pending for one in found] == [False, True, False]


def test_an_open_call_before_the_last_answer_is_not_pending_even_if_the_run_is_live():
    found = history(calls("a"), says("assistant", "never mind"), live=True)
    assert shape(found) == ["assistant:!a", "tool:?a", "assistant:never mind"]
    assert not any(one.pending for one in found)


def test_a_live_run_with_all_calls_answered_has_nothing_pending():
    assert not any(one.pending for one in history(calls("a"), answers("a"), live=True))


def test_results_may_come_in_any_order_and_in_several_messages():
    assert shape(history(calls("a", "b", "c"), answers("c"), answers("b", "a"))) == [
        "assistant:!a !b !c",
        "tool:=c",
        "tool:=b =a",
    ]


def test_a_late_result_goes_to_its_call():
    found = history(calls("a"), says("user", "meanwhile"), answers("a"))
    assert shape(found) == ["assistant:!a", "tool:=a", "user:meanwhile"]


def test_of_two_results_the_first_counts():
    assert shape(history(calls("a"), answers("a"), answers("a"), says("user", "x"), answers("a"))) == [
        "assistant:!a",
        "tool:=a",
        "user:x",
    ]


def test_results_of_two_answers_in_one_message_are_parted():
    found = history(calls("a"), calls("b"), answers("a", "b"))
    assert shape(found) == ["assistant:!a", "tool:=a", "assistant:!b", "tool:=b"]


def test_results_in_a_user_message_count_and_its_text_stays():
    found = history(calls("a"), answers("a", role="user", text="and now?"))
    assert shape(found) == ["assistant:!a", "user:=a and now?"]


def test_text_beside_a_result_moves_behind_the_results_that_are_still_to_come():
    found = history(calls("a", "b"), answers("a", role="user", text="and now?"), answers("b"))
    assert shape(found) == ["assistant:!a !b", "user:=a", "tool:=b", "user:and now?"]


def test_text_beside_a_late_result_stays_where_it_was_said():
    found = history(calls("a"), says("user", "one"), answers("a", role="user", text="two"))
    assert shape(found) == ["assistant:!a", "user:=a", "user:one", "user:two"]


def test_a_call_id_that_is_used_again_names_the_newer_call():
    found = history(calls("a"), answers("a"), calls("a"), answers("a"))
    assert shape(found) == ["assistant:!a", "tool:=a", "assistant:!a", "tool:=a"]
    found = history(calls("a"), says("user", "x"), calls("a"), answers("a"))
    assert shape(found) == ["assistant:!a", "tool:?a", "user:x", "assistant:!a", "tool:=a"]


def test_calls_without_ids_are_answered_in_order():
    parts = [{"type": "tool_call", "name": "run"}, {"type": "tool_call", "id": None, "name": "run"}]
    result = {"type": "tool_result", "content": "x"}
    found = history(
        ("message", {"role": "assistant", "parts": parts}),
        ("message", {"role": "tool", "parts": [result]}),
        ("message", {"role": "tool", "parts": [result]}),
        ("message", {"role": "tool", "parts": [result]}),
    )
    assert [one.role for one in found] == ["assistant", "tool", "tool"]


def test_a_result_in_the_message_of_its_call_stays_there():
    both = calls("a")[1]["parts"] + answers("a", "z")[1]["parts"]
    found = history(("message", {"role": "assistant", "parts": both}), says("user", "x"))
    assert shape(found) == ["assistant:!a =a", "user:x"]


def test_a_payload_is_not_given_for_a_message_that_lost_parts(monkeypatch):
    monkeypatch.setattr(payloads, "parts_of", lambda body: answers("a", "b")[1]["parts"])
    found = history(calls("a"), ("message", {"role": "tool", "raw": {"format": "codex", "text": "x"}}))
    assert shape(found) == ["assistant:!a", "tool:=a"]
    assert found[1].raw is None


def test_the_call_of_a_hidden_result_gets_a_synthetic_one():
    found = history(calls("a"), answers("a"), ("amend", {"seq": 3, "hide": True}))
    assert shape(found) == ["assistant:!a", "tool:?a"]


def test_the_result_of_a_hidden_call_is_left_out():
    found = history(calls("a"), answers("a"), ("amend", {"seq": 2, "hide": True}), says("user", "x"))
    assert shape(found) == ["user:x"]


def test_a_result_whose_call_was_compacted_away_is_left_out():
    body = {"summary": "s", "covers": 2}
    assert shape(history(calls("a"), answers("a"), ("compaction", body))) == ["user:s"]


def test_bodies_are_left_as_they_are():
    items = [calls("a", "b"), answers("b", "x", role="user", text="t"), says("user")]
    before = repr(items)
    history(*items)
    assert repr(items) == before


_ids = st.lists(st.sampled_from("abc"), max_size=3)
_items = st.one_of(
    _ids.map(lambda ids: calls(*ids)),
    _ids.map(lambda ids: answers(*ids)),
    _ids.map(lambda ids: answers(*ids, role="user", text="text")),
    st.tuples(_ids, _ids).map(
        lambda both: (
            "message",
            {"role": "assistant", "parts": calls(*both[0])[1]["parts"] + answers(*both[1])[1]["parts"]},
        )
    ),
    st.sampled_from([says("user"), says("assistant"), ("message", None), ("event", {})]),
    st.integers(1, 12).map(lambda seq: ("amend", {"seq": seq, "hide": True})),
    st.integers(0, 12).map(lambda seq: ("head", {"to": seq})),
    st.tuples(st.integers(1, 12), st.integers(1, 12)).map(
        lambda two: ("compaction", {"summary": "s", "covers": two[0], "keep": two[1]})
    ),
)


def _check_whole(found) -> None:
    """Every call is answered once, in its message or directly behind it; pending ones at most once."""
    waiting: list[str] = []
    for one in found:
        answered = [part["call_id"] for part in one.parts if part["type"] == "tool_result"]
        made = [part["id"] for part in one.parts if part["type"] == "tool_call"]
        if made:
            assert not waiting
            waiting = made
        for key in answered:
            assert key in waiting
            waiting.remove(key)
        if not answered and not made:
            assert not waiting
        if one.pending:
            waiting = []
    assert not waiting


@modest
@given(st.lists(_items, max_size=20))
def test_no_history_has_an_orphan(items):
    _check_whole(history(*items))
    live = history(*items, live=True)
    pending = [one for one in live if one.pending]
    assert len(pending) <= 1
    later = live[live.index(pending[0]) + 1 :] if pending else []
    assert not any(part["type"] == "tool_call" for one in later for part in one.parts)
    assert not any(one.role == "assistant" for one in later if not one.parts or one.parts[0]["type"] == "text")


@modest
@given(st.lists(_items, max_size=20))
def test_pairing_keeps_every_part_that_is_neither_call_nor_result(items):
    items = [one for one in items if one[0] == "message"]
    texts = [part for _, body, *_ in items if body for part in body["parts"] if part["type"] in ("text", "tool_call")]
    found = [part for one in history(*items) for part in one.parts if part["type"] in ("text", "tool_call")]
    assert sorted(map(repr, found)) == sorted(map(repr, texts))


@modest
@given(logs())
def test_the_history_holds_the_nodes_of_the_path(entries):
    fold = Fold.of(((one, 0) for one in entries), tree=True)
    found = assemble(_read(entries, fold), fold.info(), amendments={})
    assert sum(not one.synthetic for one in found) == fold.info().message_count


def test_a_path_of_very_many_ranges_is_given_apart():
    items = [says("user", "root")]
    for number in range(300):
        items += [says("user", f"u{number}"), ("head", {"to": 2 + 3 * number}), says("assistant", f"a{number}")]
    items = items[:-1]
    entries = log(*items)
    fold = Fold.of(((one, 0) for one in entries), tree=True)
    assert path_spans(fold.info()) == ((0, None),)
    found = assemble(entries, fold.info(), amendments={}, ranges=fold.ranges())
    assert len(found) == fold.info().message_count
    assert not any(one.text.startswith("u") for one in found)
