"""What documents of the store guarantee: versions, compare-and-set, exact names, and nothing lost."""

# ruff: noqa: D102, S101 - the name of a test is its sentence, and asserting is what it does
from __future__ import annotations

from hashlib import sha256

import pytest

from ...backend import Request
from ...errors import Conflict, Invalid, Unsupported
from ...limits import CATEGORY_DEPTH_MAX, DOCUMENT_BYTES_MAX, ID_BYTES_MAX
from ...model.documents import Document, DocumentKey, DocumentWrite
from ...model.requests import Creation
from ..driver import Driver, requires, together, without

PLAN = DocumentKey("plans/api", "first")
NAMES = ("a/b", "..", ".", "A", "a", "x.md", "con", "數據", "\x00", "a" * 300, "%2e", " ")


@requires("documents")
class Documenting:
    """Documents are written, read, listed and taken away."""

    def test_a_document_is_read_as_it_was_written(self, drive: Driver) -> None:
        written = drive.backend.put_document(PLAN, b"# Plan\n")
        assert drive.backend.document(PLAN) == (written, b"# Plan\n")
        assert (written.key, written.version, written.size) == (PLAN, 1, 7)
        assert written.sha256 == sha256(b"# Plan\n").hexdigest()

    def test_what_was_written_is_there_after_reopening(self, drive: Driver) -> None:
        first = drive.backend.put_document(PLAN, b"one")
        second = drive.backend.put_document(PLAN, b"two")
        drive.reopen()
        assert drive.backend.document(PLAN) == (second, b"two")
        assert drive.backend.document_versions(PLAN) == (first, second)

    def test_what_is_not_there_is_none(self, drive: Driver) -> None:
        assert drive.backend.document(PLAN) is None
        assert drive.backend.document_versions(PLAN) == ()
        assert drive.backend.documents("plans") == ()
        assert not drive.backend.delete_document(PLAN)

    def test_the_same_name_stands_for_one_of_each_kind(self, drive: Driver) -> None:
        other = DocumentKey(PLAN.category, PLAN.name, "json")
        drive.backend.put_document(PLAN, b"text")
        drive.backend.put_document(other, b"{}")
        assert [one.key for one in drive.backend.documents()] == [other, PLAN]
        assert drive.backend.delete_document(other)
        assert drive.backend.document(other) is None
        assert contents(drive, PLAN) == b"text"

    @pytest.mark.parametrize("name", NAMES)
    def test_any_name_works_and_is_its_own(self, drive: Driver, name: str) -> None:
        for other in NAMES:
            drive.backend.put_document(DocumentKey("c", other), other.encode())
            drive.backend.put_document(DocumentKey(other.replace("/", "-"), "n"), other.encode())
        assert contents(drive, DocumentKey("c", name)) == name.encode()
        assert {one.key.name for one in drive.backend.documents("c")} == set(NAMES)
        assert drive.findings() == []

    @pytest.mark.parametrize(
        "key",
        [
            DocumentKey("a//b", "n"), DocumentKey("/a", "n"), DocumentKey("a/", "n"), DocumentKey("", ""),
            DocumentKey("", "n" * (ID_BYTES_MAX + 1)), DocumentKey("", "n", "txt"), DocumentKey("", "\ud800"),
            DocumentKey("/".join("c" * (CATEGORY_DEPTH_MAX + 1)), "n"),
        ],
    )  # fmt: skip
    def test_a_document_whose_name_can_not_be_stored_is_refused(self, drive: Driver, key: DocumentKey) -> None:
        for call in (
            lambda: drive.backend.put_document(key, b""), lambda: drive.backend.document(key),
            lambda: drive.backend.document_versions(key), lambda: drive.backend.delete_document(key),
        ):  # fmt: skip
            with pytest.raises(Invalid):
                call()
        assert drive.backend.documents() == ()

    def test_content_that_is_too_large_is_refused(self, drive: Driver) -> None:
        with pytest.raises(Invalid, match="16 MiB"):
            drive.backend.put_document(PLAN, bytes(DOCUMENT_BYTES_MAX + 1))
        assert drive.backend.document(PLAN) is None

    def test_any_bytes_come_back(self, drive: Driver) -> None:
        for data in (b"", b"\x00\xff\r\n", bytes(range(256)) * 300):
            drive.backend.put_document(PLAN, data)
            assert contents(drive, PLAN) == data

    def test_a_list_holds_a_category_and_what_is_nested_in_it_in_order(self, drive: Driver) -> None:
        keys = [DocumentKey(c, n, k) for c in ("a", "a/b", "ab", "") for n in ("x", "w") for k in ("md", "json")]
        for key in keys:
            drive.backend.put_document(key, repr(key).encode())
        assert [one.key for one in drive.backend.documents()] == sorted(keys)
        assert {one.key.category for one in drive.backend.documents("a")} == {"a", "a/b"}
        assert {one.key.category for one in drive.backend.documents("a/b")} == {"a/b"}
        assert len(drive.backend.documents("")) == len(keys)

    def test_tenants_sessions_and_documents_do_not_meet(self, drive: Driver) -> None:
        drive.new("plans")
        drive.backend.put_document(PLAN, b"x")
        assert drive.backend.info("plans").seq == 1
        drive.backend.delete("plans")
        assert contents(drive, PLAN) == b"x"


