"""Documents as plain files: what people see, what they may do there, and what is refused."""

from __future__ import annotations

import json

import pytest

from hansard.backends.file import FileBackend
from hansard.errors import Conflict, Corrupt, Invalid
from hansard.limits import DOCUMENT_BYTES_MAX
from hansard.model.documents import DocumentKey
from hansard.testing import ManualClock

PLAN = DocumentKey("plans/api", "first")


@pytest.fixture
def backend(tmp_path):
    backend = FileBackend(tmp_path / "store", clock=ManualClock())
    yield backend
    backend.close()


@pytest.fixture
def folder(backend):
    return backend.layout.documents


def content(backend, key=PLAN):
    found = backend.document(key)
    return None if found is None else found[1]


def test_the_content_now_is_a_plain_file_and_every_version_lies_beside_it(backend, folder):
    backend.put_document(PLAN, b"one")
    backend.put_document(PLAN, b"two")
    assert (folder / "plans" / "api" / "first.md").read_bytes() == b"two"
    box = folder / "plans" / "api" / ".versions" / "first.md"
    lines = [json.loads(line) for line in (box / "history.jsonl").read_text().splitlines()]
    assert [(line["version"], line["category"], line["name"]) for line in lines] == [
        (1, "plans/api", "first"), (2, "plans/api", "first"),
    ]  # fmt: skip
    assert (box / f"{lines[0]['sha256']}.md").read_bytes() == b"one"


def test_what_a_person_edits_becomes_the_next_version(backend, folder):
    backend.put_document(PLAN, b"one")
    (folder / "plans" / "api" / "first.md").write_bytes(b"edited")
    assert content(backend) == b"edited"
    assert [one.version for one in backend.document_versions(PLAN)] == [1, 2]
    (folder / "plans" / "api" / "first.md").write_bytes(b"edited again")
    with pytest.raises(Conflict) as caught:
        backend.put_document(PLAN, b"mine", expect=2)
    assert caught.value.seq == 3
    assert backend.document(PLAN, version=3)[1] == b"edited again"


def test_an_edit_is_kept_also_by_whoever_writes_over_it(backend, folder):
    backend.put_document(PLAN, b"one")
    (folder / "plans" / "api" / "first.md").write_bytes(b"edited")
    assert backend.put_document(PLAN, b"two").version == 3
    assert backend.document(PLAN, version=2)[1] == b"edited"


def test_a_file_that_a_person_puts_there_becomes_a_document(backend, folder):
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "idea.md").write_bytes(b"an idea")
    (folder / "notes" / "idea.md~").write_bytes(b"left by an editor")
    (folder / "notes" / ".idea.md.swp").write_bytes(b"left by another")
    assert [(one.key.name, one.version) for one in backend.documents("notes")] == [("idea", 1)]
    assert content(backend, DocumentKey("notes", "idea")) == b"an idea"


def test_a_file_that_is_too_large_to_be_a_document_hides_no_other(backend, folder):
    backend.put_document(PLAN, b"one")
    (folder / "big.md").write_bytes(bytes(DOCUMENT_BYTES_MAX + 1))
    assert [one.key for one in backend.documents()] == [PLAN]
    with pytest.raises(Invalid):
        backend.document(DocumentKey("", "big"))


def test_a_file_that_is_removed_comes_back(backend, folder):
    backend.put_document(PLAN, b"one")
    (folder / "plans" / "api" / "first.md").unlink()
    assert [finding.severity for finding in backend.check()] == ["note"]
    assert content(backend) == b"one"
    assert (folder / "plans" / "api" / "first.md").read_bytes() == b"one"


def test_a_document_that_was_deleted_can_be_begun_anew_by_hand(backend, folder):
    backend.put_document(PLAN, b"one")
    backend.delete_document(PLAN)
    assert not (folder / "plans" / "api" / "first.md").exists()
    (folder / "plans" / "api" / "first.md").write_bytes(b"new")
    assert content(backend) == b"new"
    assert [one.version for one in backend.document_versions(PLAN)] == [1, 2, 3]


