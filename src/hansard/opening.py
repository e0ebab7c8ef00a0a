"""From what a person types as the place of a store to an open store."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from .backend import Backend
from .codec import times
from .codec.names import check_id
from .errors import Invalid, NotFound, Unsupported
from .model.requests import Clock
from .store import Store
from .store.place import place_of
from .store.redacting import Redact
from .store.retention import RetentionPolicy

AnyClock: TypeAlias = Callable[[], datetime | float | int]
"""A clock as callers have one: datetimes, seconds as float, or microseconds as int."""

VARIABLE: Final = "HANSARD_STORE"
"""The environment variable that names the store where none is given."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_KNOWN: Final = "a folder, file:///folder, memory:, postgresql://host/database"

SERVER_OPTIONS: Final = ("connections", "deadline", "notify", "patience", "poll", "prepare", "tenant")
"""Options of a postgresql:// URL that are Hansard's own."""

_PASSWORD: Final = re.compile(r"^(\s*\w+:/*[^:@/]*):(?:[^/]*|[^?]*|(?!\d*(?:[/?,]|$))[\s\S]*)@")
"""Up to the `@` that ends it; one that holds a slash should have it as %2F, and may not have."""
_SECRET: Final = re.compile(
    r"([?&](?:password|sslpassword|oauth_client_secret|scram_client_key|scram_server_key))=[^&]*"
)


class _Place(msgspec.Struct, frozen=True):
    """What a URL says; `root` None is memory, or the `server`."""

    root: Path | None
    shared_unsafe: bool = False
    server: str = ""
    """For libpq."""
    options: dict[str, str] = {}
    """Hansard's own, of a server's URL."""
    tenant: str | None = None


def open(  # noqa: A001 - hansard.open is the name
    url: str | os.PathLike[str] | None = None,
    *,
    clock: AnyClock | None = None,
    create: bool = True,
    tenant: str | None = None,
    retention: RetentionPolicy | None = None,
    redact: Redact | None = None,
    read_only: bool = False,
) -> Store:
    """An open store.

    `url` is a folder, `file:///folder`, `memory:` (gone when closed), or `postgresql://user@host/database`; None is
    $HANSARD_STORE, else ~/.hansard.
    `file:///folder?shared=unsafe` opens a folder on a network file system, whose locks may lose acknowledged entries.
    `clock` replaces the system's time: it gives datetimes, seconds as float, or microseconds as int. A store that is
    not there is made, unless `create` is False. With `tenant`, or `?tenant=name`, it is that tenant's: nothing in it
    can be reached from the store around it or from another tenant. `retention` takes away behind the saves what it lets
    go; without one nothing ever goes. `redact(kind, body)` gives the body of each entry that is stored instead of the one
    given. With `read_only` nothing in the folder is made, changed or locked, so it may lie on a medium that can't be
    written: its indexes are made in a temporary folder, listings show the sessions of that moment, and whatever would
    change something is Unavailable; it takes neither `retention` nor `redact`.

    Raises:
        NotFound: there is no store, and `create` is False.
        Invalid: the URL can't be understood, or names another tenant; `retention` or `redact` beside `read_only`.
        Unavailable: the store can't be read and written there.
        Unsupported: a newer version wrote it, or the platform or the place is not supported; `read_only` is asked of a
            store that is not in a folder.
    """
    ticking = _clock(clock)
    place = _place(url)
    if tenant is not None and place.tenant not in (None, tenant):
        msg = f"tenant: {tenant!r} is asked for, but the URL says {place.tenant!r}; give one of the two"
        raise Invalid(msg)
    asked = place.tenant if tenant is None else tenant
    if asked is not None:
        check_id(asked, "tenant")
    if read_only and not (retention is None and redact is None):
        msg = (
            "read_only: nothing is taken away or stored there, so there is no use for retention or redact; leave them out, "
            "or open the store without read_only. prune(policy, dry_run=True) tells what a policy would take away"
        )
        raise Invalid(msg)
    backend = _reader(place, ticking) if read_only else _backend(place, ticking, create=create)
    if asked is None:
        return Store(backend, clock=ticking, retention=retention, redact=redact)
    try:
        store = Store(backend.tenant(asked), clock=ticking, retention=retention, redact=redact)
    except BaseException:
        backend.close()
        raise
    place_of(store).at_end(backend.close)
    return store


def _backend(place: _Place, clock: Clock, *, create: bool) -> Backend:
    if place.server:
        return _server(place, clock, create=create)
    if place.root is None:
        if not create:
            msg = "memory: a store in memory is new each time, so there is none to open; leave create=False out"
            raise NotFound(msg)
        from .backends.memory import MemoryBackend

        return MemoryBackend(clock=clock)
    from .backends.file import FileBackend

    return FileBackend(place.root, clock=clock, shared_unsafe=place.shared_unsafe, create=create)


def _reader(place: _Place, clock: Clock) -> Backend:
    if place.root is None:
        msg = "read_only: only a store in a folder can be opened so; on a PostgreSQL server let a role's rights say it"
        raise Unsupported(msg)
    from .backends.file import FileReader

    return FileReader(place.root, clock=clock)


def _server(place: _Place, clock: Clock, *, create: bool) -> Backend:
    postgres = _postgres()
    return postgres.PostgresBackend(postgres.settings_of(place.server, place.options), clock=clock, create=create)


def _postgres() -> ModuleType:
    try:
        from .backends import postgres
    except ImportError as error:
        msg = "stores in PostgreSQL need psycopg; install it with: pip install 'hansard[postgres]'"
        raise Unsupported(msg) from error
    return postgres


