"""New sessions: what a caller says about one, checked, and the first commit that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from ..backend import Request
from ..codec import times, values
from ..codec.names import check_id
from ..errors import Invalid, Unavailable
from ..limits import KIB, LABELS_BYTES_MAX
from ..model.entry import Json
from ..model.requests import Created, Creation
from .changes import KeyChanges, changes_of
from .drafting import attach_all, draft, with_documents
from .given import GivenEntries, new_entries
from .given_documents import GivenDocuments
from .place import Place
from .redacting import redacted_creation, report, without_secrets


def creation_of(
    *,
    id: str | None = None,  # noqa: A002 - the field's name
    kind: str = "root",
    parent: str | None = None,
    name: str | None = None,
    agent: str | None = None,
    user: str | None = None,
    project: str | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Json] | None = None,
    config: Mapping[str, Json] | None = None,
    source: Json = None,
    title: str | None = None,
    at: str | float | datetime = "",
) -> Creation:
    """The session to be.

    Raises:
        Invalid: a value has the wrong type or is too large.
    """
    _check_words(name=name, agent=agent, user=user, project=project, title=title)
    if not isinstance(kind, str) or not kind or (parent is None and kind == "child"):
        msg = f"kind: {kind!r}; give 'root' or a word of your own. Children are made by spawn(), forks by fork()"
        raise Invalid(msg)
    objects = {"labels": labels, "metadata": metadata, "config": config}
    for what, value in objects.items():
        if value is not None and not isinstance(value, Mapping):
            msg = f"{what}: a dict, not {type(value).__name__}"
            raise Invalid(msg)
    changes_of(labels=labels, metadata=metadata, config=config)
    values.check_value(source, "source")
    _check_size(dict(labels or {}), dict(metadata or {}))
    return Creation(
        id=check_id(id) if id is not None else "",
        kind=kind,
        parent=parent,
        name=name,
        agent=agent,
        user=user,
        project=project,
        labels=dict(labels or {}),
        metadata=dict(metadata or {}),
        config=dict(config or {}),
        source=source,
        title=_title(title, config),
        at=times.normal(at) if at != "" else "",
    )


def _title(title: str | None, config: Mapping[str, Json] | None) -> str | None:
    """The title as given, else the name in the config."""
    name = None if config is None else config.get("name")
    return name if title is None and isinstance(name, str) and name.strip() else title


def _check_words(**words: object) -> None:
    for what, value in words.items():
        if value is not None and not isinstance(value, str):
            msg = f"{what}: a str or None, not {type(value).__name__}"
            raise Invalid(msg)


def _check_size(labels: dict[str, str], metadata: dict[str, Json]) -> None:
    size = len(values.encode(labels)) + len(values.encode(metadata))
    if size > LABELS_BYTES_MAX:
        msg = (
            f"labels and metadata have {size} bytes, at most {LABELS_BYTES_MAX // KIB} KiB; "
            "keep large values in the state or as attachments"
        )
        raise Invalid(msg)


def begin(
    place: Place,
    creation: Creation,
    *,
    entries: GivenEntries = (),
    state: KeyChanges | None = None,
    status: str | None = None,
    store_documents: GivenDocuments | None = None,
    reuse: Literal["", "id", "pair"] = "",
) -> Created:
    """Make the session, with its first entries in the same commit.

    Only where entries hold large inline files are they a second commit: attachments need a session to lie beside.

    Raises:
        AlreadyExists, NotFound, Invalid: as the verbs say.
    """
    # An empty word is not written, so a session that was made with one has none.
    creation = msgspec.structs.replace(
        creation, agent=creation.agent or None, user=creation.user or None, project=creation.project or None
    )
    changes = changes_of(fields={} if status is None else {"status": status}, state=state)
    config, dropped = without_secrets(creation.config)
    if dropped:
        creation = msgspec.structs.replace(creation, config=config)
        entries = [*report(dropped), *new_entries(entries)]
    if place.redact is not None:
        creation = redacted_creation(place.redact, creation)
    drafted = draft(place, entries, changes=changes)
    drafted = with_documents(place, drafted, store_documents, verb="create(store_documents=…)")
    first = Request() if drafted.files else drafted.request
    created = place.backend.create(creation, first, reuse=reuse)
    if not drafted.files or not created.new:
        place.saved()
        return created
    try:
        attach_all(place, created.id, drafted)
        seq = place.backend.append(created.id, drafted.request).seq
    except Unavailable as error:
        msg = f"session {created.id!r} was made, but its first entries may be missing ({error}). get() it, and append them"
        raise Unavailable(msg) from error
    place.saved()
    return msgspec.structs.replace(created, seq=seq)
