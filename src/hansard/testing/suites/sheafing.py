"""What documents of a session guarantee: they are written with what they belong to, and go where the session goes."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from ...errors import Conflict, Invalid, NotFound
from ...limits import SESSION_DOCUMENTS_MAX
from ...model.entry import NewEntry, user
from ...model.requests import Creation
from ..driver import Driver, requires


def written(data: bytes, version: int, **members: Any) -> NewEntry:
    """An entry that makes a version of the document `plan`."""
    digest = sha256(data).hexdigest()
    body = {"name": "plan", "kind": "md", "version": version, "sha256": digest, "size": len(data), **members}
    return NewEntry(kind="document", body=body)


def gone(version: int) -> NewEntry:
    """An entry that deletes the document `plan`."""
    return NewEntry(kind="document", body={"name": "plan", "kind": "md", "version": version, "deleted": True})


class Sheafing:
    """Document entries are folded and checked."""

    def test_the_info_tells_the_newest_version_of_each(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", written(b"one", 1), written(b"two", 2), written(b"{}", 1, kind="json"))
        drive.append("s", written(b"x", 1, category="a/b"))
        found = drive.backend.info("s").documents
        assert [(one.key.category, one.key.kind, one.version) for one in found] == [
            ("", "json", 1), ("", "md", 2), ("a/b", "md", 1),
        ]  # fmt: skip
        assert found[1].sha256 == sha256(b"two").hexdigest()
        drive.reopen()
        assert drive.backend.info("s").documents == found

    def test_a_version_that_is_not_the_next_one_is_a_conflict(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", written(b"one", 1))
        for version in (0, 1, 3, True, "2", None):
            with pytest.raises(Conflict) as caught:
                drive.append("s", user("with it"), written(b"two", version))  # type: ignore[arg-type]
            assert caught.value.seq == 1
        assert drive.texts("s") == []
        drive.append("s", user("with it"), written(b"two", 2))

    def test_a_deletion_is_a_version_of_a_document_of_the_session(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", written(b"one", 1), gone(2))
        (found,) = drive.backend.info("s").documents
        assert (found.version, found.sha256) == (2, "")
        with pytest.raises(Conflict):
            drive.append("s", written(b"one", 1))
        drive.append("s", written(b"one", 3))

    @pytest.mark.parametrize(
        "members",
        [{"name": ""}, {"name": 5}, {"kind": "txt"}, {"category": "a//b"}, {"sha256": "ab"}, {"size": -1},
         {"sha256": None}, {"deleted": True}],
    )  # fmt: skip
    def test_a_document_entry_that_says_nothing_clear_is_refused(self, drive: Driver, members: dict[str, Any]) -> None:
        drive.new("s")
        with pytest.raises(Invalid):
            drive.append("s", written(b"one", 1, **members))
        assert drive.backend.info("s").seq == 1

    def test_a_session_has_a_bounded_number_of_documents(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", *(written(b"one", 1, name=f"n{number}") for number in range(SESSION_DOCUMENTS_MAX)))
        with pytest.raises(Invalid, match="1000"):
            drive.append("s", written(b"one", 1, name="one more"))
        drive.append("s", written(b"two", 2, name="n7"))

    def test_repeating_the_same_entry_adds_nothing(self, drive: Driver) -> None:
        drive.new("s")
        entry = NewEntry(kind="document", body=written(b"one", 1).body, id="d")
        assert drive.append("s", entry).added == 1
        assert drive.append("s", entry).added == 0


@requires("attachments")
class Enclosing:
    """Contents of documents live as attachments of their session."""

    def test_a_fork_inherits_documents_and_goes_its_own_way(self, drive: Driver) -> None:
        drive.need("fork")
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/markdown")
        seq = drive.append("s", written(b"one", 1)).seq
        drive.append("s", written(b"two", 2))
        drive.backend.fork("s", Creation(id="f"), at=seq)
        (found,) = drive.backend.info("f").documents
        assert found.version == 1
        drive.append("f", written(b"three", 2))
        drive.backend.delete("s")
        assert drive.backend.attachment("f", kept.sha256) == b"one"

    def test_erasing_a_version_takes_its_content_away(self, drive: Driver) -> None:
        drive.need("erase")
        drive.new("s")
        kept = drive.backend.attach("s", b"one", mime="text/markdown")
        later = drive.backend.attach("s", b"two", mime="text/markdown")
        seq = drive.append("s", written(b"one", 1)).seq
        drive.append("s", written(b"two", 2))
        assert drive.backend.erase("s", [seq], by=None, reason=None).attachments == (kept.sha256,)
        with pytest.raises(NotFound):
            drive.backend.attachment("s", kept.sha256)
        assert drive.backend.attachment("s", later.sha256) == b"two"
        (found,) = drive.backend.info("s").documents
        assert (found.version, drive.findings("s")) == (2, [])

    def test_a_missing_content_is_damage(self, drive: Driver) -> None:
        drive.new("s")
        drive.append("s", written(b"one", 1))
        assert drive.findings("s") == ["damage"]
