"""Several processes with many writers each, on one session and on many: nothing is lost, repeated, reordered or split."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import hansard

CORPUS = Path(os.environ.get("HANSARD_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
WRITERS = Path(__file__).parent / "writers.py"


def run(store, url, *, processes, threads, sessions, turns, seconds):
    for number in range(sessions):
        store.create(id=f"s{number}")
    commands = [
        [sys.executable, str(WRITERS), url, f"p{n}", str(threads), str(sessions), str(turns), str(seconds)]
        for n in range(processes)
    ]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [one.communicate(timeout=seconds + 120)[0].splitlines() for one in started]
    assert [lines[1:] for lines in said] == [[]] * processes
    written = sum(int(lines[0]) for lines in said)
    check(store, sessions, written)
    return written


def check(store, sessions, written):
    found = 0
    for number in range(sessions):
        entries = list(store.get(f"s{number}").entries(kinds="message"))
        turns = defaultdict(list)
        for asked, answered in zip(entries[::2], entries[1::2], strict=True):
            text = asked.body["parts"][0]["text"]
            assert answered.body["parts"][0]["text"] == f"{text} yes"
            name, thread, turn = text.rsplit(".", 2)
            turns[name, thread].append(int(turn))
        assert all(one == list(range(len(one))) for one in turns.values())
        found += len(entries) // 2
    assert found == written
    assert [finding for finding in store.check() if finding.severity == "damage"] == []


@pytest.mark.parametrize("sessions", [1, 16])
def test_two_processes_lose_repeat_reorder_and_split_nothing(store, url, sessions):
    assert run(store, url, processes=2, threads=8, sessions=sessions, turns=6, seconds=60) == 96


@pytest.mark.torture
@pytest.mark.parametrize("sessions", [1, 64])
def test_two_processes_of_32_writers_for_half_a_minute(store, url, sessions):
    assert run(store, url, processes=2, threads=32, sessions=sessions, turns=10**6, seconds=30) > 1_000


QUERIES = [
    "error", "test", "file", "python", "import", "git", "commit", '"the file"', '"in the"', "func*", "read*", "-error",
    "error -test", "error OR warning", "src/main.rs", "README.md", "c++", "数据", "数", "日本", "role:user",
    "role:assistant test", "role:tool", "in:tool error", "tool:shell", "tool:sh*", "is:error", "title:test", "", "foo-bar",
]  # fmt: skip


@pytest.fixture
def imported(tmp_path):
    """A store in a folder with the corpus of codex sessions."""
    from hansard.formats import import_paths

    folder = CORPUS / "codex"
    if not folder.is_dir():
        pytest.skip(f"no corpus in {CORPUS}; name it with $HANSARD_CORPUS")
    with hansard.open(tmp_path / "file") as store:
        import_paths(store, [folder])
        yield store


def hits(store, query):
    while not store.search(query).complete:
        pass
    return [(hit.session, hit.seq, hit.role, hit.snippet) for hit in store.search(query, limit=200)]


def test_a_corpus_goes_to_the_database_and_back_byte_for_byte_and_is_found_alike(imported, store, tmp_path):
    heads = imported.heads()
    assert imported.copy_store(store).failed == ()
    assert store.heads() == heads
    assert len(heads) > 3
    assert {info.id: info for info in store.sessions()} == {info.id: info for info in imported.sessions()}
    assert [finding for finding in store.check(heads=heads) if finding.severity == "damage"] == []
    for query in QUERIES:
        assert hits(store, query) == hits(imported, query), query
    with hansard.open(tmp_path / "back") as back:
        assert store.copy_store(back).failed == ()
        assert back.heads() == heads
    assert all(one.added == 0 for one in imported.copy_store(store).copied)