def tables(url: str | os.PathLike[str] | None = None) -> Any:
    """The tables behind a `postgresql://` URL, to be asked for their `status` and to `migrate`; None for other stores.

    Raises:
        Invalid: the URL can't be understood.
        Unsupported: psycopg is not installed.
    """
    place = _place(url)
    if not place.server:
        return None
    postgres = _postgres()
    return postgres.Tables(postgres.settings_of(place.server, place.options))


def _place(url: str | os.PathLike[str] | None) -> _Place:
    return _parse(os.environ.get(VARIABLE) or "~/.hansard" if url is None else url)


def _parse(url: str | os.PathLike[str]) -> _Place:
    if isinstance(url, os.PathLike):
        return _folder(os.fspath(url), "")
    if not isinstance(url, str) or not url.strip():
        msg = f"store {url!r}: give {_KNOWN}"
        raise Invalid(msg)
    text = url.strip()
    scheme = _SCHEME.match(text)
    if scheme is None:
        path, query = _split(url)
        return _folder(path, query)
    name = scheme.group()[:-1].lower()
    if name == "memory":
        if text[len("memory:") :].strip("/"):
            msg = f"store {text!r}: a store in memory has no name; use memory:"
            raise Invalid(msg)
        return _Place(None)
    if name == "file":
        return _file_url(text)
    if name in ("postgresql", "postgres"):
        return _server_url(text)
    raise _refusal(name, text)


def _server_url(text: str) -> _Place:
    """The place in a database; Hansard's own options are taken out of the URL, the rest goes to libpq as it was written."""
    _, mark, rest = text.partition("://")
    if not mark:
        msg = "store: one in PostgreSQL is written postgresql://user@host/database, with two slashes"
        raise Invalid(msg)
    # As libpq reads it: an `@` before any slash ends user and password, which may hold a `?`.
    end = rest.partition("/")[0].find("@") + 1
    place, _, query = rest[end:].partition("?")
    own: dict[str, str] = {}
    others: list[str] = []
    for option in filter(None, query.split("&")):
        name, value = parse_qsl(option, keep_blank_values=True)[0]
        if name not in SERVER_OPTIONS:
            key, sign, said = option.partition("=")
            # People write `options=-c a=b`; libpq wants neither of them plain.
            others.append(key + sign + said.replace("=", "%3D").replace(" ", "%20"))
        elif own.setdefault(name, value) != value:
            msg = f"store option {name}: the URL says both {own[name]!r} and {value!r}; give one of the two"
            raise Invalid(msg)
    tenant = own.pop("tenant", None)
    # The two slashes stay also before no host: libpq then takes the one of `host=`, or the socket of this machine.
    server = f"postgresql://{rest[:end]}{place}" + (f"?{'&'.join(others)}" if others else "")
    return _Place(None, server=server, options=own, tenant=tenant)


def without_password(url: str) -> str:
    """The URL of a store as anybody may see it, also where the password in it is not written as it should be."""
    if not url.strip().lower().startswith(("postgresql:", "postgres:")):
        return url
    return _SECRET.sub(r"\1=***", _PASSWORD.sub(r"\1:***@", url))


def _refusal(name: str, text: str) -> Invalid:
    shown = text.partition("://")[0] if "://" in text else text
    msg = f"store {shown!r}: there are no stores of kind {name!r}; give {_KNOWN}. A folder of that name is ./{shown}"
    return Invalid(msg)


def _file_url(text: str) -> _Place:
    rest = text[len("file:") :]
    if not rest.startswith("//"):
        path, query = _split(rest)
        return _folder(path, query)
    url = urlsplit(text)
    if url.netloc not in ("", "localhost"):
        msg = f"store {text!r}: files are on this machine; write file:///folder, with three slashes"
        raise Invalid(msg)
    return _folder(unquote(url.path), url.query)


def _split(text: str) -> tuple[str, str]:
    """The path and the options behind its `?`; any other `?` belongs to the path."""
    path, mark, query = text.rpartition("?")
    return (path, query) if mark and query.startswith(("shared=", "tenant=")) else (text, "")


def _folder(path: str | bytes, query: str) -> _Place:
    text = os.fsdecode(path)
    if not text or "\0" in text:
        msg = f"store {text!r}: this is no folder; give {_KNOWN}"
        raise Invalid(msg)
    if any("\ud800" <= character <= "\udfff" for character in text):
        msg = f"store {text!r}: the path of a folder is UTF-8, as SQLite takes no other; give one that is"
        raise Invalid(msg)
    given = parse_qsl(query, keep_blank_values=True)
    options = dict(given)
    if (
        not options.keys() <= {"shared", "tenant"}
        or len(options) < len(given)
        or options.get("shared", "unsafe") != "unsafe"
    ):
        msg = f"store options {query!r}: there are ?tenant=name, and ?shared=unsafe for folders on network file systems"
        raise Invalid(msg)
    root = Path(text).expanduser().absolute()
    return _Place(root, shared_unsafe="shared" in options, tenant=options.get("tenant"))


def _clock(given: AnyClock | None) -> Clock:
    if given is None:
        return _system_us
    if not callable(given):
        msg = f"clock: a function without arguments, not {type(given).__name__}"
        raise Invalid(msg)

    def microseconds() -> int:
        now = given()
        if type(now) is int:
            times.check(now)
            return now
        return times.microseconds(now, "clock")

    microseconds()
    return microseconds


def _system_us() -> int:
    return time.time_ns() // 1000