@requires("documents")
class Versioning:
    """Every content that was ever acknowledged has a number of its own."""

    def test_each_new_content_is_the_next_version_and_earlier_ones_stay(self, drive: Driver) -> None:
        for data in (b"one", b"two", b"one"):
            drive.clock.advance(seconds=1)
            drive.backend.put_document(PLAN, data)
        versions = drive.backend.document_versions(PLAN)
        assert [one.version for one in versions] == [1, 2, 3]
        assert [one.at for one in versions] == sorted({one.at for one in versions})
        assert [found[1] for one in (1, 2, 3) if (found := drive.backend.document(PLAN, version=one))] == [
            b"one", b"two", b"one",
        ]  # fmt: skip
        assert drive.backend.document(PLAN, version=4) is None

    def test_content_that_is_there_already_is_no_new_version(self, drive: Driver) -> None:
        first = drive.backend.put_document(PLAN, b"one")
        drive.clock.advance(seconds=1)
        assert drive.backend.put_document(PLAN, b"one") == first
        assert drive.backend.document_versions(PLAN) == (first,)

    def test_a_write_that_expects_another_version_changes_nothing(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one", expect=0)
        for expect in (0, 2):
            with pytest.raises(Conflict) as caught:
                drive.backend.put_document(PLAN, b"two", expect=expect)
            assert caught.value.seq == 1
        assert drive.backend.put_document(PLAN, b"two", expect=1).version == 2
        for wrong in (-1, True):
            with pytest.raises(Invalid):
                drive.backend.put_document(PLAN, b"three", expect=wrong)
        assert contents(drive, PLAN) == b"two"

    def test_of_writers_that_expect_one_version_one_is_first(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one")
        results = together(*(lambda n=n: drive.backend.put_document(PLAN, b"%d" % n, expect=1) for n in range(6)))
        assert sum(isinstance(one, Document) for one in results) == 1
        assert all(isinstance(one, Document | Conflict) for one in results)
        assert len(drive.backend.document_versions(PLAN)) == 2

    def test_writers_of_one_document_lose_no_version(self, drive: Driver) -> None:
        together(*(lambda n=n: drive.backend.put_document(PLAN, b"%d" % n) for n in range(8)))
        versions = drive.backend.document_versions(PLAN)
        assert [one.version for one in versions] == [*range(1, 9)]
        assert len({one.sha256 for one in versions}) == 8

    def test_a_deletion_is_a_version_and_numbers_count_on(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one")
        assert drive.backend.delete_document(PLAN)
        assert not drive.backend.delete_document(PLAN)
        assert drive.backend.document(PLAN) is None
        assert drive.backend.documents() == ()
        found = drive.backend.document(PLAN, version=1)
        assert found is not None
        assert found[1] == b"one"
        assert drive.backend.put_document(PLAN, b"one", expect=0).version == 3
        assert [one.sha256 == "" for one in drive.backend.document_versions(PLAN)] == [False, True, False]

    def test_a_deletion_can_expect_a_version(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one")
        with pytest.raises(Conflict):
            drive.backend.delete_document(PLAN, expect=2)
        assert contents(drive, PLAN) == b"one"
        assert drive.backend.delete_document(PLAN, expect=1)

    def test_history_can_go_too_and_numbers_still_count_on(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one")
        drive.backend.put_document(PLAN, b"two")
        assert drive.backend.delete_document(PLAN, history=True)
        assert drive.backend.document(PLAN, version=1) is None
        assert [one.version for one in drive.backend.document_versions(PLAN)] == [3]
        assert drive.backend.put_document(PLAN, b"three").version == 4
        drive.reopen()
        assert drive.findings() == []

    def test_history_of_what_was_deleted_can_go_later(self, drive: Driver) -> None:
        drive.backend.put_document(PLAN, b"one")
        drive.backend.delete_document(PLAN)
        assert not drive.backend.delete_document(PLAN, history=True)
        assert drive.backend.document(PLAN, version=1) is None
        assert drive.backend.put_document(PLAN, b"one").version == 3


class CommittingTogether:
    """Documents of the store in an append."""

    def test_an_append_that_carries_documents_writes_both_or_is_refused_as_unsupported(self, drive: Driver) -> None:
        drive.new("s")
        request = Request(documents=(DocumentWrite(PLAN, b"one"),))
        if drive.has("atomic_documents"):
            drive.backend.append("s", request)
            assert contents(drive, PLAN) == b"one"
            return
        results: list[object] = []
        for call in (
            lambda: drive.backend.append("s", request),
            lambda: drive.backend.create(Creation(id="t"), request),
            lambda: drive.backend.submit("s", request, results.append),
        ):
            with pytest.raises(Unsupported, match="atomic_documents"):
                call()
        assert (drive.backend.info("s").seq, results) == (1, [])


@without("documents")
class NotDocumenting:
    """Without the capability, documents are refused."""

    def test_a_backend_without_documents_says_so(self, drive: Driver) -> None:
        for call in (
            lambda: drive.backend.put_document(PLAN, b""), lambda: drive.backend.document(PLAN),
            drive.backend.documents, lambda: drive.backend.document_versions(PLAN),
            lambda: drive.backend.delete_document(PLAN),
        ):  # fmt: skip
            with pytest.raises(Unsupported):
                call()


def contents(drive: Driver, key: DocumentKey) -> bytes | None:
    """What a document holds now."""
    found = drive.backend.document(key)
    return None if found is None else found[1]