def test_deleting_with_history_leaves_no_text_behind(backend, folder):
    for data in (b"secret one", b"secret two"):
        backend.put_document(PLAN, data)
    backend.delete_document(PLAN, history=True)
    left = [path for path in folder.rglob("*") if path.is_file() and b"secret" in path.read_bytes()]
    assert left == []


@pytest.mark.parametrize("what", ["plain", "category", "top"])
def test_links_are_refused_and_never_followed(backend, folder, tmp_path, what):
    outside = tmp_path / "outside"
    (outside / "api").mkdir(parents=True)
    (outside / "api" / "first.md").write_bytes(b"not ours")
    if what == "plain":
        (folder / "plans" / "api").mkdir(parents=True)
        (folder / "plans" / "api" / "first.md").symlink_to(outside / "api" / "first.md")
    elif what == "category":
        folder.mkdir()
        (folder / "plans").symlink_to(outside)
    else:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    for call in (lambda: backend.document(PLAN), lambda: backend.put_document(PLAN, b"x")):
        with pytest.raises(Corrupt, match="link"):
            call()
    assert (outside / "api" / "first.md").read_bytes() == b"not ours"
    assert sorted(path.name for path in outside.rglob("*")) == ["api", "first.md"]
    assert "damage" in [finding.severity for finding in backend.check()]


@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_version_is_told_and_the_others_are_read(backend, folder, damage):
    for data in (b"one", b"two"):
        backend.put_document(PLAN, data)
    first = backend.document_versions(PLAN)[0]
    path = folder / "plans" / "api" / ".versions" / "first.md" / f"{first.sha256}.md"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"onE" if damage == "flip" else b"on")
    with pytest.raises(Corrupt):
        backend.document(PLAN, version=1)
    assert content(backend) == b"two"
    assert [finding.severity for finding in backend.check()] == ["damage"]


def test_a_damaged_history_is_told_with_its_line_and_other_documents_are_read(backend, folder):
    backend.put_document(PLAN, b"one")
    backend.put_document(DocumentKey("", "other"), b"two")
    path = folder / "plans" / "api" / ".versions" / "first.md" / "history.jsonl"
    path.write_bytes(b"{broken}\n" + path.read_bytes())
    with pytest.raises(Corrupt) as caught:
        backend.document(PLAN)
    assert (caught.value.line, caught.value.path) == (1, str(path))
    assert content(backend, DocumentKey("", "other")) == b"two"
    assert [(finding.severity, finding.line) for finding in backend.check()] == [("damage", 1)]


def test_a_torn_last_line_of_a_history_was_never_acknowledged(backend, folder):
    backend.put_document(PLAN, b"one")
    path = folder / "plans" / "api" / ".versions" / "first.md" / "history.jsonl"
    path.write_bytes(path.read_bytes() + b'{"version":2,"sha')
    assert content(backend) == b"one"
    assert backend.put_document(PLAN, b"two").version == 2
    assert [one.version for one in backend.document_versions(PLAN)] == [1, 2]


def test_two_openings_see_each_others_versions(backend, tmp_path):
    other = FileBackend(tmp_path / "store", clock=ManualClock())
    backend.put_document(PLAN, b"one")
    assert other.put_document(PLAN, b"two", expect=1).version == 2
    assert content(backend) == b"two"
    other.close()


@pytest.mark.parametrize("damage", ["flip", "gone"])
def test_a_repair_puts_the_content_now_back_from_the_plain_file_and_sets_others_aside(backend, folder, damage):
    for data in (b"one", b"two"):
        backend.put_document(PLAN, data)
    box = folder / "plans" / "api" / ".versions" / "first.md"
    for version in backend.document_versions(PLAN):
        path = box / f"{version.sha256}.md"
        path.write_bytes(b"damaged") if damage == "flip" else path.unlink()
    assert [finding.severity for finding in backend.check(repair=True)] == ["damage", "damage"]
    assert backend.document(PLAN, version=2)[1] == b"two"
    assert len([finding for finding in backend.check() if finding.severity == "damage"]) == 1
    aside = list(backend.layout.quarantine.iterdir()) if damage == "flip" else []
    assert [path.read_bytes() for path in aside] == [b"damaged"] * len(aside)
    assert (len(aside) == 2) is (damage == "flip")
