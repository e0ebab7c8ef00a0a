"""Backups that nobody wrote as such: zip files and folders that would fill a disk, hang, or get out of their folder."""

from __future__ import annotations

import os
import warnings
import zipfile

import pytest

import hansard
from hansard.limits import MIB
from hansard.store import unpacking


@pytest.fixture
def store():
    with hansard.open("memory:") as opened:
        opened.create(id="s", entries=[hansard.user("one")])
        yield opened


@pytest.fixture
def whole(store, tmp_path):
    """The bytes of a good backup."""
    store.backup(tmp_path / "whole.zip")
    return (tmp_path / "whole.zip").read_bytes()


def spoiled(whole, how):
    local, central = b"PK\x03\x04\x14\x00", b"PK\x01\x02\x14\x03\x14\x00"
    at = whole.index(b"hansard.json") + len(b"hansard.json")
    if how == "encrypted":
        return whole.replace(local + b"\x00", local + b"\x01").replace(central + b"\x00", central + b"\x01")
    if how == "packed in another way":
        return whole.replace(b"\x00\x00\x08\x00", b"\x00\x00\x63\x00")
    return whole[: len(whole) // 2] if how == "cut" else whole[:at] + b"\xff" * 30 + whole[at + 30 :]


@pytest.mark.parametrize("how", ["broken", "encrypted", "cut", "packed in another way"])
def test_a_zip_file_that_can_not_be_read_is_refused(store, whole, tmp_path, how):
    place = tmp_path / "spoiled.zip"
    place.write_bytes(spoiled(whole, how))
    assert place.read_bytes() != whole
    with pytest.raises(hansard.Invalid, match=r"spoiled\.zip"):
        store.restore(place)


@pytest.mark.parametrize("name", ["out/../../of", "/etc/of", "back\\slash", "backup.json"])
def test_a_zip_file_with_a_name_that_no_backup_has_is_refused(store, tmp_path, name):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "odd.zip", "w") as odd:
        warnings.simplefilter("ignore")
        for _ in range(2):
            odd.writestr(name, "x")
    with pytest.raises(hansard.Invalid, match=r"odd\.zip"):
        store.restore(tmp_path / "odd.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(store, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "COMMIT_BYTES_MAX", MIB)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", compression=zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("backup.json", bytes(3 * MIB))
    with pytest.raises(hansard.Invalid, match="more than 200 times its size"):
        store.restore(tmp_path / "bomb.zip")


def test_without_room_for_it_the_backup_is_not_called_broken(store, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(hansard.Unavailable, match="TMPDIR"):
        store.restore(tmp_path / "whole.zip")


def test_a_pipe_in_the_folder_of_a_backup_is_refused_and_not_waited_for(store, tmp_path):
    store.backup(tmp_path / "b")
    os.mkfifo(tmp_path / "b/sessions/pipe")
    with pytest.raises(hansard.Corrupt, match="pipe"):
        store.restore(tmp_path / "b")
