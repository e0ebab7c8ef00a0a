"""Directories of other programs with content that no program wrote: each file is taken, or passed over with a reason."""

from __future__ import annotations

import json
import random
import shutil

import pytest
from spoiling import confuse, spoil

import hansard
from hansard.formats import export_directory, import_paths
from hansard.formats.directories import DIRECTORY_FORMATS


@pytest.fixture(scope="module", params=DIRECTORY_FORMATS)
def program(request, tmp_path_factory):
    """A format, and a directory of it as we write it."""
    folder = tmp_path_factory.mktemp(request.param) / "written"
    with hansard.open("memory:") as store:
        for name in ("one", "two"):
            session = store.create(id=name, agent="main", user="ana", project="tides", labels={"k": "v"})
            session.append([hansard.user("Why is the table an hour off?"), hansard.assistant("I'll look.")])
            call = hansard.tool_call("c1", "read", {"path": "clock.py"})
            session.append(hansard.assistant([hansard.text("Reading."), call]), state={"step": 1})
            session.append([hansard.tool("c1", "return utcnow()"), hansard.assistant("It reads UTC.")])
            session.compact("The clock reads UTC.", keep=1)
            session.append(hansard.user("Thanks."))
        report = export_directory(store, ["one", "two"], folder, format=request.param)
        assert len(report.written) == 2, report
    return request.param, folder


def hostile(folder, draw):
    """Change some files of a directory."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in draw.sample(files, min(len(files), draw.choice((1, 1, 2, 5)))):
        data = path.read_bytes()
        how = draw.random()
        if how < 0.1:
            path.unlink()
        elif how < 0.15:
            path.unlink()
            path.mkdir()
        elif how < 0.2:
            path.write_bytes(data[: draw.randrange(len(data) + 1)])
        else:
            path.write_bytes(_changed(data, draw))


def _changed(data, draw):
    try:
        json.loads(data)
    except ValueError:
        lines = data.splitlines(keepends=True) or [b"\n"]
    else:
        lines = [json.dumps(json.loads(data)).encode() + b"\n"]
    for _ in range(draw.choice((1, 3, 10))):
        number = draw.randrange(len(lines))
        try:
            lines[number] = draw.choice((confuse, confuse, spoil))(lines[number], draw)
        except (ValueError, IndexError, RecursionError):
            continue  # It is no JSON any more, or nothing is in it.
    return b"".join(lines)


def try_directory(program, folder, draw):
    name, written = program
    shutil.copytree(written, folder)
    hostile(folder, draw)
    with hansard.open("memory:") as store:
        report = import_paths(store, [folder], format=name)
        # Of a directory without a file there is nothing to say.
        assert report.files or not any(path.is_file() for path in folder.rglob("*"))
        entries = {info.id: info.entry_count for info in store.sessions(all_kinds=True)}
        again = import_paths(store, [folder], format=name)
        assert again.added == 0
        assert {info.id: info.entry_count for info in store.sessions(all_kinds=True)} == entries
        assert store.check() == []
        for one in entries:
            store.get(one).history()
        store.search("the")
    shutil.rmtree(folder)


def test_some_hostile_directories_are_taken_or_passed_over_with_a_reason(program, tmp_path):
    for seed in range(15):
        try_directory(program, tmp_path / "hostile", random.Random(f"{program[0]} {seed}"))


@pytest.mark.torture
def test_any_hostile_directory_is_taken_or_passed_over_with_a_reason(program, tmp_path):
    for seed in range(100, 1_100):
        try_directory(program, tmp_path / "hostile", random.Random(f"{program[0]} {seed}"))
