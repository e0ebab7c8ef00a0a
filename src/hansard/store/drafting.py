"""One append, made ready before any lock is taken: checked, freed of inline files, encoded and digested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ..backend import Request
from ..codec.line import seal_all
from ..codec.names import check_id
from ..errors import Invalid
from ..limits import COMMIT_BYTES_MAX, MIB
from ..model.entry import Json, NewEntry
from ..model.requests import Changes
from .changes import KeyChanges, changes_of
from .given import File, GivenEntries, examined, without_inline
from .given_documents import GivenDocuments, writes_of
from .leases import HasFence, fence_of
from .place import Place
from .redacting import changes_without_secrets, entry_without_secrets, redacted_changes, redacted_entry, report

_NOTHING: Final = Request()


class Drafted(msgspec.Struct, frozen=True):
    """A request, and what must be attached before it is handed to the backend."""

    request: Request
    files: tuple[File, ...] = ()


def draft(
    place: Place,
    entries: GivenEntries,
    *,
    changes: Changes | None = None,
    key: str | None = None,
    expect: int | None = None,
    fence: int | None = None,
    run: str | None = None,
    agent: str | None = None,
    more: Sequence[NewEntry] = (),
) -> Drafted:
    """The request for an append. Its ids are drawn here, once, so that handing it in again adds nothing twice.

    `more` are entries of the store's own, which callers can't give.

    Raises:
        Invalid: an entry, the key or `expect` can't be taken.
    """
    given, usual = examined(entries)
    if not usual or changes is not None:
        given, changes = _without_secrets(given, changes)
    if place.redact is not None:
        usual = False
        given = [redacted_entry(place.redact, new) for new in given]
        changes = None if changes is None else redacted_changes(place.redact, changes)
    given = [*given, *more] if more else given
    if not given and changes is None and expect is None and fence is None:
        return Drafted(_NOTHING)
    _check_options(key, expect, run, agent)
    if run is not None or agent is not None:
        given = [_with(new, run, agent) for new in given]
    files: list[File] = []
    if not usual and "attachments" in place.capabilities:
        for number, new in enumerate(given):
            given[number], cut = without_inline(new)
            files += cut
    sealed = seal_all(given, now_us=place.clock(), key=key)
    size = 0
    for one in sealed:
        size += one.size
    if size > COMMIT_BYTES_MAX:
        msg = f"this append has {size} bytes; a commit has at most {COMMIT_BYTES_MAX // MIB} MiB. Append in batches"
        raise Invalid(msg)
    change_id = "" if key is None else check_id(f"{key}.{len(sealed)}", "key")
    return Drafted(Request(tuple(sealed), changes, change_id, key is not None, expect, fence), tuple(files))


def _without_secrets(given: list[NewEntry], changes: Changes | None) -> tuple[list[NewEntry], Changes | None]:
    if changes is None and all(new.kind != "update" for new in given):
        return given, changes
    found: list[NewEntry] = []
    dropped: list[str] = []
    for new in given:
        cleaned, names = entry_without_secrets(new)
        found.append(cleaned)
        dropped += names
    changes, names = changes_without_secrets(changes)
    return found + report(dropped + names), changes


def draft_append(
    place: Place,
    session: str,
    entries: GivenEntries = (),
    *,
    key: str | None = None,
    expect: int | None = None,
    state: KeyChanges | None = None,
    status: str | None = None,
    set: Mapping[str, Json] | None = None,  # noqa: A002 - as in append
    lease: HasFence | int | None = None,
    run: str | None = None,
    agent: str | None = None,
    store_documents: GivenDocuments | None = None,
    more: Sequence[NewEntry] = (),
) -> Drafted:
    """The request for Session.append with these arguments; both doors begin here. Errors as for `draft`."""
    place.refuse_inside_edit(session)
    changes: Changes | None = None
    if set or status is not None or state is not None:
        fields = dict(set or {})
        if status is not None:
            fields["status"] = status
        changes = changes_of(fields=fields, state=state)
    fence = None if lease is None else fence_of(lease)
    drafted = draft(
        place, entries, changes=changes, key=key, expect=expect, fence=fence, run=run, agent=agent, more=more
    )
    return with_documents(place, drafted, store_documents, verb="append(store_documents=…)")


def with_documents(place: Place, drafted: Drafted, given: GivenDocuments | None, *, verb: str) -> Drafted:
    """The same, with documents of the store in the same commit.

    Raises:
        Unsupported: the backend can't write both together.
        Invalid: something is no document.
    """
    if not given:
        return drafted
    place.need("atomic_documents", verb)
    request = msgspec.structs.replace(drafted.request, documents=tuple(writes_of(given)))
    return msgspec.structs.replace(drafted, request=request)


def attach_all(place: Place, session: str, drafted: Drafted) -> None:
    """Attach what was cut out of the entries of a request."""
    for data, mime, name in drafted.files:
        place.backend.attach(session, data, mime=mime, name=name)


def _with(new: NewEntry, run: str | None, agent: str | None) -> NewEntry:
    if (run is None or new.run is not None) and (agent is None or new.agent is not None):
        return new
    return msgspec.structs.replace(
        new, run=run if new.run is None else new.run, agent=agent if new.agent is None else new.agent
    )


def _check_options(key: object, expect: object, run: object, agent: object) -> None:
    if key is expect is run is agent is None:
        return
    if key is not None and (not isinstance(key, str) or not key):
        msg = f"key: a non-empty str that names this append, not {key!r}"
        raise Invalid(msg)
    if expect is not None and (type(expect) is not int or expect < 0):
        msg = f"expect: the last seq that you know of, a number from 0 on, not {expect!r}"
        raise Invalid(msg)
    for name, value in (("run", run), ("agent", agent)):
        if value is not None and not isinstance(value, str):
            msg = f"{name}: a str or None, not {type(value).__name__}"
            raise Invalid(msg)
