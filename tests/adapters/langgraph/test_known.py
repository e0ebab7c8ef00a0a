"""What is known of a list of messages: no change is ever missed, and copies are independent."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("langgraph", reason="LangGraph is not installed: pip install 'hansard[langgraph]'")

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage

from hansard.adapters import langgraph_known, langgraph_watching
from hansard.adapters.langgraph_known import Known, frozen


@pytest.fixture(autouse=True, params=["one by one", "watched", "watched in small groups"])
def way(request, monkeypatch):
    """How messages are compared; long lists are watched, which short ones must be told to be."""
    if request.param != "one by one":
        monkeypatch.setattr(langgraph_known, "_ONE_BY_ONE_MAX", 0)
    if request.param == "watched in small groups":
        monkeypatch.setattr(langgraph_watching, "_GROUP_MAX", 3)


def messages():
    found = []
    for number in range(5):
        found += [
            HumanMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], id=f"h{number}"),
            AIMessage(
                "",
                id=f"a{number}",
                tool_calls=[
                    {"name": "gauge", "args": {"where": "pier", "n": 1, "deep": {"x": [], "y": {}}}, "id": "1"},
                    {"name": "gauge", "args": {"where": "quay"}, "id": "2"},
                ],
                usage_metadata={"input_tokens": 1, "output_tokens": 0, "total_tokens": 1},
                response_metadata={"model_name": "m"},
            ),
            ToolMessage("2.4 m", tool_call_id="1", id=f"t{number}", artifact={"rows": [["a", "b"], ["c"]]}),
            AIMessage(
                "It is high.",
                id=f"z{number}",
                tool_calls=[{"name": "say", "args": {"how": "loud"}, "id": "3"}],
                additional_kwargs={"cards": [{"marks": ["a"]}]},
                response_metadata={"usage": {"prices": {"in": 1, "out": 2}}},
            ),
        ]
    return found


def differing(before, objects):
    return before.compared(objects).differing


def known(objects):
    new = Known()
    for one in objects:
        new.append(frozen(one), one)
    return new


class Odd:
    """Refuses to be compared."""

    def __eq__(self, other):
        raise ValueError

    __hash__ = None


def move_between_lists(message):
    rows = message.artifact["rows"]
    rows[1].insert(0, rows[0].pop())


def rename_key(message):
    args = message.tool_calls[1]["args"]
    args["there"] = args.pop("where")


DEEP_TRUE = {"usage": {"prices": {"in": True, "out": 2}}}

CHANGES = {
    "content": (0, lambda message: setattr(message, "content", "else")),
    "a block of the content": (0, lambda message: message.content[1].update(text="c")),
    "one block more": (0, lambda message: message.content.append("c")),
    "blocks turned around": (0, lambda message: message.content.reverse()),
    "name": (0, lambda message: setattr(message, "name", "ana")),
    "id": (0, lambda message: setattr(message, "id", None)),
    "an additional argument": (0, lambda message: message.additional_kwargs.update(x=1)),
    "what is deep in an additional argument": (3, lambda message: message.additional_kwargs["cards"][0]["marks"].append("b")),
    "what is deep in the metadata": (3, lambda message: message.response_metadata["usage"]["prices"].pop("in")),
    "metadata that become none": (3, lambda message: message.response_metadata.clear()),
    "an equal dict of fields with True": (
        3, lambda message: setattr(message, "__dict__", {**message.__dict__, "response_metadata": DEEP_TRUE}),
    ),
    "an extra field": (0, lambda message: setattr(message, "mood", "calm")),
    "all fields": (0, lambda message: setattr(message, "__dict__", {**message.__dict__, "content": "else"})),
    "an argument of a call": (1, lambda message: message.tool_calls[1]["args"].update(where="else")),
    "a key of the arguments of a call": (1, rename_key),
    "a deep empty list": (1, lambda message: message.tool_calls[0]["args"]["deep"]["x"].append(1)),
    "a deep empty dict": (1, lambda message: message.tool_calls[0]["args"]["deep"]["y"].update(a=None)),
    "1 that becomes True": (1, lambda message: message.tool_calls[0]["args"].update(n=True)),
    "1 that becomes 1.0": (1, lambda message: message.usage_metadata.update(input_tokens=1.0)),
    "0 that becomes False": (1, lambda message: message.usage_metadata.update(output_tokens=False)),
    "usage that becomes an equal one with True": (
        1, lambda message: setattr(message, "usage_metadata", {**message.usage_metadata, "total_tokens": True}),
    ),
    "calls turned around": (1, lambda message: message.tool_calls.reverse()),
    "a call less": (1, lambda message: message.tool_calls.pop()),
    "a key of the metadata": (1, lambda message: message.response_metadata.update({"é": "x"})),
    "what is no JSON": (1, lambda message: setattr(message, "response_metadata", {"x": object()})),
    "a value that can't be compared": (2, lambda message: setattr(message, "artifact", Odd())),
    "an item that moves to the next list": (2, move_between_lists),
    "an item in a list of lists": (2, lambda message: message.artifact["rows"][1].clear()),
    "a call that becomes none": (3, lambda message: setattr(message, "tool_calls", [])),
    "a call with a number": (3, lambda message: message.tool_calls[0]["args"].update(how=1)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("round_", [0, 2, 4])
def test_any_change_in_place_is_noticed_and_nothing_else(change, round_):
    place, work = CHANGES[change]
    objects = messages()
    before = known(objects)
    assert differing(before, objects) == []
    work(objects[place + 4 * round_])
    assert differing(before, objects) == [place + 4 * round_]


def test_equal_messages_are_the_same_whoever_made_them():
    before = known(messages())
    assert differing(before, messages()) == []
    assert differing(before, messages()[:7]) == []
    assert differing(before, [*messages(), HumanMessage("more")]) == []
    assert differing(before, messages()[::-1]) == list(range(20))


def test_a_message_that_cannot_be_compared_hides_no_other():
    objects = messages()
    objects[3] = RemoveMessage(id="gone")
    objects[9] = ToolMessage("x", tool_call_id="1", artifact=(1, 2))
    before = known(objects)
    assert differing(before, objects) == [3, 9]
    objects[12].content = "else"
    assert differing(before, objects) == [3, 9, 12]


def test_a_list_that_goes_on_leaves_what_it_began_with_as_it_was():
    objects = messages()
    before = known(objects[:10])
    one, two = before.first(objects[:10]), before.first(objects[:10])
    for message in objects[10:]:
        one.append(frozen(message), message)
    other = HumanMessage("another way", id="o")
    two.append(frozen(other), other)
    for new, wanted in ((before, objects[:10]), (one, objects), (two, [*objects[:10], other])):
        assert new.values() == wanted
        assert differing(new, wanted) == []
    shorter = one.first(messages()[:4])
    shorter.append(frozen(other), other)
    assert differing(shorter, [*objects[:4], other]) == []
    assert differing(one, objects) == []
    objects[8].content = "else"
    assert (differing(before, objects), differing(one, objects), differing(two, objects[:10])) == ([8], [8], [8])


@pytest.mark.parametrize("copies", [0, 3, 100])
def test_what_is_given_out_is_what_was_known_whatever_became_of_it(copies):
    objects = messages()
    objects[2] = ToolMessage("x", tool_call_id="1", artifact=(1, 2))
    wanted = messages()
    wanted[2] = ToolMessage("x", tool_call_id="1", artifact=(1, 2))
    before = known(objects)
    for number in range(4):
        found = before.messages(copies=copies, made=lambda place: wanted[place].model_copy())
        assert found == wanted
        assert differing(before, found) == [2]
        assert differing(before, before.messages(copies=copies, made=lambda place: wanted[place].model_copy())) == [2]
        found[number * 4].content = "spoilt"
        found[number * 4 + 1].tool_calls[0]["args"]["deep"]["x"].append("spoilt")
        assert differing(before, found) == sorted({2, number * 4, number * 4 + 1})


def test_random_changes_are_found_where_they_were_made():
    source = random.Random(4711)
    for _ in range(150):
        objects = messages()
        before = known(objects[: source.randrange(1, 21)])
        for _ in range(source.randrange(4)):
            differing(before, objects)
            before = before.first(objects[: source.randint(1, len(before.values()))])
        size = len(before.values())
        changed = set()
        for _ in range(source.randrange(4)):
            place, work = CHANGES[source.choice(list(CHANGES))]
            place += 4 * source.randrange(5)
            if place not in changed:
                work(objects[place])
                changed.add(place)
        assert differing(before, objects) == sorted(place for place in changed if place < size)
