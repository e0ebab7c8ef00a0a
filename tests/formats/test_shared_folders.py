"""Folders that are not as one program leaves them: two programs in one, files that went through an editor of Windows."""

from __future__ import annotations

import codecs
import shutil

import pytest

import hansard
from hansard.formats import export_directory, import_paths
from support import a3s, oxios
from support.directories import bamboo_home, crabtalk_home, files_of


@pytest.fixture
def store():
    with hansard.open("memory:") as opened:
        yield opened


def test_two_programs_in_one_folder_both_come_in(store, tmp_path):
    crabtalk_home(bamboo_home(tmp_path / "both"))
    report = import_paths(store, [tmp_path / "both"])
    formats = {info.source["format"] for info in store.sessions()}
    assert formats == {"bamboo", "crabtalk"}
    assert [damage for file in report.files for damage in file.damage] == []
    assert import_paths(store, [tmp_path / "both"]).added == 0


def test_a_session_of_another_program_beside_a_state_directory_comes_in_too(store, tmp_path):
    folder = oxios.build(tmp_path / "both", {"sessions/s.json": oxios.dumps(oxios.main_session() | {"id": "s"})})
    a3s.build(folder, {"t.json": a3s.dumps(a3s.data("t", [a3s.text("user", "hi")]))})
    import_paths(store, [folder])
    assert {info.id: info.source["format"] for info in store.sessions()} == {"s": "oxios", "t": "a3s"}


MADE = {
    "bamboo": bamboo_home,
    "crabtalk": crabtalk_home,
    "oxios": oxios.build,
    "a3s": lambda folder: a3s.build(folder, a3s.legacy()),
}


@pytest.mark.parametrize("name", MADE)
def test_a_byte_order_mark_keeps_nothing_out_and_comes_back(name, store, tmp_path):
    plain, marked = MADE[name](tmp_path / "plain"), tmp_path / "marked"
    shutil.copytree(plain, marked)
    for file in files_of(marked):
        path = marked / file
        if path.suffix in ("", ".json") and path.read_bytes()[:1] in (b"{", b"["):
            path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    with hansard.open("memory:") as other:
        import_paths(other, [plain])
        import_paths(store, [marked])
        ids = sorted(info.id for info in other.sessions(kind=("root", "child", "run")))
        assert sorted(info.id for info in store.sessions(kind=("root", "child", "run"))) == ids
        for identity in ids:
            shown = [(message.role, message.text) for message in other.get(identity).history()]
            assert [(message.role, message.text) for message in store.get(identity).history()] == shown
    export_directory(store, ids, tmp_path / "out", format=name)
    written = {
        path.name for path in (tmp_path / "out").rglob("*") if path.is_file() and codecs.BOM_UTF8 in path.read_bytes()
    }
    assert written
