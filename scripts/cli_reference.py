"""Write docs/reference/cli.md from the program's own help, so that the page can't say anything else.

python scripts/cli_reference.py          writes the page
python scripts/cli_reference.py --print  prints it
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from hansard.cli.root import hansard

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"
WIDTH = 96

HEAD = """\
# The command line

This page is made from the program's own help: `make docs` writes it, and a test compares.

**stdout is data, stderr is talk.** What a command found or made goes to stdout, in the format that `-o` names; counts,
hints, questions and progress go to stderr. JSON is written in ASCII, tables and transcripts are stripped of control
sequences, so nothing that a transcript holds can steer your terminal. `export --format raw` and `--format hansard` give
the bytes as they are.

**Sessions** are named by their id, the beginning of an id, their slug, or their row in `hansard ls`: `@last` or `@1` is
the first row, `@2` the second.

**Exit codes**

| code | meaning |
|---|---|
| 0 | done |
| 1 | nothing was found, or something could not be done for some of what was asked |
| 2 | the command was not understood, or a value can't be taken |
| 3 | there is no such store, session, entry or file; nothing was made |
| 4 | conflict: somebody was faster, or the id is taken |
| 5 | the store does not answer, or can't do this |
| 6 | damage was found |
| 129, 130, 143 | ended by a hang-up, an interrupt or SIGTERM; what was acknowledged is kept, nothing is left by halves |
| 141 | the reader of stdout went away |

**Errors** are two lines, `error[code]: what happened` and `hint: what to do`. With `-o json` or `-o jsonl` they are one
JSON object: `{"error": {"code": …, "message": …, "hint": …, "exit_code": …}}`. Both go to stderr.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_sections(hansard, None, "hansard"))


def _sections(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    yield f"\n## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found is not None:
                yield from _sections(found, context, inner)


if __name__ == "__main__":
    if "--print" in sys.argv:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
