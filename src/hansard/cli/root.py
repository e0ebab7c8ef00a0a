"""The command `hansard`: its global options, and its commands by name, each loaded only when it is asked for."""

from __future__ import annotations

import importlib
import itertools
import re
import sys
from collections.abc import MutableMapping, Sequence
from typing import Any, Final

import click

from .problems import guarded

COMMANDS: Final = {
    "import": ("importing", "Bring transcripts of coding agents into the store."),
    "migrate": ("migrating", "Import another program's directory, and say what each session became."),
    "export": ("exporting", "Write a session as a file: raw, Markdown, HTML, native lines or an archive."),
    "ls": ("listing", "List sessions, newest first."),
    "show": ("showing", "Show the transcript of a session."),
    "tail": ("tailing", "Show the newest entries of a session, and follow it as it grows."),
    "search": ("searching", "Search all sessions, or one."),
    "fork": ("changing", "Make a new session that continues this one from an entry on."),
    "rename": ("changing", "Give a session a title."),
    "rewind": ("changing", "Move the visible end of a session back; nothing is lost."),
    "branches": ("changing", "List the branches that a session has."),
    "tag": ("changing", "Set or remove labels of a session."),
    "rm": ("removing", "Remove sessions with their sub-agents."),
    "pin": ("marking", "Pin sessions: cleanup, prune and rm leave them alone."),
    "unpin": ("marking", "Take the pin away."),
    "clear": ("marking", "Begin a session afresh; costs stay, and so does the record unless it is erased."),
    "ask": ("asking", "Have a session wait for a person's answer."),
    "answer": ("asking", "Answer the question that a session waits with."),
    "latest": ("marking", "Print the id of the newest session of an agent and a user."),
    "usage": ("spending", "Sum up what the calls of models took, by day, model, project or agent."),
    "runs": ("running", "List the runs of agents: status, steps, tokens, cost."),
    "cleanup": ("keeping", "Remove sessions that are empty, sub-agents, or all."),
    "prune": ("keeping", "Remove sessions by age or number."),
    "backup": ("backing", "Back the whole store up to a folder or a zip file, while writers go on."),
    "restore": ("backing", "Bring a backup into the store; nothing is overwritten unsaid."),
    "documents": ("documenting", "Keep documents beside sessions: ls, get, put, rm, history."),
    "erase": ("removing", "Clear the content of single entries for good."),
    "check": ("checking", "Verify every line, chain and attachment."),
    "copy": ("copying", "Copy sessions or a whole store, byte for byte."),
    "path": ("locating", "Print the folder of a session."),
    "gc": ("clearing", "Remove what nothing refers to."),
    "reset": ("clearing", "Remove all sessions and documents, for development."),
    "store": ("storing", "Look after the store: init, status, migrate, health, reindex, where."),
    "demo": ("showcase", "See it at work in a temporary folder."),
    "completion": ("completing", "Print the completion script of a shell."),
}
"""Module in `commands/` and the line in the overview, by the name that is typed."""


_JSON: Final = re.compile(r"-ojsonl?|--output=jsonl?")


class Commands(click.Group):
    """A group that imports a command's module when the command is used, so that help stays instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".commands.{COMMANDS[cmd_name][0]}", __package__)
        return getattr(module, f"{cmd_name}_command")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest names beside an unknown one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            also = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{also}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The overview, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(  # pyright: ignore[reportIncompatibleMethodOverride] - one way to run instead of click's two
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run, say what went wrong if something did, and exit."""
        wanted: MutableMapping[str, Any] = {**extra, "standalone_mode": False}
        given = list(sys.argv[1:] if args is None else args)
        sys.exit(
            guarded(
                lambda: super(Commands, self).main(args=given, prog_name=prog_name or "hansard", **wanted),
                as_json=lambda: _asks_for_json(given),
            )
        )


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether the arguments name a JSON output: errors of parsing come before any option is read."""
    options = list(itertools.takewhile(lambda argument: argument != "--", arguments))
    pairs = itertools.pairwise(options)
    return any(_JSON.fullmatch(option) for option in options) or any(
        option in ("-o", "--output") and value in ("json", "jsonl") for option, value in pairs
    )


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Sessions are named by id, by the beginning of an id, by slug, or as @last, @1, @2 … (the rows of ls).",
)
@click.option(
    "-S",
    "--store",
    metavar="URL",
    help="The store: a folder, file:///folder, postgresql://host/database. Default: $HANSARD_STORE, else ~/.hansard.",
)
@click.option("--tenant", envvar="HANSARD_TENANT", metavar="NAME", help="Whose store in it. Default: $HANSARD_TENANT.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours on stdout.")
@click.version_option(None, "--version", package_name="hansard", prog_name="hansard")
@click.pass_context
def hansard(ctx: click.Context, store: str | None, tenant: str | None, color: str) -> None:
    """Keep the sessions of AI agents: durable, searchable, forkable, provable.

    \b
    Examples:
      hansard import ~/.claude/projects ~/.codex/sessions
      hansard ls
      hansard search 'race condition role:user after:2026-11-01'
      hansard show @last --last 20
    """
    from .context import Run

    ctx.obj = Run(url=store, color=color, tenant=tenant or None)
