"""Which folders become stores, and which are refused before anything is kept in them."""

from __future__ import annotations

import json
import threading

import pytest

import hansard
from hansard.backends.file import deleting, home, locks
from hansard.errors import Corrupt, Invalid, NotFound, Unsupported

MOUNTS = """\
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / {share} rw,relatime shared:2 - {kind} server:/export rw
"""


def prepare(root, *, create=True, shared_unsafe=False):
    return home.prepare(root, create=create, shared_unsafe=shared_unsafe)


def test_a_store_keeps_its_id(tmp_path):
    made = prepare(tmp_path / "a" / "store")
    assert prepare(tmp_path / "a" / "store") == made
    assert made.format == 1


def test_only_its_owner_can_look_into_a_new_store(tmp_path):
    prepare(tmp_path / "store")
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "store" / "hansard.json").stat().st_mode & 0o777 == 0o600


def test_nothing_but_the_store_is_left_behind(tmp_path):
    prepare(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hansard.json", "sessions", "writers"]


def test_a_newer_store_is_refused_and_named(tmp_path):
    prepare(tmp_path)
    about = json.loads((tmp_path / "hansard.json").read_text())
    (tmp_path / "hansard.json").write_text(json.dumps({**about, "format": 2, "version": "9.1"}))
    with pytest.raises(Unsupported, match=r"9\.1"):
        prepare(tmp_path)


def test_what_a_damaged_description_asks_for_is_said(tmp_path):
    prepare(tmp_path)
    (tmp_path / "hansard.json").write_bytes(b"\0\0\0")
    with pytest.raises(Corrupt, match="backup"):
        prepare(tmp_path)


def test_a_lost_description_is_made_anew_where_sessions_are(tmp_path):
    prepare(tmp_path)
    (tmp_path / "hansard.json").unlink()
    assert prepare(tmp_path, create=False).format == 1


def test_a_folder_with_other_things_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Invalid, match=r"letter\.txt"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="file"):
        prepare(tmp_path / "file")


def test_a_reader_makes_no_store(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotFound):
            prepare(place, create=False)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_refused_unless_it_is_meant(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(home, "file_system", lambda _path: kind)
    with pytest.raises(Unsupported, match="shared=unsafe"):
        prepare(tmp_path)
    assert prepare(tmp_path, shared_unsafe=True).format == 1


def test_a_file_system_without_working_locks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "try_acquire", lambda _fd: True)
    with pytest.raises(Unsupported, match="locks"):
        prepare(tmp_path)


def test_the_file_system_of_a_path_is_that_of_the_nearest_mount(tmp_path):
    share = tmp_path / "a share"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(share=str(share).replace(" ", "\\040"), kind="nfs4"))
    assert home.file_system(share / "deep", mounts) == "nfs4"
    assert home.file_system(tmp_path / "a share beside", mounts) == "ext4"
    assert home.file_system(tmp_path, tmp_path / "none") == ""


def test_what_can_not_be_tidied_when_a_store_is_opened_is_told_and_nothing_stays_open(tmp_path, monkeypatch):
    with hansard.open(tmp_path / "store") as store:
        store.create(id="s")

    def refused(*_given):
        raise OSError(5, "Input/output error", str(tmp_path / "store/trash"))

    before = set(threading.enumerate())
    monkeypatch.setattr(deleting, "empty_trash", refused)
    with pytest.raises(hansard.Unavailable, match="trash"):
        hansard.open(tmp_path / "store")
    monkeypatch.undo()
    assert set(threading.enumerate()) <= before
    with hansard.open(tmp_path / "store") as store:
        assert store.exists("s")
