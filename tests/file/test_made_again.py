"""An id that was deleted is free again, wherever in the store it stood before."""

from __future__ import annotations

import apsw

import hansard
from hansard.backends.file import mirror


def test_an_id_of_a_deleted_child_can_be_that_of_a_fork_while_others_still_have_it_open(tmp_path):
    with hansard.open(tmp_path) as store, hansard.open(tmp_path) as other:
        root = store.create(id="root", entries=[hansard.user("hello")])
        root.spawn(id="S")
        assert store.info("S").kind == "child"
        fork = store.fork("root", id="fork")
        assert other.delete("root")
        assert store.fork(fork, id="S").info.kind == "fork"
        assert [message.text for message in store.get("S").history()] == ["hello"]


def test_an_id_is_free_again_though_the_index_could_not_be_told_and_the_file_system_gives_numbers_anew(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(mirror, "_WAIT_MS", 1)
    with hansard.open(tmp_path) as store:
        for _ in range(8):
            store.create(id="s", entries=[hansard.user("hello")])
            assert [info.id for info in store.find()] == ["s"]
            busy = apsw.Connection(str(tmp_path / "index.db"))
            busy.execute("BEGIN IMMEDIATE")
            assert store.delete("s")
            # The new log may get the inode number of the old one, which is what the index still knows.
            assert store.create(id="s").seq == 1
            busy.execute("ROLLBACK")
            busy.close()
            assert [info.seq for info in store.find()] == [1]
            assert store.delete("s")
        assert list((tmp_path / "trash").iterdir()) == []


def numbers_of(folder):
    (path,) = (folder / "pairs").iterdir()
    return path


def test_a_creation_that_died_before_its_first_commit_is_made_up_for_with_its_number(tmp_path):
    with hansard.open(tmp_path) as store:
        assert store.create(id="one", agent="coder", user="ana").info.number == 1
    # What a creator leaves that is killed between the folder and the first commit, with its number drawn and without.
    for name in ("two", "three"):
        (tmp_path / "sessions" / name).mkdir()
    with numbers_of(tmp_path).open("ab") as file:
        file.write(b'[2,"two"]\n')
    with hansard.open(tmp_path) as store:
        found = {name: store.create(id=name, agent="coder", user="ana").info for name in ("two", "three", "four")}
        assert {name: info.number for name, info in found.items()} == {"two": 2, "three": 3, "four": 4}
        assert store.get(found["three"].slug).id == "three"


def test_a_number_is_not_given_again_with_the_id_of_a_deleted_session(tmp_path):
    with hansard.open(tmp_path) as store:
        store.create(id="one", agent="coder", user="ana").delete()
        assert store.create(id="one", agent="coder", user="ana").info.number == 2
