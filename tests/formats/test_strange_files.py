"""Files whose dates, endings or folders are strange though what they hold is not."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

import hansard
from hansard.formats import export_directory, import_paths, raw_lines, source
from hansard.formats.collecting import Source, _parents_first

SAMPLES = Path(hansard.__file__).parent / "samples"
FAR_S = (-99_999_999_999, -1, 253_402_300_800, 999_999_999_999)
"""In the years -1199, 1969, 10000 and 33658."""


@pytest.fixture
def store():
    with hansard.open("memory:") as opened:
        yield opened


@pytest.mark.parametrize("seconds", FAR_S)
@pytest.mark.parametrize("program", ["lines", "oxios", "a3s"])
def test_a_file_is_imported_whatever_date_it_bears(store, tmp_path, program, seconds):
    folder = tmp_path / "given"
    if program == "lines":
        shutil.copytree(SAMPLES, folder)
    else:
        store.create(id="s", entries=[hansard.user("one"), hansard.assistant("two")])
        assert export_directory(store, ["s"], folder, format=program).written
    for path in (*folder.rglob("*"), folder):
        try:
            os.utime(path, (seconds, seconds))
        except OSError as error:
            pytest.skip(f"this file system has no such date: {error}")
    with hansard.open("memory:") as other:
        report = import_paths(other, [folder])
        assert report.added > 0
        assert [one.skipped for one in report.files if one.skipped] == []
        assert import_paths(other, [folder]).added == 0


@pytest.mark.parametrize("ending", [".jsonl.gz", ".json.gz", ".jsonl.xz"])
def test_packed_files_in_a_folder_are_told(store, tmp_path, ending):
    (tmp_path / f"rollout{ending}").write_bytes(gzip.compress((SAMPLES / "codex-rollout.jsonl").read_bytes()))
    (tmp_path / "notes.txt.gz").write_bytes(b"something else")
    (report,) = import_paths(store, [tmp_path]).files
    assert report.path.endswith(ending)
    assert "unpack" in report.skipped


def test_a_folder_that_can_not_be_looked_into_is_told_and_the_others_are_imported(store, tmp_path, monkeypatch):
    shutil.copytree(SAMPLES, tmp_path / "open")
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def refusing(path="."):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    report = import_paths(store, [tmp_path])
    assert [one.path for one in report.files if one.skipped] == [str(tmp_path / "closed")]
    assert "Permission denied" in next(one.skipped for one in report.files if one.skipped)
    assert report.added > 0


def test_a_line_of_millions_of_values_is_kept_and_not_taken_apart(store, tmp_path, monkeypatch):
    monkeypatch.setattr(source, "LINE_VALUES_MAX", 1_000)
    lines = [
        *(SAMPLES / "claude-code-session.jsonl").read_bytes().splitlines()[:3],
        b'{"x":[' + b"{}," * 1_000 + b"{}]}",
    ]
    (tmp_path / "many.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (report,) = import_paths(store, [tmp_path / "many.jsonl"]).files
    assert [(one.line, one.reason) for one in report.unreadable] == [(4, "more than 1,000 lists and objects")]
    (info,) = store.sessions()
    session = store.get(info.id)
    assert b"".join(raw_lines(session.entries(), session.attachment)) == (tmp_path / "many.jsonl").read_bytes()
    assert import_paths(store, [tmp_path / "many.jsonl"]).added == 0


def test_sub_agents_in_a_long_chain_and_in_a_circle_are_put_in_order_quickly(tmp_path):
    count = 20_000
    chain = [Source(Path(f"{n}"), names=(f"s{n}", f"s{n + 1}")) for n in range(count)]
    circle = [Source(Path(f"c{n}"), names=(f"c{n}", f"c{(n + 1) % count}")) for n in range(count)]
    ordered = [one.names[0] for one in _parents_first([*chain, *circle]) if one.names[0].startswith("s")]
    assert ordered == [f"s{n}" for n in reversed(range(count))]
