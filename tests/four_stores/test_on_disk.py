"""What the published stores' own tests ask of the disk: folders, names, sidecars, and that a look at a session reads no log."""

from __future__ import annotations

import multiprocessing
import os

import pytest

import hansard
from hansard.backends.file.attaching import extension
from hansard.errors import Corrupt, Unavailable


@pytest.fixture
def root(tmp_path):
    return tmp_path / "home" / "store"


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_opening_a_missing_path_makes_the_store_with_its_folders(root):
    with hansard.open(root):
        assert (root / "sessions").is_dir()
        assert (root / "hansard.json").is_file()


def test_a_store_whose_index_is_gone_or_garbage_is_the_same_store(root):
    with hansard.open(root) as store:
        store.create(id="s", entries=[hansard.user("a"), hansard.assistant("b")], state={"round": 1})
    for spoil in (lambda path: path.unlink(missing_ok=True), lambda path: path.write_bytes(b"garbage" * 1000)):
        for path in root.glob("index.db*"):
            spoil(path)
        with hansard.open(root) as store:
            info = store.info("s")
            assert (info.message_count, info.state) == (2, {"round": 1})
            while not (page := store.find()).complete:
                pass
            assert [found.id for found in page] == ["s"]
        assert (root / "index.db").is_file()


def test_folders_of_roots_and_children_are_named_by_their_ids(root):
    with hansard.open(root) as store:
        store.create(id="root-1").spawn(id="child-2").spawn(id="grandchild-3")
        store.create(id="session-123")
    assert (root / "sessions" / "session-123" / "log.jsonl").is_file()
    for child in ("child-2", "grandchild-3"):
        assert (root / "sessions" / "root-1" / "children" / child / "log.jsonl").is_file()


@pytest.mark.parametrize(
    ("mime", "suffix"),
    [
        ("image/png", "png"), ("image/jpeg", "jpg"), ("image/jpg", "jpg"), ("image/webp", "webp"), ("image/gif", "gif"),
        ("image/bmp", "bmp"), ("IMAGE/PNG", "png"), ("  image/gif ", "gif"), ("application/x-unknown", "bin"),
    ],
)  # fmt: skip
def test_the_file_of_an_attachment_is_named_by_its_mime(root, mime, suffix):
    assert extension(mime) == suffix
    with hansard.open(root) as store:
        session = store.create(id="s")
        kept = session.attach(b"bytes of a picture", mime=mime)
        assert (
            root / "sessions" / "s" / "attachments" / f"{kept.sha256}.{suffix}"
        ).read_bytes() == b"bytes of a picture"
        assert kept.mime == mime.strip().lower()


@pytest.mark.parametrize(
    ("name", "mime"),
    [("a.png", "image/png"), ("a.JPG", "image/jpeg"), ("a.jpeg", "image/jpeg"), ("a.webp", "image/webp"),
     ("a.gif", "image/gif"), ("a.bmp", "image/bmp"), ("a.unknown", "application/octet-stream")],
)  # fmt: skip
def test_the_mime_of_an_attachment_is_told_by_its_name(root, name, mime):
    with hansard.open(root) as store:
        assert store.create().attach(b"bytes", name=name).mime == mime


def test_a_look_at_a_session_and_a_listing_read_no_message(root):
    with hansard.open(root) as store:
        session = store.create(id="s", entries=[hansard.user(f"message {n}") for n in range(5)], state={"round": 7})
        session.append(status="completed")
    log = root / "sessions" / "s" / "log.jsonl"
    now = log.stat()
    # Damage that whoever reads a message would notice, in a file that looks untouched.
    log.write_bytes(log.read_bytes().replace(b"message 2", b"MESSAGE 2"))
    os.utime(log, ns=(now.st_atime_ns, now.st_mtime_ns))
    with hansard.open(root) as store:
        info = store.info("s")
        (listed,) = store.find()
        assert (info.state, info.message_count, listed.status) == ({"round": 7}, 5, "completed")
        assert [finding.severity for finding in store.check("s")] == ["damage"]


def test_no_id_gets_out_of_the_store(root):
    before = files(root.parent.parent)
    with hansard.open(root) as store:
        for name in ("../../../etc/passwd", "..", ".", "/abs", "a\\..\\b"):
            store.create(id=name, entries=[hansard.user(name)])
            assert store.get(name).history()[0].text == name
    outside = [path for path in files(root.parent.parent) if not path.startswith("home")]
    assert outside == [path for path in before if not path.startswith("home")]


@pytest.mark.parametrize("left", [b"", b"{", b'{"seq":1,"id":"x"'])
def test_a_log_that_was_emptied_or_cut_in_its_first_line_is_corrupt_and_never_simply_gone(root, left):
    with hansard.open(root) as store:
        store.create(id="s", entries=[hansard.user("a")])
        store.find()
    (root / "sessions" / "s" / "log.jsonl").write_bytes(left)
    with hansard.open(root) as store:
        with pytest.raises(Corrupt):
            store.get("s").history()
        assert store.exists("s")
        assert hansard.SnapshotStore(store).exists("s")


def test_a_health_check_leaves_nothing_behind_and_names_a_folder_that_is_gone(root):
    with hansard.open(root) as store:
        store.create(id="s")
        store.health()
        before = files(root)
        assert store.health().ok
        assert files(root) == before
        # In one step: the index's thread may put something into a folder that is being emptied.
        root.rename(root.with_name("elsewhere"))
        with pytest.raises(Unavailable, match=str(root)):
            store.health()


def save_snapshots(root, barrier):
    with hansard.open(root) as store:
        snapshots = hansard.SnapshotStore(store)
        barrier.wait(60)
        for _ in range(5):
            snapshots.save({"id": "shared", "messages": [{"role": "user", "content": "same"}], "n": 1})


def test_two_processes_that_save_one_snapshot_leave_one_and_no_leftovers(root):
    hansard.open(root).close()
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=save_snapshots, args=(root, barrier)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with hansard.open(root) as store:
        assert (hansard.SnapshotStore(store).load("shared") or {})["n"] == 1
        assert store.info("shared").message_count == 1
    assert [path for path in files(root) if "tmp" in path or "partial" in path] == []
