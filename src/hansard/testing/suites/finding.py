"""What finding and searching guarantee: every acknowledged append counts, and pages neither skip nor repeat."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ...errors import Invalid, NotFound, Unsupported
from ...model.entry import NewEntry, assistant, tool, tool_call, user
from ...query import EVERYTHING, Condition, parse, where
from ..driver import Driver, requires, without

ORDERS = ("activity", "updated", "created", "touched", "title", "id", "seq")


def _found(drive: Driver, condition: Condition = EVERYTHING, order: str = "id", limit: int = 99) -> list[str]:
    return [info.id for info in drive.backend.find(condition, order=order, limit=limit, cursor=None)]


def _pages(drive: Driver, order: str, limit: int) -> Iterator[list[str]]:
    cursor = None
    while True:
        page = drive.backend.find(EVERYTHING, order=order, limit=limit, cursor=cursor)
        yield [info.id for info in page]
        cursor = page.cursor
        if cursor is None:
            return


class Finding:
    """Sessions are found by what they are."""

    def test_a_find_sees_what_was_appended_a_moment_ago(self, drive: Driver) -> None:
        drive.new("s")
        drive.set("s", status="running")
        assert _found(drive, where(status="running")) == ["s"]
        drive.set("s", status="completed")
        assert _found(drive, where(status="running")) == []

    def test_a_find_returns_the_info_as_it_is_now(self, drive: Driver) -> None:
        drive.new("s", first=[user("hello")])
        assert drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None).items == (drive.backend.info("s"),)

    @pytest.mark.parametrize(
        "filters",
        [
            {"agent": "a"}, {"user": None}, {"user": ["u", "v"]}, {"labels": {"k": "v"}}, {"state": {"n": 1}},
            {"pinned": True}, {"empty": True}, {"all_kinds": True}, {"kind": "child"}, {"parent": "s1"},
            {"number": 1}, {"created_after": "2026-09-21T14:13:21Z"}, {"updated_since": "2026-09-21T14:13:22Z"},
            {"fields": {"persona": "dry"}}, {"title": "hello"}, {"metadata": {"deep": {"a": [1]}}},
        ],
        ids=repr,
    )  # fmt: skip
    def test_a_filter_means_the_same_as_looking_at_each(self, drive: Driver, filters: dict[str, Any]) -> None:
        from ...query import matches

        _populate(drive)
        condition = where(**filters)
        infos = [drive.backend.info(one) for one in ("s0", "s1", "s2", "c", "A", "é")]
        expected = sorted(info.id for info in infos if matches(condition, info))
        assert _found(drive, condition) == expected

    @pytest.mark.parametrize("order", [*ORDERS, *(f"-{order}" for order in ORDERS)])
    def test_every_order_is_total_and_pages_follow_it(self, drive: Driver, order: str) -> None:
        from ...query import order_key

        _populate(drive)
        infos = [drive.backend.info(one) for one in ("s0", "s1", "s2", "c", "A", "é")]
        infos.sort(key=lambda info: order_key(info, order), reverse=order.startswith("-"))
        expected = [info.id for info in infos]
        assert _found(drive, order=order) == expected
        assert list(_pages(drive, order, 4)) == [expected[:4], expected[4:]]

    def test_a_page_that_holds_all_has_no_cursor(self, drive: Driver) -> None:
        _populate(drive)
        assert drive.backend.find(EVERYTHING, order="id", limit=6, cursor=None).cursor is None

    def test_sessions_that_come_and_go_shift_no_page(self, drive: Driver) -> None:
        for name in "bdfhj":
            drive.new(name)
        first = drive.backend.find(EVERYTHING, order="id", limit=2, cursor=None)
        drive.new("a")
        drive.new("e")
        drive.backend.delete("d")
        rest = drive.backend.find(EVERYTHING, order="id", limit=9, cursor=first.cursor)
        assert [[info.id for info in page] for page in (first, rest)] == [["b", "d"], ["e", "f", "h", "j"]]

    @pytest.mark.parametrize(
        "asked",
        [{"order": "size"}, {"order": ""}, {"limit": 0}, {"limit": -1}, {"cursor": "rubbish"}, {"cursor": "é"}],
        ids=repr,
    )
    def test_what_can_not_be_asked_is_refused(self, drive: Driver, asked: dict[str, Any]) -> None:
        whole: dict[str, Any] = {"order": "id", "limit": 9, "cursor": None, **asked}
        with pytest.raises(Invalid):
            drive.backend.find(EVERYTHING, **whole)

    def test_a_cursor_of_another_order_is_refused(self, drive: Driver) -> None:
        _populate(drive)
        cursor = drive.backend.find(EVERYTHING, order="id", limit=2, cursor=None).cursor
        with pytest.raises(Invalid, match="cursor"):
            drive.backend.find(EVERYTHING, order="-id", limit=2, cursor=cursor)


def _populate(drive: Driver) -> None:
    for number in range(3):
        drive.new(f"s{number}", agent="a", user="u" if number else None, metadata={"deep": {"a": [number]}})
        drive.clock.advance(seconds=1)
    drive.new("c", parent="s1", kind="child", labels={"k": "v"})
    drive.append("s0", user("hello", at="2031-01-01T00:00:00Z"))
    drive.set("s1", pinned=True, persona="dry", title="Zebra")
    drive.new("A", user="v", at="2020-01-01T00:00:00Z", first=[user("ähnlich")])
    drive.new("é", labels={"k": "w"})


def _hits(drive: Driver, text: str, **asked: Any) -> list[tuple[str, int]]:
    asked = {"session": None, "order": "newest", "limit": 99, "cursor": None, **asked}
    return [(hit.session, hit.seq) for hit in drive.backend.search(parse(text), **asked)]


@requires("search")
class Searching:
    """Text is found where it was said."""

    def test_a_word_is_found_in_every_session_that_said_it(self, drive: Driver) -> None:
        drive.new("s", first=[user("a race condition"), assistant("a deadlock")])
        drive.new("t", first=[user("Race day")])
        assert sorted(_hits(drive, "race")) == [("s", 2), ("t", 2)]

    def test_a_search_within_one_session_stays_there(self, drive: Driver) -> None:
        drive.new("s", first=[user("race")])
        drive.new("t", first=[user("race")])
        assert _hits(drive, "race", session="t") == [("t", 2)]

    def test_what_was_appended_a_moment_ago_is_found(self, drive: Driver) -> None:
        drive.new("s")
        for number in range(3):
            drive.say("s", f"needle{number}")
            assert _hits(drive, f"needle{number}") == [("s", number + 2)]

    def test_hits_say_where_who_and_what(self, drive: Driver) -> None:
        drive.new("s", title="Races", first=[user("before the race condition after", at="2026-01-02T03:04:05Z")])
        (hit,) = drive.backend.search(parse("condition"), session=None, order="newest", limit=9, cursor=None)
        assert (hit.role, hit.at, hit.title) == ("user", "2026-01-02T03:04:05.000000Z", "Races")
        assert "race condition" in hit.snippet

    def test_phrases_prefixes_and_exclusions_narrow_it(self, drive: Driver) -> None:
        drive.new("s", first=[user("red green"), user("green red"), user("greenish")])
        assert _hits(drive, '"red green"') == [("s", 2)]
        assert sorted(_hits(drive, "green*")) == [("s", 2), ("s", 3), ("s", 4)]
        assert _hits(drive, 'green -"red green"') == [("s", 3)]

    def test_tool_output_is_found_on_request(self, drive: Driver) -> None:
        drive.new("s", first=[assistant([tool_call("1", "grep", {"q": "x"})]), tool("1", "zebra crossing")])
        assert _hits(drive, "zebra") == []
        assert _hits(drive, "zebra role:tool") == [("s", 3)]

    def test_what_was_compacted_away_or_left_on_a_branch_is_found(self, drive: Driver) -> None:
        drive.new("s", first=[user("aardvark"), assistant("badger")])
        drive.append("s", NewEntry(kind="compaction", body={"summary": "animals", "covers": 3}))
        assert _hits(drive, "aardvark") == [("s", 2)]
        assert _hits(drive, "animals") == [("s", 4)]

    def test_what_is_hidden_is_not_found_unless_a_summary_stands_for_it(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("walnut hidden"), user("walnut archived"))
        drive.append("s", NewEntry(kind="amend", body={"seq": 2, "hide": True}))
        drive.append("s", NewEntry(kind="amend", body={"seq": 3, "hide": True, "archived": True}))
        assert _hits(drive, "walnut") == [("s", 3)]

    def test_filters_on_the_session_count(self, drive: Driver) -> None:
        drive.new("s", agent="coder", first=[user("race")])
        drive.new("t", agent="writer", first=[user("race")])
        assert _hits(drive, "race agent:coder") == [("s", 2)]

    def test_deleted_sessions_are_not_found(self, drive: Driver) -> None:
        drive.new("s", first=[user("race")])
        assert _hits(drive, "race")
        drive.backend.delete("s")
        assert _hits(drive, "race") == []

    @pytest.mark.parametrize("order", ["newest", "rank"])
    def test_pages_neither_skip_nor_repeat(self, drive: Driver, order: str) -> None:
        for name in "abc":
            drive.new(name, first=[user(f"needle {number}") for number in range(3)])
            drive.clock.advance(seconds=1)
        everything = _hits(drive, "needle", order=order)
        cursor, paged = None, []
        for _ in range(5):
            page = drive.backend.search(parse("needle"), session=None, order=order, limit=2, cursor=cursor)  # pyright: ignore[reportArgumentType]
            paged += [(hit.session, hit.seq) for hit in page]
            cursor = page.cursor
        assert cursor is None
        assert paged == everything
        assert len(set(everything)) == 9

    def test_code_words_and_other_scripts_are_found(self, drive: Driver) -> None:
        drive.new("s", first=[user("edit src/main.rs in c++"), user("数据库 is down"), user("שלום")])
        assert _hits(drive, "src/main.rs") == [("s", 2)]
        assert _hits(drive, "c++") == [("s", 2)]
        assert _hits(drive, "数据库") == [("s", 3)]
        assert _hits(drive, "שלום") == [("s", 4)]

    @pytest.mark.parametrize(
        "text", ["c++", "foo-bar", "it's", '"', "AND", "(", "NOT", "*", "a*b", "数据库", "", "x " * 5_000, "\x00", ":"]
    )
    def test_any_text_is_a_query(self, drive: Driver, text: str) -> None:
        drive.new("s", first=[user("hello")])
        assert isinstance(_hits(drive, text), list)

    def test_a_search_in_a_missing_session_is_not_found(self, drive: Driver) -> None:
        with pytest.raises(NotFound):
            _hits(drive, "race", session="nobody")


@without("search")
class NotSearching:
    """Without the capability, searching is refused."""

    def test_a_backend_that_does_not_search_says_so(self, drive: Driver) -> None:
        with pytest.raises(Unsupported):
            drive.backend.search(parse("x"), session=None, order="newest", limit=1, cursor=None)
