"""What damage does: it is found, it is named, and it stays where it is."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

import pytest

from ...errors import Corrupt, HansardError
from ...model.entry import user
from ...model.requests import Creation
from ...query import EVERYTHING, parse
from ..driver import Backdoor, Driver, said


def _changed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b"three", b"threE"), *lines[3:]]


def _dropped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1], lines[3], lines[2], *lines[4:]]


def _zeroed(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], bytes(len(lines[2]) - 1) + b"\n", *lines[3:]]


DAMAGE = {"changed": _changed, "dropped": _dropped, "swapped": _swapped, "zeroed": _zeroed}


def _damaged(drive: Driver, backdoor: Backdoor, how: str) -> None:
    """A session `s` of five groups whose third line was damaged, and an intact session `t`."""
    drive.new("t", first=[user("intact")])
    drive.new("s")
    for text in ("two", "three", "four", "five"):
        drive.say("s", text)
    backdoor.replace("s", b"".join(DAMAGE[how](backdoor.log("s").splitlines(keepends=True))))


class Damaging:
    """Damage before a whole group."""

    @pytest.mark.parametrize("how", DAMAGE)
    def test_check_names_the_session_the_line_and_the_offset(self, drive: Driver, backdoor: Backdoor, how: str) -> None:
        _damaged(drive, backdoor, how)
        found = [finding for finding in drive.backend.check() if finding.severity == "damage"]
        first = found[0]
        offset = sum(map(len, backdoor.log("s").splitlines(keepends=True)[:2]))
        assert {finding.session for finding in found} == {"s"}
        assert (first.line, first.offset) == (3, offset)

    @pytest.mark.parametrize("how", DAMAGE)
    def test_reading_gives_what_is_before_it_and_then_says_where_it_is(
        self, drive: Driver, backdoor: Backdoor, how: str
    ) -> None:
        _damaged(drive, backdoor, how)
        seen: list[int] = []
        with pytest.raises(Corrupt) as caught:
            seen.extend(entry.seq for entry in drive.backend.entries("s"))
        assert caught.value.line == 3
        with pytest.raises(Corrupt):
            drive.log("s")
        assert seen in ([], [1, 2])

    @pytest.mark.parametrize("how", ["changed", "zeroed"])
    def test_reading_can_go_on_behind_it(self, drive: Driver, backdoor: Backdoor, how: str) -> None:
        _damaged(drive, backdoor, how)
        entries = drive.entries("s", on_damage="skip")
        assert [entry.kind for entry in entries] == ["created", "message", "x-hansard.gap", "message", "message"]
        assert [said(entry) for entry in entries if entry.kind == "message"] == ["two", "four", "five"]
        assert drive.entries("s", on_damage="skip", newest_first=True) == entries[::-1]

    @pytest.mark.parametrize("how", DAMAGE)
    def test_nothing_more_is_written_to_it(self, drive: Driver, backdoor: Backdoor, how: str) -> None:
        _damaged(drive, backdoor, how)
        before = backdoor.log("s")
        with pytest.raises(HansardError):
            drive.say("s", "on")
        assert backdoor.log("s") == before

    @pytest.mark.parametrize("how", DAMAGE)
    def test_other_sessions_are_as_they_were(self, drive: Driver, backdoor: Backdoor, how: str) -> None:
        _damaged(drive, backdoor, how)
        assert drive.texts("t") == ["intact"]
        assert drive.say("t", "on").added == 1
        assert "t" in {info.id for info in drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None)}
        assert drive.findings("t") == []

    @pytest.mark.parametrize("how", [*DAMAGE, "no time", "no kind"])
    def test_a_search_finds_what_other_sessions_said(self, drive: Driver, backdoor: Backdoor, how: str) -> None:
        if how in DAMAGE:
            _damaged(drive, backdoor, how)
        else:
            drive.new("t", first=[user("intact")])
            drive.new("s", first=[user("two")])
            was, now = {"no time": (b'"at":"20', b'"at":"2x'), "no kind": (b'"kind":"m', b'"kind":"M')}[how]
            first, *rest = backdoor.log("s").splitlines(keepends=True)
            backdoor.replace("s", first + b"".join(rest).replace(was, now))
        for _ in range(2):
            found = drive.backend.search(parse("intact"), session=None, order="newest", limit=9, cursor=None)
            assert [hit.session for hit in found] == ["t"]

    @pytest.mark.parametrize("how", ["changed", "zeroed"])
    def test_a_fork_that_shows_it_is_damaged_for_whoever_reads_it(
        self, drive: Driver, backdoor: Backdoor, how: str
    ) -> None:
        drive.need("fork")
        drive.new("s")
        for text in ("two", "three", "four", "five"):
            drive.say("s", text)
        drive.backend.fork("s", Creation(id="f"), at=5)
        drive.say("f", "seven")
        broken = [
            line[:-9] + b"\n" if how == "changed" else bytes(len(line)) for line in backdoor.log("s").splitlines()
        ]
        lines = backdoor.log("s").splitlines(keepends=True)
        backdoor.replace("s", b"".join([*lines[:2], broken[2], *lines[3:]]))
        with pytest.raises(Corrupt):
            drive.entries("f")
        assert "damage" in drive.findings()

    @pytest.mark.parametrize("line", [0, 1, 2, 3])
    @pytest.mark.parametrize("how", ["changed", "zeroed"])
    def test_a_damaged_fork_hinders_nothing_of_the_session_it_was_made_of(
        self, drive: Driver, backdoor: Backdoor, how: str, line: int
    ) -> None:
        drive.need("fork")
        drive.need("erase")
        drive.new("s")
        for text in ("two", "secret", "four"):
            drive.say("s", text)
        drive.backend.fork("s", Creation(id="f"), at=4)
        for text in ("six", "seven", "eight"):
            drive.say("f", text)
        lines = backdoor.log("f").splitlines(keepends=True)
        bad = lines[line][:-9] + b"\n" if how == "changed" else bytes(len(lines[line]) - 1) + b"\n"
        backdoor.replace("f", b"".join([*lines[:line], bad, *lines[line + 1 :]]))
        assert drive.backend.erase("s", [3], by=None, reason=None).seqs == (3,)
        assert drive.texts("s") == ["two", "", "four"]
        assert drive.backend.fork("s", Creation(id="g"), at=4).new
        assert drive.backend.delete("s") == ("s",)
        assert drive.texts("g") == ["two", "", "four"]
        assert [finding.session for finding in drive.backend.check("g")] == []

    @pytest.mark.parametrize("finder", ["read", "check"])
    @pytest.mark.parametrize("how", DAMAGE)
    def test_it_is_listed_as_damaged_once_it_was_found_and_until_it_is_whole_again(
        self, drive: Driver, backdoor: Backdoor, how: str, finder: str
    ) -> None:
        _damaged(drive, backdoor, how)
        if finder == "read":
            with pytest.raises(Corrupt):
                drive.entries("s")
        else:
            assert drive.findings("s") != []
        listed = {info.id: info.damaged for info in drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None)}
        assert listed == {"s": True, "t": False}
        list(drive.backend.check("s", repair=True))
        listed = {info.id: info.damaged for info in drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None)}
        assert listed == {"s": False, "t": False}

    def test_a_repair_sets_it_aside_and_the_session_goes_on(self, drive: Driver, backdoor: Backdoor) -> None:
        _damaged(drive, backdoor, "changed")
        assert next(iter(list(drive.backend.check("s", repair=True)))).severity == "damage"
        assert drive.findings("s") == []
        assert drive.texts("s") == ["two"]
        assert drive.say("s", "on").seq == 3

    def test_a_damaged_session_can_be_deleted(self, drive: Driver, backdoor: Backdoor) -> None:
        _damaged(drive, backdoor, "changed")
        assert drive.backend.delete("s") == ("s",)
        assert drive.create("s").new


class Tearing:
    """A write that was never acknowledged."""

    def test_a_log_cut_anywhere_in_its_last_groups_shows_whole_groups_only(
        self, drive: Driver, backdoor: Backdoor
    ) -> None:
        drive.new("s")
        whole = [len(backdoor.log("s"))]
        for texts in (("a", "b"), ("c",)):
            drive.say("s", *texts)
            whole.append(len(backdoor.log("s")))
        log = backdoor.log("s")
        for size in range(whole[0], whole[2] + 1, 37):
            backdoor.replace("s", log[:size])
            expected = [""] if size < whole[1] else ["ab"] if size < whole[2] else ["abc"]
            assert ["".join(drive.texts("s"))] == expected, size

    def test_a_torn_tail_is_a_note_and_the_next_append_sets_it_aside(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user("two")])
        drive.say("s", "three", "four")
        whole = backdoor.log("s")
        backdoor.replace("s", whole[: whole.rindex(b'{"seq":4') + 20])
        assert drive.findings("s") == ["note"]
        assert drive.say("s", "again").seq == 3
        assert drive.texts("s") == ["two", "again"]
        assert drive.findings("s") == []

    def test_an_ended_line_that_does_not_verify_is_damage_even_at_the_end(
        self, drive: Driver, backdoor: Backdoor
    ) -> None:
        drive.new("s", first=[user("two")])
        drive.say("s", "three")
        backdoor.replace("s", backdoor.log("s").replace(b"three", b"threE"))
        assert drive.findings("s") == ["damage"]
        assert drive.texts("s") == ["two"]

    def test_the_first_bytes_of_the_last_group_zeroed_hide_that_group_only(
        self, drive: Driver, backdoor: Backdoor
    ) -> None:
        drive.new("s", first=[user("two")])
        start = len(backdoor.log("s"))
        drive.say("s", "three", "four")
        log = backdoor.log("s")
        backdoor.replace("s", log[:start] + bytes(64) + log[start + 64 :])
        assert drive.texts("s") == ["two"]
        assert drive.say("s", "again").seq == 3

    def test_an_older_log_put_back_is_what_the_session_is(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user("two")])
        older = backdoor.log("s")
        drive.say("s", "three")
        drive.set("s", status="running")
        backdoor.replace("s", older)
        assert (drive.backend.info("s").seq, drive.backend.info("s").status) == (2, None)
        assert drive.say("s", "again").seq == 3

    def test_groups_put_behind_the_log_count(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user("two")])
        older = backdoor.log("s")
        drive.say("s", "three")
        newer = backdoor.log("s")
        backdoor.replace("s", older)
        assert drive.texts("s") == ["two"]
        backdoor.replace("s", newer)
        assert drive.texts("s") == ["two", "three"]
        assert drive.say("s", "four").seq == 4
