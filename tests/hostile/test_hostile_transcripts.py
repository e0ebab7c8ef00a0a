"""Transcripts that nobody's program wrote: an import reports what it can't read, keeps each line, and can be repeated."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from spoiling import confuse, spoil

import hansard
from hansard.formats import import_paths, raw_lines
from hansard.formats.html import write_html
from hansard.formats.markdown import write_markdown

SAMPLES = Path(hansard.__file__).parent / "samples"
NAMES = ("claude-code-session.jsonl", "codex-rollout.jsonl")


def hostile(name, draw):
    lines = (SAMPLES / name).read_bytes().splitlines(keepends=True)
    for _ in range(draw.choice((1, 3, 20))):
        number = draw.randrange(len(lines))
        if draw.random() < 0.1:
            draw.shuffle(lines)
            continue
        try:
            lines[number] = draw.choice((confuse, spoil))(lines[number], draw)
        except (ValueError, IndexError, RecursionError):
            continue  # It is no JSON any more, or nothing is in it.
    data = b"".join(lines)
    return data[: draw.randrange(len(data))] if draw.random() < 0.2 else data


def try_transcript(path, draw):
    name = draw.choice(NAMES)
    path.write_bytes(hostile(name, draw))
    with hansard.open("memory:") as store:
        (report,) = import_paths(store, [path]).files
        entries = {info.id: info.entry_count for info in store.sessions(all_kinds=True)}
        if report.skipped:
            assert entries == {}
            return
        again = import_paths(store, [path])
        assert again.added == 0
        assert {info.id: info.entry_count for info in store.sessions(all_kinds=True)} == entries
        assert store.check() == []
        if len(entries) == 1:
            raw = b"".join(
                raw_lines(store.get(next(iter(entries))).entries(), store.get(next(iter(entries))).attachment)
            )
            whole = path.read_bytes()
            assert raw == whole or (report.torn and whole.startswith(raw))
        for one in entries:
            session = store.get(one)
            messages = session.history()
            "".join(write_html(session.info, messages, attachment=session.attachment)).encode()
            "".join(write_markdown(session.info, session.messages())).encode()
        store.search("the")


def test_some_hostile_transcripts_are_kept_reported_and_shown(tmp_path):
    for seed in range(20):
        try_transcript(tmp_path / "transcript.jsonl", random.Random(seed))


@pytest.mark.torture
def test_any_hostile_transcript_is_kept_reported_and_shown(tmp_path):
    for seed in range(100, 2_100):
        try_transcript(tmp_path / "transcript.jsonl", random.Random(seed))
