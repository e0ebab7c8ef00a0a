"""The demo's steps. Each does something real and checks what it claims; the first that does not hold ends the demo."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import hansard

from .output import cell, minute, plural

if TYPE_CHECKING:
    from ..model.entry import Entry
    from ..store import Session, Store

KILL_AFTER: Final = 41
"""Acknowledged entries after which the writer is killed; odd, so that a tool call is open at least then."""
WRITER_S: Final = 60.0
"""A writer that acknowledges nothing for so long has failed."""


class Failed(Exception):
    """Something that the demo claims did not hold."""


class _Steps:
    """Numbers the steps, and times them."""

    def __init__(self) -> None:
        self._number = 0
        self._began = time.perf_counter()

    @contextlib.contextmanager
    def step(self, title: str) -> Generator[None]:
        """Show a step's title, and after it what it took."""
        self._number += 1
        click.echo(f"\n{self._number}. {title}")
        began = time.perf_counter()
        yield
        click.echo(f"   ({(time.perf_counter() - began) * 1000:,.0f} ms)")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the demo began."""
        return time.perf_counter() - self._began


def run_demo(folder: Path, *, kept: bool) -> None:
    """Go through all steps with a store in this folder.

    Raises:
        Failed: something did not hold.
    """
    steps = _Steps()
    click.echo(f"Hansard {hansard.__version__} with a store of plain files in {folder}")
    with hansard.open(folder) as store:
        with steps.step("Import two transcripts that come with Hansard"):
            _import(store)
        with steps.step("List the sessions"):
            _list(store)
        victim = store.create(agent="demo", project="tidewatch", title="A writer that is killed")
        victim.append(hansard.user("Measure every station, one after the other."))
    with steps.step("Append from another process, and end it with kill -9 in the middle"):
        acknowledged = _write_until_killed(folder, victim.id)
    with hansard.open(folder, create=False) as store:
        writer = store.get(victim.id)
        with steps.step("Open the store again: every acknowledged entry is there, and every hash verifies"):
            _prove(store, writer, acknowledged)
        with steps.step("Resume: the history that the model gets, with the open tool call answered"):
            _resume(writer)
        with steps.step("Fork the session in the middle, and take another way"):
            _fork(writer, at=acknowledged[len(acknowledged) // 2][0])
        with steps.step("Search all sessions"):
            _search(store)
        with steps.step("Verify the whole store once more"):
            _check(store)
    _tell_next(folder, kept=kept, elapsed_s=steps.elapsed_s)


def hold(claim: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assert
    """Return if the claim is true.

    Raises:
        Failed: it is not.
    """
    if not claim:
        raise Failed(otherwise)


def _say(text: str) -> None:
    click.echo(f"   {text}")


def _import(store: Store) -> None:
    from ..formats import import_paths

    with as_file(files("hansard") / "samples") as folder:
        report = import_paths(store, sorted(folder.glob("*.jsonl")))
        again = import_paths(store, sorted(folder.glob("*.jsonl")))
    for file in report.files:
        hold(bool(file.sessions) and not file.skipped, f"{file.path} was not imported: {file.skipped}")
        entries = sum(session.entries for session in file.sessions)
        _say(f"{Path(file.path).name:<28} {file.format:<12} {plural(entries, 'entry', 'entries')}")
    hold(again.added == 0, "a second import added something")
    _say("importing them again adds nothing")


def _list(store: Store) -> None:
    page = store.find()
    hold(len(page) >= 2, "fewer than two sessions are listed")
    for info in page:
        _say(
            f"{minute(info.activity_at)}  {cell(info.agent):<12} {plural(info.message_count, 'message'):<12} {cell(info.title)}"
        )


def _write_until_killed(folder: Path, session: str) -> list[tuple[int, int, str]]:
    """What the writer said was acknowledged before it was killed."""
    command = [sys.executable, "-m", "hansard.cli.demo_writer", str(folder), session]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - our own program
        if writer.stdout is None:
            msg = "the writer has no output"
            raise Failed(msg)
        began = time.monotonic()
        for line in writer.stdout:
            lines.append(line)
            if len(lines) == KILL_AFTER:
                writer.kill()
            if time.monotonic() - began > WRITER_S:
                writer.kill()
        code = writer.wait()
    hold(code == -9, f"the writer was to be killed, but ended with {code}")
    whole = [line.split() for line in lines if line.endswith("\n")]
    hold(len(whole) >= KILL_AFTER, f"the writer acknowledged only {len(whole)} entries")
    _say(f"the writer had acknowledged {len(whole)} entries when it was killed")
    return [(int(seq), int(number), role) for seq, number, role in whole]


def _prove(store: Store, writer: Session, acknowledged: list[tuple[int, int, str]]) -> None:
    entries = {entry.seq: entry for entry in writer.entries()}
    missing = [seq for seq, number, role in acknowledged if not _is(entries.get(seq), number, role)]
    hold(not missing, f"acknowledged, but not there: {missing}")
    _say(f"{len(acknowledged)} of {len(acknowledged)} acknowledged entries are there")
    notes = _check(store)
    for note in notes:
        _say(f"note: {cell(note)}")


def _is(entry: Entry | None, number: int, role: str) -> bool:
    """Whether an entry is the one that the writer wrote in its round `number`."""
    if entry is None or entry.body["role"] != role:
        return False
    part = entry.body["parts"][0]
    return part["id" if role == "assistant" else "call_id"] == f"call-{number}"


def _check(store: Store) -> list[str]:
    """The notes of a check without damage."""
    found = store.check()
    damage = [finding.message for finding in found if finding.severity == "damage"]
    hold(not damage, f"check found damage: {damage}")
    _say(f"check: no damage in {plural(len(list(store.sessions())), 'session')}")
    return [finding.message for finding in found]


def _resume(writer: Session) -> None:
    history = writer.history()
    calls = [part["id"] for message in history for part in message.parts if part["type"] == "tool_call"]
    results = [part["call_id"] for message in history for part in message.parts if part["type"] == "tool_result"]
    hold(calls == results, "a tool call has no result in the history")
    made = sum(message.synthetic for message in history)
    _say(f"{plural(len(history), 'message')}, {plural(len(calls), 'tool call')}, each with its result")
    if made:
        _say("the last call was interrupted: its result says so and is marked as made by Hansard")
    writer.append([message for message in history if message.synthetic] + [hansard.user("Go on where you were.")])
    hold(writer.history()[-1].text == "Go on where you were.", "the session did not go on")
    _say("the session goes on")


def _fork(origin: Session, *, at: int) -> None:
    before = origin.info.hash
    fork = origin.fork(at=at, title="The other way")
    fork.append(hansard.user("Only the western stations, please."))
    own = fork.info.entry_count
    hold(origin.info.hash == before, "the fork changed its origin")
    hold(fork.info.seq > at and next(fork.entries()).seq == 1, "the fork does not read its origin's beginning")
    _say(f"the fork reads entries 1 to {at} of its origin, and holds {plural(own, 'entry', 'entries')} of its own")


def _search(store: Store) -> None:
    for query in ("tide", "manual tray role:assistant"):
        page = store.search(query, limit=3)
        hold(len(page) > 0, f"{query!r} was not found")
        _say(f"{query!r}:")
        for hit in page:
            _say(f"  {hit.session[:13]}  #{hit.seq:<4} {cell(hit.role):<10} {cell(hit.snippet)[:70]}")


def _tell_next(folder: Path, *, kept: bool, elapsed_s: float) -> None:
    program = "hansard" if shutil.which("hansard") else sys.argv[0]
    with_store = f"{program} --store {folder}" if kept else program
    click.echo(f"\nAll of it held, in {elapsed_s:.1f} s. What to type next:")
    if not kept:
        click.echo(f"  {program} import ~/.claude/projects ~/.codex/sessions")
    for words in ("ls", "show @last", "search 'something you said'", "--help"):
        click.echo(f"  {with_store if words != '--help' else program} {words}")
