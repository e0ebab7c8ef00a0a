"""What one run of the program works on: which store, opened when it is needed, and which session is meant."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from .output import say
from .problems import Problem

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from ..backend import Backend
    from ..errors import Unavailable
    from ..model.info import SessionInfo
    from ..store import Session, Store

COMPLETED_MAX: Final = 50
"""Sessions that a shell is offered."""

TROUBLE_S: Final = 1.0
TROUBLED_MAX: Final = 3
"""After so many looks, TROUBLE_S apart, that met trouble nobody waits any longer for the index."""

NOT_WRITABLE: Final = frozenset((errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT))
"""Errors of a medium that can perhaps still be read."""

NO_STORE: Final = "`hansard store where` says which store is meant; `hansard import` or `hansard store init` makes one"
NO_SESSION: Final = "`hansard ls --all` lists the sessions; `hansard store where` says which store is meant"


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
            Problem: it is not there, and `create` is False. Nothing was made.
        """
        import hansard

        try:
            return self._opened(url, create=create)
        except hansard.NotFound as error:
            raise Problem(str(error), code=error.code, hint=NO_STORE) from None

    def there(self) -> Store | None:
        """The store of this run; None if there is none."""
        import hansard

        try:
            return self._opened(None, create=False)
        except hansard.NotFound:
            return None

    def filled(self, *, dry_run: bool) -> Store:
        """The store of this run to bring something into, made if need be; a dry run makes none."""
        if not dry_run:
            return self.open(create=True)
        return self.there() or self.open("memory:", create=True)

    def _opened(self, url: str | None, *, create: bool) -> Store:
        import hansard

        # The tenant is one of the store of this run; another store says its own, as in file:///dir?tenant=name.
        place, tenant = (self.url, self.tenant) if url is None else (url, None)
        try:
            store = hansard.open(place, create=create, tenant=tenant)
        except hansard.Unavailable as error:
            found = None if create else _read_only(place, tenant, error)
            if found is None:
                raise
            store = found
        return click.get_current_context().with_resource(store)

    def listing(self) -> Store:
        """The store, as soon as its index knows every session: after damage it is rebuilt first, and that is told."""
        store = self.open()
        await_index(store)
        return store

    def session(self, text: str) -> Session:
        """The session that `text` means, in the store of this run.

        Raises:
            Problem: there is no store, or no such session in it.
            Invalid: `text` fits more than one session.
        """
        return resolve(self.listing() if text.startswith("@") else self.open(), text)

    @staticmethod
    def backend_of(session: Session) -> Backend:
        """The backend under a session: formats that copy bytes stand on the contract itself."""
        from ..store.place import place_of

        return place_of(session).backend

    def where(self) -> tuple[str, str]:
        """The store's URL as anybody may see it, and what said so."""
        from ..opening import without_password

        if self.url is not None:
            return without_password(self.url), "--store"
        named = os.environ.get("HANSARD_STORE")
        if named:
            return without_password(named), "$HANSARD_STORE"
        return str(Path("~/.hansard").expanduser()), "the default"


def _read_only(place: str | None, tenant: str | None, error: Unavailable) -> Store | None:
    """The store that could not be opened, for reading; None unless that was for want of rights or of room to write."""
    import hansard

    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno not in NOT_WRITABLE:
        return None
    try:
        store = hansard.open(place, tenant=tenant, read_only=True)
    except hansard.HansardError:
        return None
    say(f"{cause.strerror}: the store is only read")
    return store


def resolve(store: Store, text: str) -> Session:
    """The session of this store that `text` means.

    Raises:
        Problem: there is no such session.
        Invalid: `text` fits more than one session.
    """
    from ..errors import NotFound

    try:
        return store.resolve(text)
    except NotFound as error:
        raise Problem(str(error), code=error.code, hint=NO_SESSION) from None


def in_tree(session: Session) -> dict[str, Any]:
    """The filters that this session and its descendants meet."""
    if session.info.parent is None:
        return {"root": session.id}
    return {"id": [session.id, *(child.id for child in session.children(recursive=True))]}


def await_index(store: Store) -> None:
    """Return when the index of the store is complete; if that takes long, or can't be had, say so on stderr."""
    if store.find(limit=1).complete:
        return
    sys.stderr.write("the index is being rebuilt from the logs; this may take a moment ...\n")
    asked, troubled = time.monotonic(), 0
    while not store.find(limit=1).complete:
        time.sleep(0.05)
        if time.monotonic() - asked < TROUBLE_S:
            continue
        asked = time.monotonic()
        trouble = _trouble(store)
        troubled = troubled + 1 if trouble else 0
        if troubled == TROUBLED_MAX:
            say(f"the index can't be completed, so sessions may be missing here: {trouble}")
            return


def _trouble(store: Store) -> str:
    """What keeps the index from being completed; "" if nothing is known to."""
    from ..errors import Unavailable

    try:
        found = store.health().details.get("problems")
    except Unavailable as error:
        return str(error)
    return str(found[0]) if isinstance(found, list | tuple) and found else ""


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
                found = list(islice(_beginning(store, incomplete), COMPLETED_MAX))
        except hansard.HansardError:
            return []
        return [CompletionItem(name, help=one_line(info.title or "", limit=60)) for name, info in found]


def _beginning(store: Store, text: str) -> Iterator[tuple[str, SessionInfo]]:
    """Sessions, the newest first, by the name of theirs that begins so: the id, else the slug."""
    for info in store.sessions():
        name = next((name for name in (info.id, info.slug) if name and name.startswith(text)), None)
        if name is not None:
            yield name, info


class Moment(click.ParamType):  # pyright: ignore[reportMissingTypeArgument] - generic in the newest click only
    """A time as a person types it, given on as RFC 3339."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC; fails with what would do."""
        from ..codec import times

        found = times.meant(str(value), now_us=time.time_ns() // 1000)
        if found is None:
            self.fail(
                f"{value!r} is no time; use 2026-11-01, 2026-11-01T08:00:00Z, 2026-11, or 7d (s m h d w y ago)",
                param,
                ctx,
            )
        return times.stamp(found)


SESSION: Final = SessionName()
TIME: Final = Moment()

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
