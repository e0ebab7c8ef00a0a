"""Errors as a person at a terminal needs them: what happened, one hint, and an exit code a script can rely on."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable
from typing import Final

import click

from .surroundings import Ended, ended_by_signals

OK: Final = 0
NOTHING: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
CONFLICT: Final = 4
UNAVAILABLE: Final = 5
DAMAGED: Final = 6
BY_SIGNAL: Final = 128
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141

EXIT_CODES: Final = {
    "not-found": NOT_FOUND,
    "already-exists": CONFLICT,
    "conflict": CONFLICT,
    "lease-lost": CONFLICT,
    "corrupt": DAMAGED,
    "invalid": USAGE,
    "unavailable": UNAVAILABLE,
    "unsupported": UNAVAILABLE,
}
"""By the `code` of a HansardError."""

HINTS: Final = {
    "corrupt": "`hansard check` lists all damage; `hansard show --salvage` reads around it",
    "unavailable": "`hansard store health` says whether the store can be written",
}


class Problem(Exception):
    """An error of the command line itself, with the code and the hint it is shown with."""

    def __init__(self, message: str, *, code: str, hint: str = "", exit_code: int | None = None) -> None:
        """Keep the parts apart; the exit code follows from the code unless it is given."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        self.exit_code = EXIT_CODES.get(code, NOTHING) if exit_code is None else exit_code


def guarded(run: Callable[[], object], *, as_json: Callable[[], bool]) -> int:
    """Run a command and turn whatever it raises into words on stderr; the exit code."""
    from ..errors import HansardError

    try:
        with ended_by_signals():
            code = run()
            sys.stdout.flush()
    except Problem as problem:
        return _say(problem.code, problem.message, problem.hint, problem.exit_code, as_json())
    except click.exceptions.NoArgsIsHelpError as help_:
        sys.stderr.write(help_.format_message() + "\n")
        return USAGE
    except click.UsageError as error:
        return _say("usage", error.format_message(), _usage_hint(error), USAGE, as_json())
    except click.ClickException as error:
        return _say("usage", error.format_message(), "", USAGE, as_json())
    except HansardError as error:
        return _say(error.code, str(error), HINTS.get(error.code, ""), EXIT_CODES.get(error.code, NOTHING), as_json())
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\ninterrupted; what was acknowledged is kept\n")
        return INTERRUPTED
    except Ended as ended:
        # The terminal may be what has gone.
        with contextlib.suppress(OSError):
            sys.stderr.write(f"\nended by {ended.signal.name}; what was acknowledged is kept\n")
        return BY_SIGNAL + ended.signal
    except MemoryError:
        message = "there is not enough memory for this; what was acknowledged is kept"
        return _say(
            "unavailable", message, "give the program more memory, or less to do at once", UNAVAILABLE, as_json()
        )
    except SystemExit:
        # Click meets a reader that went away by itself: it wraps the streams and exits with 1, as if nothing was found.
        if not type(sys.stdout).__name__.endswith("PacifyFlushWrapper"):
            raise
        _silence_stdout()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno == errno.EPIPE:
            _silence_stdout()
            return PIPE_CLOSED
        where = f" ({error.filename})" if error.filename else ""
        return _say("unavailable", f"{error.strerror or error}{where}", "", UNAVAILABLE, as_json())
    return code if isinstance(code, int) else OK


def _usage_hint(error: click.UsageError) -> str:
    return f"{error.ctx.command_path} --help shows how it is used" if error.ctx is not None else ""


def _say(code: str, message: str, hint: str, exit_code: int, as_json: bool) -> int:  # noqa: FBT001
    from ..formats.safe import readable

    if as_json:
        error = {"code": code, "message": message, "hint": hint or None, "exit_code": exit_code}
        sys.stderr.write(json.dumps({"error": error}) + "\n")
        return exit_code
    sys.stderr.write(f"error[{code}]: {readable(message)}\n")
    if hint:
        sys.stderr.write(f"hint: {readable(hint)}\n")
    return exit_code


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader of our stdout has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
