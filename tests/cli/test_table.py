"""Tables on terminals of any width, and text on streams of any encoding."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

import hansard
from hansard.cli.table import TEXT_MIN, Column, lay_out, width_of

HANSARD = [sys.executable, "-m", "hansard.cli"]
WIDTHS = [40, 60, 80, 100, 120, 200]
TITLE = "Why the tide table of the western stations was off by an hour since the change of the clock"


def sessions():
    """Columns as a listing has them."""
    return [
        Column("id", "ID", ["0199d3b2-6c1e…", "5b0c2f0e-7a4d…"]),
        Column("title", "TITLE", [TITLE, "Short"]),
        Column("project", "PROJECT", ["tidewatch", "parcel-sorter"]),
        Column("status", "STATUS", ["", ""]),
        Column("messages", "MSGS", ["4", "1,200"], right=True),
        Column("active", "LAST ACTIVITY", ["2026-03-14 09:01", "2026-04-02 14:21"]),
    ]


def laid_out(width, *, spare=("project", "messages", "active")):
    return list(lay_out(sessions(), width=width, spare=spare))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_is_never_wider_than_the_terminal(width):
    assert max(map(width_of, laid_out(width))) <= width


def test_elsewhere_nothing_is_cut_and_every_column_is_there():
    heading, first, _ = laid_out(None)
    assert heading.split("  ")[0] == "ID"
    assert "STATUS" in heading
    assert TITLE in first


def test_a_narrow_terminal_loses_empty_columns_first_then_the_spare_ones_in_their_order():
    assert "STATUS" not in laid_out(100)[0]
    assert "PROJECT" in laid_out(100)[0]
    assert "PROJECT" not in laid_out(70)[0]
    assert "LAST ACTIVITY" in laid_out(70)[0]
    assert laid_out(40)[0].split() == ["ID", "TITLE"]


def test_only_texts_are_cut_and_times_and_numbers_stay_whole():
    first = laid_out(80)[1]
    assert "…  " in first
    assert first.endswith("2026-03-14 09:01")
    assert first.startswith("0199d3b2-6c1e…  Why the tide table")


def test_a_text_in_the_last_column_is_wrapped_and_not_cut():
    table = [Column("severity", "SEVERITY", ["damage"]), Column("message", "WHAT", [TITLE])]
    lines = list(lay_out(table, width=40, spare=()))
    assert max(map(width_of, lines)) <= 40
    assert " ".join(line[10:].strip() for line in lines[1:]) == TITLE


def test_a_path_loses_its_beginning():
    table = [
        Column("path", "FILE", ["/home/ana/" + "folder/" * 20 + "session.jsonl"]),
        Column("n", "N", ["1"], right=True),
    ]
    line = list(lay_out(table, width=40, spare=()))[1]
    assert line.startswith("…")
    assert "folder/session.jsonl" in line


def test_wide_characters_take_two_columns():
    table = [Column("title", "TITLE", ["数据库" * 20]), Column("active", "AT", ["2026-03-14 09:01"])]
    line = list(lay_out(table, width=TEXT_MIN + 18, spare=()))[1]
    assert width_of(line) <= TEXT_MIN + 18
    assert line.endswith("2026-03-14 09:01")


def test_a_long_word_is_parted_where_nothing_else_helps():
    table = [Column("message", "WHAT", ["x" * 100])]
    assert list(lay_out(table, width=30, spare=())) == ["WHAT", "x" * 30, "x" * 30, "x" * 30, "x" * 10]


def on_terminal(home, *arguments, columns=80, **environment):
    """What a command prints on a terminal."""
    main, side = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **environment}
    try:
        done = subprocess.run(
            [*HANSARD, *arguments], stdout=side, stderr=subprocess.PIPE, env=env, cwd=home, check=False
        )
        os.close(side)
        printed = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            printed += piece
    finally:
        os.close(main)
    assert done.returncode == 0, done.stderr
    return printed.decode().splitlines()


def test_ls_fits_a_terminal_of_80_columns(store, home):
    store.create(agent="claude-code", project="tidewatch", entries=[hansard.user(TITLE)])
    heading, row = on_terminal(home, "ls", NO_COLOR="1")
    assert heading.split() == ["@", "ID", "TITLE", "PROJECT", "MSGS", "LAST", "ACTIVITY"]
    assert re.search(r"\d\d:\d\d$", row)
    assert width_of(row) <= 80


def test_colours_are_left_out_where_the_environment_says_so(session, home):
    assert any("\x1b[" in line for line in on_terminal(home, "ls"))
    assert not any("\x1b[" in line for line in on_terminal(home, "ls", NO_COLOR="1"))
    assert not any("\x1b[" in line for line in on_terminal(home, "ls", TERM="dumb"))
    assert any("\x1b[" in line for line in on_terminal(home, "--color", "always", "ls", NO_COLOR="1"))


@pytest.mark.parametrize(
    "arguments", [("ls",), ("show", "@last"), ("search", "数据库"), ("ls", "-o", "md")], ids=" ".join
)
def test_text_that_the_streams_encoding_lacks_is_no_error(store, home, arguments):
    store.create(title="数据库 …", entries=[hansard.user("数据库 is broken")])
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*HANSARD, *arguments], capture_output=True, env=env, cwd=home, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?" in done.stdout
