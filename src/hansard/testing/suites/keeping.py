"""What reading, attaching, copying and closing guarantee."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from ...backend import CAPABILITIES, Backend, Request
from ...errors import Conflict, Corrupt, HansardError, NotFound, Unavailable, Unsupported
from ...model.entry import NewEntry, assistant, user
from ...model.info import Attachment
from ...model.requests import Changes, Creation, Keys
from ...query import EVERYTHING, parse
from ..driver import Backdoor, Driver, requires, without

VERBS: dict[str, Callable[[Backend], object]] = {
    "create": lambda backend: backend.create(Creation(parent="nobody"), Request()),
    "append": lambda backend: backend.append("nobody", Request()),
    "entries": lambda backend: list(backend.entries("nobody")),
    "lines": lambda backend: list(backend.lines("nobody")),
    "info": lambda backend: backend.info("nobody"),
    "fork": lambda backend: backend.fork("nobody", Creation(), at=None),
    "erase": lambda backend: backend.erase("nobody", [2], by=None, reason=None),
    "attach": lambda backend: backend.attach("nobody", b"x", mime="text/plain"),
    "attachment": lambda backend: backend.attachment("nobody", "0" * 64),
    "check": lambda backend: list(backend.check("nobody")),
}
OTHERS: dict[str, Callable[[Backend], object]] = {
    "find": lambda backend: backend.find(EVERYTHING, order="id", limit=1, cursor=None),
    "search": lambda backend: backend.search(parse("x"), session=None, order="newest", limit=1, cursor=None),
    "delete": lambda backend: backend.delete("nobody"),
    "submit": lambda backend: backend.submit("nobody", Request(), lambda _: None),
    "receive": lambda backend: backend.receive("nobody", [b"x\n"], []),
    "check all": lambda backend: list(backend.check()),
    "reindex": lambda backend: backend.reindex(),
    "health": lambda backend: backend.health(),
}


class Reading:
    """The record is read."""

    def test_bounds_are_exclusive(self, drive: Driver) -> None:
        drive.new("s", first=[user(str(number)) for number in range(2, 8)])
        assert [entry.seq for entry in drive.entries("s", after=2, before=6)] == [3, 4, 5]
        assert [entry.seq for entry in drive.entries("s", after=6)] == [7]
        assert [entry.seq for entry in drive.entries("s", before=2)] == [1]

    def test_bounds_beyond_the_log_give_what_there_is(self, drive: Driver) -> None:
        drive.new("s")
        assert [entry.seq for entry in drive.entries("s", before=99)] == [1]
        assert drive.entries("s", after=99) == []
        assert drive.entries("s", after=5, before=3, newest_first=True) == []

    def test_newest_first_is_the_reverse(self, drive: Driver) -> None:
        drive.new("s", first=[user(str(number)) for number in range(2, 8)])
        assert drive.entries("s", newest_first=True) == drive.entries("s")[::-1]
        assert [entry.seq for entry in drive.entries("s", after=2, before=6, newest_first=True)] == [5, 4, 3]

    def test_a_reader_that_stops_early_harms_nothing(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        reader = drive.backend.entries("s")
        assert next(reader).seq == 1
        del reader
        assert drive.say("s", "four").seq == 4

    def test_the_lines_are_the_stored_bytes(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s", first=[user("two")])
        drive.say("s", "three")
        assert drive.log("s") == backdoor.log("s")
        assert drive.log("s").endswith(b"\n")

    def test_lines_can_be_read_from_a_number_on(self, drive: Driver) -> None:
        drive.new("s", first=[user("two"), user("three")])
        assert list(drive.backend.lines("s", after=1)) == list(drive.backend.lines("s"))[1:]

    @pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
    def test_every_verb_on_a_missing_session_is_not_found(
        self, drive: Driver, verb: Callable[[Backend], object]
    ) -> None:
        try:
            with pytest.raises(NotFound, match="nobody"):
                verb(drive.backend)
        except Unsupported as error:
            pytest.skip(str(error))

    @pytest.mark.parametrize("verb", ["entries", "lines"])
    def test_a_missing_session_is_told_before_the_first_entry_is_asked_for(self, drive: Driver, verb: str) -> None:
        with pytest.raises(NotFound):
            getattr(drive.backend, verb)("nobody")


class Living:
    """A backend opens, tells what it can, and closes."""

    def test_capabilities_are_those_of_the_contract(self, drive: Driver) -> None:
        assert drive.backend.capabilities <= CAPABILITIES
        assert drive.backend.name

    def test_a_healthy_backend_says_so_and_leaves_nothing(self, drive: Driver) -> None:
        assert drive.backend.health().ok
        assert drive.backend.health().backend == drive.backend.name
        assert not drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None).items

    @pytest.mark.parametrize("verb", [*VERBS.values(), *OTHERS.values()], ids=[*VERBS, *OTHERS])
    def test_after_closing_every_verb_is_unavailable(self, drive: Driver, verb: Callable[[Backend], object]) -> None:
        drive.new("s")
        drive.backend.close()
        with pytest.raises((Unavailable, Unsupported)):
            verb(drive.backend)

    def test_closing_again_does_nothing(self, drive: Driver) -> None:
        drive.backend.close()
        drive.backend.close()

    def test_closing_waits_for_what_was_handed_in(self, drive: Driver) -> None:
        drive.new("s")
        answers: list[object] = []
        for number in range(5):
            drive.submit("s", user(str(number)), done=answers.append)
        drive.backend.close()
        assert len(answers) == 5

    def test_everything_is_there_after_opening_again(self, drive: Driver) -> None:
        drive.new("s", agent="a", user="u", labels={"k": "v"}, first=[user("two"), assistant("three")])
        drive.new("c", parent="s", name=None)
        drive.append("s", user("four"), changes=Changes(state=Keys(set={"n": 2**70})))
        before = [(drive.backend.info(one), drive.entries(one), drive.log(one)) for one in ("s", "c")]
        drive.reopen()
        assert [(drive.backend.info(one), drive.entries(one), drive.log(one)) for one in ("s", "c")] == before
        assert drive.say("s", "on").seq == 6
        assert drive.backend.info(drive.new(agent="a", user="u")).number == 2

    def test_ids_leases_and_numbers_count_after_opening_again(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", user("two", id="a"))
        drive.lease("s", 1)
        drive.lease("s", 2)
        drive.reopen()
        assert drive.append("s", user("two", id="a")).added == 0
        with pytest.raises(HansardError):
            drive.append("s", user("x"), fence=1)

    def test_a_second_opening_sees_what_the_first_one_appends(self, drive: Driver) -> None:
        drive.need("shared")
        other = drive.make(drive.clock)
        drive.new("s")
        drive.say("s", "two")
        assert other.info("s").seq == 2
        other.append("s", drive.seal([user("three")]))
        assert drive.texts("s") == ["two", "three"]
        other.close()
        assert drive.say("s", "four").seq == 4

    def test_two_openings_take_turns_without_losing_or_repeating(self, drive: Driver) -> None:
        drive.need("shared")
        other = drive.make(drive.clock)
        drive.new("s")
        for number in range(20):
            backend = other if number % 2 else drive.backend
            backend.append("s", drive.seal([user(str(number), id=f"i{number}")]))
            backend.append("s", drive.seal([user(str(number), id=f"i{number}")]))
        assert drive.texts("s") == list(map(str, range(20)))
        assert drive.findings("s") == []
        other.close()


@requires("attachments")
class Attaching:
    """Files are kept beside a session."""

    @pytest.mark.parametrize("data", [b"", b"\x00\xff" * 1000, b"plain"], ids=["empty", "binary", "text"])
    def test_bytes_come_back_by_their_hash(self, drive: Driver, data: bytes) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", data, mime="image/png", name="a.png")
        assert kept == Attachment(sha256(data).hexdigest(), len(data), "image/png", "a.png")
        assert drive.backend.attachment("s", kept.sha256) == data

    @pytest.mark.parametrize("mime", ["text/plain", "../../evil", "IMAGE/PNG ", ""])
    def test_any_mime_type_is_taken(self, drive: Driver, mime: str) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"data", mime=mime, name="../../../etc/passwd")
        assert (kept.mime, drive.backend.attachment("s", kept.sha256)) == (mime, b"data")

    def test_the_same_bytes_are_kept_once(self, drive: Driver) -> None:
        drive.new("s")
        one, two = (drive.backend.attach("s", b"same", mime=mime) for mime in ("text/plain", "image/png"))
        assert one.sha256 == two.sha256
        assert drive.backend.attachment("s", two.sha256) == b"same"

    @pytest.mark.parametrize("name", ["0" * 64, "../../../etc/passwd", "", "A" * 64])
    def test_what_was_not_attached_is_not_there(self, drive: Driver, name: str) -> None:
        drive.new("s")
        with pytest.raises(NotFound):
            drive.backend.attachment("s", name)

    def test_attachments_of_another_session_are_not_shown(self, drive: Driver) -> None:
        drive.new("s")
        drive.new("t")
        kept = drive.backend.attach("s", b"mine", mime="text/plain")
        with pytest.raises(NotFound):
            drive.backend.attachment("t", kept.sha256)

    def test_changed_bytes_are_noticed(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"true", mime="text/plain")
        drive.append("s", user([kept.part]))
        backdoor.replace_attachment("s", kept.sha256, b"false")
        with pytest.raises(Corrupt):
            drive.backend.attachment("s", kept.sha256)
        assert drive.findings("s") == ["damage"]

    def test_lost_bytes_are_noticed(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.new("s")
        kept = drive.backend.attach("s", b"true", mime="text/plain")
        drive.append("s", user([kept.part]))
        backdoor.replace_attachment("s", kept.sha256, None)
        with pytest.raises((Corrupt, NotFound)):
            drive.backend.attachment("s", kept.sha256)
        assert drive.findings("s") == ["damage"]

    def test_a_hash_in_someones_data_is_no_attachment(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", NewEntry(kind="event", body={"type": "file", "sha256": "0" * 64, "attachment": "1" * 64}))
        assert drive.findings("s") == []


@without("attachments")
class NotAttaching:
    """Without the capability, attaching is refused."""

    def test_a_backend_that_does_not_attach_says_so(self, drive: Driver) -> None:
        drive.new("s")
        with pytest.raises(Unsupported):
            drive.backend.attach("s", b"x", mime="text/plain")


class Copying:
    """A session moves to another store byte for byte."""

    def test_a_received_session_has_the_same_bytes_and_info(self, drive: Driver) -> None:
        drive.new("s", agent="a", user="u", first=[user("two"), assistant("three")])
        drive.set("s", status="paused")
        before = drive.log("s"), drive.backend.info("s"), drive.entries("s")
        created = drive.backend.receive("s", _taken(drive), [])
        assert (created.id, created.seq, created.new) == ("s", 4, True)
        assert (drive.log("s"), drive.backend.info("s"), drive.entries("s")) == before
        assert drive.findings() == []
        assert drive.say("s", "on").seq == 5

    def test_a_received_session_is_found_and_searched(self, drive: Driver) -> None:
        drive.need("search")
        drive.new("s", first=[user("needle")])
        drive.backend.receive("s", _taken(drive), [])
        assert [info.id for info in drive.backend.find(EVERYTHING, order="id", limit=9, cursor=None)] == ["s"]
        page = drive.backend.search(parse("needle"), session=None, order="newest", limit=9, cursor=None)
        assert [hit.seq for hit in page] == [2]

    def test_the_same_again_changes_nothing(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        lines = list(drive.backend.lines("s"))
        created = drive.backend.receive("s", lines, [])
        assert (created.seq, created.new) == (2, False)
        assert list(drive.backend.lines("s")) == lines

    def test_the_rest_of_a_session_whose_beginning_is_here_goes_in(self, drive: Driver) -> None:
        drive.new("s", first=[user("two")])
        drive.say("s", "three", "four")
        lines = _taken(drive)
        drive.backend.receive("s", lines[:2], [])
        assert drive.backend.receive("s", lines, []).seq == 4
        assert list(drive.backend.lines("s")) == lines
        assert drive.findings("s") == []

    def test_another_log_under_the_same_id_is_a_conflict(self, drive: Driver) -> None:
        drive.new("s", first=[user("theirs")])
        lines = _taken(drive)
        drive.new("s", first=[user("ours")])
        with pytest.raises(Conflict):
            drive.backend.receive("s", lines, [])
        assert drive.texts("s") == ["ours"]

    def test_a_log_that_is_longer_here_is_a_conflict(self, drive: Driver) -> None:
        drive.new("s")
        lines = list(drive.backend.lines("s"))
        drive.say("s", "more")
        with pytest.raises(Conflict) as caught:
            drive.backend.receive("s", lines, [])
        assert caught.value.seq == 2
        assert drive.texts("s") == ["more"]

    @pytest.mark.parametrize("damage", ["changed", "dropped", "swapped", "cut", "unended"])
    def test_lines_that_do_not_verify_leave_nothing_behind(self, drive: Driver, damage: str) -> None:
        drive.new("s", first=[user("two"), user("three"), user("four")])
        lines = _taken(drive)
        broken = {
            "changed": [*lines[:2], lines[2].replace(b"three", b"threE"), lines[3]],
            "dropped": [*lines[:2], lines[3]],
            "swapped": [lines[0], lines[2], lines[1], lines[3]],
            "cut": lines[:3],
            "unended": [*lines[:3], lines[3][:-1]],
        }[damage]
        with pytest.raises(Corrupt):
            drive.backend.receive("s", iter(broken), [])
        with pytest.raises(NotFound):
            drive.backend.info("s")
        assert drive.backend.receive("s", lines, []).new

    def test_attachments_come_along_and_are_verified(self, drive: Driver) -> None:
        drive.need("attachments")
        drive.new("s")
        kept = drive.backend.attach("s", b"picture", mime="image/png")
        drive.append("s", user([kept.part]))
        lines = _taken(drive)
        with pytest.raises(Corrupt):
            drive.backend.receive("s", lines, [(kept, b"forged")])
        drive.backend.receive("s", lines, [(kept, b"picture")])
        assert drive.backend.attachment("s", kept.sha256) == b"picture"
        assert drive.findings("s") == []

    def test_a_session_with_an_unknown_need_can_be_copied(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", NewEntry(kind="upgrade", body={"needs": ["x-telepathy"]}))
        lines = _taken(drive)
        drive.backend.receive("s", lines, [])
        assert list(drive.backend.lines("s")) == lines
        with pytest.raises(Unsupported):
            drive.say("s", "hello")

    def test_an_erasure_that_arrives_is_carried_out(self, drive: Driver, backdoor: Backdoor) -> None:
        drive.need("erase")
        drive.new("s", first=[user("secret words")])
        lines = list(drive.backend.lines("s"))
        drive.backend.erase("s", [2], by=None, reason=None)
        erased = _taken(drive)
        drive.backend.receive("s", lines, [])
        drive.backend.receive("s", erased, [])
        assert b"secret" not in backdoor.log("s")
        assert drive.findings("s") == []

    def test_a_child_goes_under_its_root(self, drive: Driver) -> None:
        drive.new("root")
        drive.new("child", parent="root", first=[user("two")])
        drive.backend.receive("child", _taken(drive, "child"), [])
        assert (drive.backend.info("child").root, drive.texts("child")) == ("root", ["two"])
        assert drive.backend.delete("root") == ("child", "root")

    def test_a_fork_can_bring_the_lines_it_inherits(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s", first=[user("two"), user("three")])
        drive.backend.fork("s", Creation(id="f"), at=2)
        drive.say("f", "four")
        prefix, own = list(drive.backend.lines("s"))[:2], _taken(drive, "f")
        drive.backend.delete("s")
        with pytest.raises(HansardError):
            drive.backend.receive("f", own, [])
        with pytest.raises(Corrupt):
            drive.backend.receive("f", [prefix[0], *own], [])
        assert drive.backend.receive("f", [*prefix, *own], []).seq == 4
        assert drive.texts("f") == ["two", "four"]
        assert drive.log("f") == b"".join(own)
        assert drive.findings() == []

    def test_a_fork_finds_its_origin_again(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s", first=[user("two")])
        drive.backend.fork("s", Creation(id="f"), at=None)
        drive.say("f", "four")
        drive.backend.receive("f", _taken(drive, "f"), [])
        assert drive.texts("f") == ["two", "four"]
        drive.backend.delete("s")
        assert drive.texts("f") == ["two", "four"]


def _taken(drive: Driver, session: str = "s") -> list[bytes]:
    """The lines of a session that is gone then."""
    lines = list(drive.backend.lines(session))
    drive.backend.delete(session)
    return lines
