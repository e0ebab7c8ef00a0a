"""Import and export, as the two ends of one pipe."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import hansard

SAMPLES = Path(hansard.__file__).parent / "samples"


@pytest.fixture
def transcripts(home):
    """The two samples in a folder, beside a file that is none."""
    folder = home / "transcripts"
    shutil.copytree(SAMPLES, folder)
    (folder / "notes.txt").write_text("no transcript")
    return folder


def test_import_reports_each_file(run, transcripts):
    report = json.loads(run("import", transcripts, "-o", "json").stdout)
    told = {Path(file["path"]).name: file for file in report["files"]}
    assert set(told) >= {"claude-code-session.jsonl", "codex-rollout.jsonl"}
    for file in told.values():
        assert file.keys() >= {"path", "format", "sessions", "unreadable", "torn", "skipped", "damage", "notes"}
        for session in file["sessions"]:
            assert session["entries"] == session["added"] + 1 > 10
            assert session["lines"] > session["already"] == 0
            assert file["unreadable"] == []
    assert report["totals"]["sessions"] == 2
    again = json.loads(run("import", transcripts, "-o", "json").stdout)
    assert [session["added"] for file in again["files"] for session in file["sessions"]] == [0, 0]


def test_importing_again_adds_nothing(run, transcripts):
    first = run("import", transcripts, "-o", "id").stdout
    again = run("import", transcripts, "-o", "json")
    assert json.loads(again.stdout)["totals"]["added"] == 0
    assert "0 entries added" in again.stderr
    assert run("import", transcripts, "-o", "id").stdout == first


def test_the_table_of_an_import_has_only_what_is_new_or_wrong(run, transcripts):
    assert "codex-rollout.jsonl" in run("import", transcripts).stdout
    (transcripts / "other.json").write_text('{"a": 1}')
    told = run("import", transcripts).stdout
    assert "codex-rollout.jsonl" not in told
    assert "other.json" in told


def test_many_unreadable_lines_hide_no_other_trouble(run, home):
    folder = home / "transcripts"
    folder.mkdir()
    line = json.dumps({"type": "user", "uuid": "u", "sessionId": "s", "message": {"role": "user", "content": "hi"}})
    (folder / "a.jsonl").write_text(f"{line}\n" + "no JSON\n" * 25)
    (folder / "b.jsonl").write_text(f"{line.replace('hi', 'ho')}\n")
    said = run("import", folder).stderr
    assert said.count("kept as it is") == 20
    assert "5 more unreadable lines" in said
    assert "became s~2" in said


def test_a_dry_run_says_what_would_come_and_makes_no_store(run, transcripts, home):
    report = json.loads(run("import", "--dry-run", transcripts, "-o", "json").stdout)
    assert report["totals"]["sessions"] == 2
    assert not (home / ".hansard").exists()


def test_unreadable_lines_are_named_and_kept(run, transcripts):
    file = transcripts / "claude-code-session.jsonl"
    file.write_bytes(file.read_bytes() + b"this is no JSON\n")
    number = file.read_bytes().count(b"\n")
    result = run("import", file)
    assert f"{file}:{number}: " in result.stderr
    assert "1 unreadable line" in result.stdout
    assert run("export", "@last", "--format", "raw").stdout_bytes == file.read_bytes()


def test_a_torn_last_line_waits_for_the_next_time(run, transcripts):
    file = transcripts / "codex-rollout.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert "torn line" in run("import", file).stdout
    file.write_bytes(whole)
    assert "1 session" in run("import", file).stderr
    assert run("export", "@last", "--format", "raw").stdout_bytes == whole


def test_import_of_nothing_that_is_a_transcript_exits_1(run, home):
    (home / "notes.txt").write_text("hello")
    run("import", "notes.txt", code=1)
    run("import", "not-there", code=3)


def test_raw_export_gives_the_files_own_bytes(run, transcripts):
    for name in ("claude-code-session.jsonl", "codex-rollout.jsonl"):
        made = run("import", transcripts / name, "-o", "id").stdout.strip()
        assert run("export", made, "--format", "raw").stdout_bytes == (transcripts / name).read_bytes()


def test_raw_export_of_what_was_not_imported_says_so(run, session):
    result = run("export", session.id, "--format", "raw", code=1)
    assert result.stdout == ""
    assert "not imported" in result.stderr


@pytest.mark.in_a_folder
def test_native_export_is_the_log_itself(run, session, home):
    folder = run("path", session.id).stdout.strip()
    assert run("export", session.id, "-f", "hansard").stdout_bytes == Path(folder, "log.jsonl").read_bytes()


def test_markdown_and_html_hold_the_conversation(run, session):
    markdown = run("export", session.id).stdout
    assert markdown.startswith("# ")
    assert "It reads UTC." in markdown
    page = run("export", session.id, "-f", "html").stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "It reads UTC." in page


def test_jsonl_export_is_one_decoded_message_a_line(run, session):
    session.compact("Short.", keep=1)
    rows = [json.loads(line) for line in run("export", session.id, "-f", "jsonl").stdout.splitlines()]
    assert rows[0]["synthetic"] is True
    everything = run("export", session.id, "-f", "jsonl", "--all").stdout.splitlines()
    assert len(everything) > len(rows)


def test_events_stand_between_the_messages_only_if_asked_for(run, session):
    session.append(hansard.event("build", {"ok": True}))
    assert "event build" not in run("export", session.id).stdout
    assert "event build" in run("export", session.id, "--events").stdout


def test_an_export_to_a_file_appears_whole_or_not_at_all(run, session, home, monkeypatch):
    run("export", session.id, "-O", "out.md")
    before = (home / "out.md").read_bytes()
    assert before.startswith(b"# ")

    def broken(*_args, **_kwargs):
        yield b"half"
        raise hansard.Corrupt("damaged in the middle")

    monkeypatch.setattr("hansard.formats.native.write_native", broken)
    run("export", session.id, "-f", "hansard", "-O", "out.md", code=6)
    assert (home / "out.md").read_bytes() == before
    assert not list(home.glob("*.partial")) + list(home.glob(".*.partial"))


def test_an_archive_takes_a_session_with_its_children_to_another_store(run, session, store, home):
    child = session.spawn(agent="reviewer")
    child.append(hansard.user("Review it."))
    attached = session.attach(b"a picture", mime="image/png")
    run("export", session.id, "-f", "archive", "-O", "s.zip")
    dry = json.loads(run("--store", "b", "import", "--dry-run", "s.zip", "-o", "json").stdout)
    assert dry["totals"]["sessions"] == 2
    assert not (home / "b").exists()
    assert set(run("--store", "b", "import", "s.zip", "-o", "id").stdout.split()) == {session.id, child.id}
    run("--store", "b", "check")
    with hansard.open(home / "b", create=False) as other:
        assert other.heads() == store.heads()
        assert other.get(session.id).attachment(attached.sha256) == b"a picture"


def test_a_damaged_archive_is_refused_as_a_whole(run, session, home):
    run("export", session.id, "-f", "archive", "-O", "s.zip")
    data = bytearray((home / "s.zip").read_bytes())
    data[len(data) // 3] ^= 0xFF
    (home / "s.zip").write_bytes(data)
    run("--store", "b", "import", "s.zip", code=6)
    run("--store", "b", "ls", code=1)


def test_a_pipe_that_nobody_writes_to_is_passed_over_and_not_waited_for(run, home):
    os.mkfifo(home / "pipe.jsonl")
    report = json.loads(run("import", home / "pipe.jsonl", "-o", "json", code=1).stdout)
    assert report["files"][0]["skipped"] == "not a regular file"


def test_a_title_that_was_given_stays_when_its_transcript_grows_by_a_generated_one(run, transcripts, home):
    lines = (transcripts / "claude-code-session.jsonl").read_bytes().splitlines(keepends=True)
    titled = next(number for number, line in enumerate(lines) if b'"ai-title"' in line)
    file = home / "growing.jsonl"
    file.write_bytes(b"".join(lines[:titled]))
    made = run("import", file, "-o", "id").stdout.strip()
    run("rename", made, "Mine")
    file.write_bytes(b"".join(lines[: titled + 1]))
    run("import", file)
    assert json.loads(run("ls", "-o", "json").stdout)[0]["title"] == "Mine"
