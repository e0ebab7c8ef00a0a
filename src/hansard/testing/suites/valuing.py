"""What comes back: any JSON a caller can make, exactly, and a clear refusal of everything else."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from typing import Any

import pytest

from ...errors import Invalid
from ...model.entry import NewEntry, event, user
from ...model.requests import Changes, Keys
from ..driver import Driver


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


SAME = {
    "NUL": "a\x00b",
    "controls and separators": "\x01\x1f\x7f\u2028\u2029\ufeff",
    "a lone surrogate": "\ud83d",
    "a lone surrogate in a key": {"\udc00": 1},
    "a pair of surrogates in the wrong order": "\udc00\ud800",
    "an integer beyond 64 bits": 2**70,
    "a negative one": -(2**70),
    "0.1 + 0.2": 0.1 + 0.2,
    "the smallest float": 5e-324,
    "the largest float": 1.7976931348623157e308,
    "minus nought": -0.0,
    "a float that is whole": 3.0,
    "key order": {"b": 1, "a": 2, "": 3},
    "true and one": [True, 1, False, 0, None],
    "the depth that is allowed": _deep(198),
    "a line's own members": {"hash": "x", "body": ',"hash":"', "salt": '"}\n'},
    "text that looks like escapes": '\\u0000 \\n "',
    "emoji and other scripts": "🏛️ 数据库 שלום é e\u0301",
}

REFUSED = {
    "NaN": (float("nan"), "body.x"),
    "infinity": ([1, float("inf")], r"body.x\[1\]"),
    "bytes": ({"y": b"z"}, "body.x.y"),
    "a key that is a number": ({"y": {1: 2}}, "body.x.y"),
    "a tuple": ((1, 2), "body.x"),
    "a set": ({1}, "body.x"),
    "an object": (object(), "body.x"),
    "a subclass of str": (type("Mine", (str,), {})("z"), "body.x"),
    "depth 10,000": (_deep(10_000), "200 levels"),
}


class Valuing:
    """Values survive."""

    @pytest.mark.parametrize("value", SAME.values(), ids=SAME.keys())
    def test_a_value_comes_back_equal_in_a_body(self, drive: Driver, value: Any) -> None:
        drive.new("s")
        drive.append("s", event("e", {"x": value}))
        back = drive.entries("s")[1].body["x"]
        assert (back, type(back), repr(back)) == (value, type(value), repr(value))

    @pytest.mark.parametrize("value", SAME.values(), ids=SAME.keys())
    def test_a_value_comes_back_equal_in_the_state(self, drive: Driver, value: Any) -> None:
        drive.new("s")
        drive.append("s", changes=Changes(state=Keys(set={"x": value})))
        back = drive.backend.info("s").state["x"]
        assert (back, type(back), repr(back)) == (value, type(value), repr(value))

    def test_a_text_of_16_megabytes_comes_back_equal(self, drive: Driver) -> None:
        drive.new("s")
        large = "0123456789abcdé\n" * (1 << 20)
        drive.say("s", large)
        assert drive.texts("s") == [large]

    @pytest.mark.parametrize(("value", "where"), REFUSED.values(), ids=REFUSED.keys())
    def test_what_is_no_json_is_refused_with_its_place(self, drive: Driver, value: Any, where: str) -> None:
        drive.new("s")
        with pytest.raises(Invalid, match=where):
            drive.append("s", event("e", {"x": value}))
        assert drive.backend.info("s").seq == 1

    @pytest.mark.parametrize("identity", ["x" * 512, "a\x00b", "..", "é", 'a"b\\', "\n"])
    def test_strange_ids_of_entries_work(self, drive: Driver, identity: str) -> None:
        drive.new("s")
        drive.append("s", user("one", id=identity))
        assert drive.entries("s")[1].id == identity
        assert drive.append("s", user("one", id=identity)).added == 0

    def test_an_id_of_an_entry_that_is_too_long_is_refused(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(Invalid, match="512"):
            drive.append("s", user("one", id="x" * 513))

    def test_what_is_returned_can_not_be_used_to_change_the_store(self, drive: Driver) -> None:
        drive.new("s", metadata={"list": [1]}, first=[user("two")])
        drive.append("s", changes=Changes(state=Keys(set={"list": [1]})))
        drive.entries("s")[1].body["parts"].append({"type": "text", "text": "forged"})
        info = drive.backend.info("s")
        info.state["list"].append(2)
        info.metadata["list"].append(2)
        again = drive.backend.info("s")
        assert (again.state, again.metadata) == ({"list": [1]}, {"list": [1]})
        assert len(drive.entries("s")[1].body["parts"]) == 1

    def test_what_was_handed_in_can_be_changed_afterwards(self, drive: Driver) -> None:
        drive.new("s")
        body: dict[str, Any] = {"role": "user", "parts": [{"type": "text", "text": "said"}]}
        state = {"list": [1]}
        drive.append("s", NewEntry(kind="message", body=body), changes=Changes(state=Keys(set=state)))
        body["parts"][0]["text"] = "forged"
        state["list"].append(2)
        drive.say("s", "next")
        assert drive.texts("s") == ["said", "next"]
        assert drive.backend.info("s").state == {"list": [1]}
