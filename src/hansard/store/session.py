"""Session: the handle that callers hold. Reading and writing come from its bases; here is what shapes the tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..errors import Conflict, Invalid
from ..model.entry import Json, NewEntry, Part, text
from ..model.requests import Creation
from ..query import where
from . import histories
from .acting import Acting
from .changes import KeyChanges
from .creating import begin, creation_of
from .given import GivenEntries, check_parts
from .queries import sessions_of

_COMPACTIONS_MAX = 8


class Session(Acting):
    """One session of a store. A light handle: it holds the id, never what the session was at some time.

    Get one from `Store.create`, `get` or `get_or_create`, from `fork` or `spawn`. Threads may share it.
    """

    def rewind(self, *, to: int) -> int:
        """The visible end is the entry `to` (0: before the first); what came after stays on record, as a branch.

        Returns the session's last seq after it.

        Raises:
            Invalid: there is no such entry.
        """
        return self._record(NewEntry(kind="head", body={"to": to}))

    def amend(
        self, seq: int, content: str | Sequence[Part] | None = None, *, hide: bool = False, by: str | None = None
    ) -> int:
        """The message `seq` shows this content instead, on every branch, or with `hide` nothing; the record stays.

        Returns the session's last seq after it.

        Raises:
            Invalid: the entry is no message, or was erased, or neither content nor `hide` is given.
            NotFound: there is no such entry.
        """
        if (content is None) != hide:
            msg = f"amend({seq}): give the new content, or hide=True, exactly one of them"
            raise Invalid(msg)
        if content is None:
            return self._record(NewEntry(kind="amend", body={"seq": seq, "hide": True}, agent=by))
        entry = self.entry(seq)
        if entry.kind != "message" or entry.erased:
            what = "was erased" if entry.erased else f"is of kind {entry.kind!r}"
            msg = f"session {self.id!r}: entry {seq} {what}; only messages can be amended"
            raise Invalid(msg)
        parts = [text(content)] if isinstance(content, str) else list(content)
        check_parts(parts, "content")
        body: dict[str, Json] = {key: item for key, item in entry.body.items() if key != "raw"}
        return self._record(NewEntry(kind="amend", body={"seq": seq, "body": {**body, "parts": parts}}, agent=by))

    def compact(
        self, summary: str | None = None, *, keep: int = 0, covers: int | None = None, archive: str | None = None
    ) -> int:
        """The history begins with this summary, which stands for all but the newest `keep` messages.

        More are kept where a call would be parted from its result. `covers` names the last covered entry instead of
        counting. What is covered stays on record and is searched. `archive` names the document it was archived to; without
        a summary its text stands in its place: that of the session's own document, else of the store's in `archives`.
        Appends that come meanwhile are kept. Returns the session's last seq after it.

        Raises:
            Invalid: nothing would be covered.
            Conflict: the visible path has moved away from `covers`.
        """
        _check_compaction(summary, keep, covers, archive)
        attempt = 0
        while True:
            attempt += 1
            info = self.info
            last, first_kept = (covers, None) if covers is not None else histories.coverable(self._place, self.id, keep)
            body: dict[str, Json] = {"summary": summary, "covers": last}
            if first_kept is not None:
                body["keep"] = first_kept
            if archive is not None:
                body["archive"] = archive
            try:
                return self._record(NewEntry(kind="compaction", body=body))
            except Conflict as error:
                # Somebody moved the head between our look and our append: what is visible now decides.
                if covers is not None or error.seq == info.seq or attempt == _COMPACTIONS_MAX:
                    raise

    def _record(self, new: NewEntry) -> int:
        return self.append(new)

    def fork(
        self,
        *,
        at: int | None = None,
        id: str | None = None,  # noqa: A002 - the field's name
        agent: str | None = None,
        user: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Json] | None = None,
        config: Mapping[str, Json] | None = None,
        title: str | None = None,
    ) -> Session:
        """A new session that continues this one after its entry `at` (None: its last), whatever its length at no cost.

        It is a root of its own; its entries go on counting from `at`. Agent and user are this one's unless given.

        Raises:
            Invalid: there is no entry `at`.
            AlreadyExists: the id is taken.
        """
        self._place.need("fork", "fork()")
        creation = creation_of(
            id=id, kind="fork", agent=agent, user=user, project=project, labels=labels, metadata=metadata,
            config=config, title=title,
        )  # fmt: skip
        return Session(self._place, self._place.backend.fork(self.id, creation, at=at).id)

    def spawn(
        self,
        *,
        agent: str | None = None,
        name: str | None = None,
        kind: str = "child",
        id: str | None = None,  # noqa: A002 - the field's name
        user: str | None = None,
        project: str | None = None,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Json] | None = None,
        config: Mapping[str, Json] | None = None,
        title: str | None = None,
        source: Json = None,
        at: str | float | datetime = "",
        state: KeyChanges | None = None,
        status: str | None = None,
        entries: GivenEntries = (),
    ) -> Session:
        """A child of this session, for a sub-agent.

        With `name` it is resident: the same name anywhere under the same root is the same child, and if it exists it
        is returned as it is.

        Raises:
            AlreadyExists: the id is taken.
            Invalid: both name and id are given.
            NotFound: this session was deleted.
        """
        if name is not None and id is not None:
            msg = "name and id: the id of a resident child follows from its root and name; give one of the two"
            raise Invalid(msg)
        creation: Creation = creation_of(
            id=id, kind=kind, parent=self.id, name=name, agent=agent, user=user, project=project, labels=labels,
            metadata=metadata, config=config, title=title, source=source, at=at,
        )  # fmt: skip
        created = begin(self._place, creation, entries=entries, state=state, status=status)
        return Session(self._place, created.id)

    def children(self, *, recursive: bool = False) -> list[Session]:
        """The sessions that this one spawned, the oldest first; with `recursive` all descendants, parents first."""
        backend = self._place.backend
        backend.info(self.id)
        found = [info.id for info in sessions_of(backend, where(parent=self.id), order="created", complete=True)]
        if not found:
            # Deleted meanwhile it is not found, rather than without children.
            backend.info(self.id)
        for child in found if recursive else ():
            found += [info.id for info in sessions_of(backend, where(parent=child), order="created", complete=True)]
        return [Session(self._place, child) for child in found]


def _check_compaction(summary: object, keep: object, covers: object, archive: object) -> None:
    if summary is not None and not isinstance(summary, str):
        msg = f"summary: a str or None, not {type(summary).__name__}"
        raise Invalid(msg)
    if type(keep) is not int or keep < 0 or (covers is not None and keep):
        msg = f"keep: how many of the newest messages stay, from 0 on and not beside covers, not {keep!r}"
        raise Invalid(msg)
    if archive is not None and not isinstance(archive, str):
        msg = f"archive: the name of a document, or None, not {type(archive).__name__}"
        raise Invalid(msg)
    if summary is None and archive is None:
        msg = "compact: give a summary, or the archive that stands for one"
        raise Invalid(msg)
