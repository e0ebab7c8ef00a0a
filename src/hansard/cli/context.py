"""What one run of the program works on: which store, opened when it is needed, and which session is meant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from .problems import Problem

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..backend import Backend
    from ..store import Session, Store

COMPLETED_MAX = 50
"""Sessions that a shell is offered."""


class Run:
    """The global options of one run."""

    def __init__(self, *, url: str | None, color: str, tenant: str | None = None) -> None:
        """Open nothing yet."""
        self.url = url
        self.tenant = tenant
        self.color = color

    def open(self, url: str | None = None, *, create: bool = False) -> Store:
        """The store of this run, or the one at `url`; closed when the command ends.

        Raises:
            NotFound: it is not there, and `create` is False. Nothing was made.
        """
        import hansard

        # The tenant is one of the store of this run; another store says its own, as in file:///dir?tenant=name.
        place, tenant = (self.url, self.tenant) if url is None else (url, None)
        return click.get_current_context().with_resource(hansard.open(place, create=create, tenant=tenant))

    def listing(self) -> Store:
        """The store, as soon as its index knows every session: after damage it is rebuilt first, and that is told."""
        store = self.open()
        await_index(store)
        return store

    def session(self, text: str) -> Session:
        """The session that `text` means, in the store of this run.

        Raises:
            NotFound: there is no store, or no such session in it.
            Invalid: `text` fits more than one session.
        """
        store = self.listing() if text.startswith("@") else self.open()
        return store.resolve(text)

    @staticmethod
    def backend_of(session: Session) -> Backend:
        """The backend under a session: formats that copy bytes stand on the contract itself."""
        from ..store.place import place_of

        return place_of(session).backend

    def where(self) -> tuple[str, str]:
        """The store's URL as given, and what said so."""
        if self.url is not None:
            return self.url, "--store"
        named = os.environ.get("HANSARD_STORE")
        return (named, "$HANSARD_STORE") if named else (str(Path("~/.hansard").expanduser()), "the default")


def await_index(store: Store) -> None:
    """Return when the index of the store is complete; if that takes long, say so on stderr."""
    import time

    if store.find(limit=1).complete:
        return
    sys.stderr.write("the index is being rebuilt from the logs; this may take a moment ...\n")
    while not store.find(limit=1).complete:
        time.sleep(0.05)


class SessionName(click.ParamType):  # pyright: ignore[reportMissingTypeArgument] - generic in the newest click only
    """A session as a person names it; completed in the shell from the store."""

    name = "session"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """The newest sessions whose id or slug begins so; none if the store can't be read: a shell wants no errors."""
        from click.shell_completion import CompletionItem

        import hansard
        from hansard.formats.safe import one_line

        try:
            asked = ctx.find_root().params
            with hansard.open(asked.get("store"), create=False, tenant=asked.get("tenant") or None) as store:
                found = [info for info in store.sessions() if info.id.startswith(incomplete)][:COMPLETED_MAX]
        except hansard.HansardError:
            return []
        return [CompletionItem(info.id, help=one_line(info.title or "", limit=60)) for info in found]


SESSION = SessionName()

pass_run = click.make_pass_decorator(Run)


def stdin_is_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """Return if the person agrees: by --yes, or by an answer on the terminal.

    Raises:
        Problem: there is neither.
    """
    if yes:
        return
    if not stdin_is_terminal():
        msg = f"{question} There is no terminal to ask on, so nothing was done."
        raise Problem(msg, code="usage", hint="add --yes to mean it", exit_code=2)
    if not click.confirm(question, err=True):
        raise click.Abort


def folder_of(store: Store, session: str) -> Path:
    """The folder in which a session of a file store lies.

    Raises:
        Problem: the store has no folders.
    """
    from ..store.place import place_of

    layout: Any = getattr(place_of(store).backend, "layout", None)
    place = layout and layout.find(session)
    if not place:
        msg = f"session {session!r} has no folder in a {store.backend_name} store"
        raise Problem(msg, code="unsupported", hint="export it instead: hansard export --format hansard")
    return cast("Path", layout.folder(place))
