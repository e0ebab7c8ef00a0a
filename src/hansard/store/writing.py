"""The writing half of a session handle: appends, fields, files, leases, erasure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from ..errors import Conflict, Invalid
from ..model.entry import Json
from ..model.info import Attachment
from ..model.requests import Appended, Changes, Erasure, Keys
from . import leases, session_documents
from .attaching import attachment_entry, content_of
from .changes import KEEP, Keep, KeyChanges, changes_of, with_label
from .documents import Documents
from .drafting import Drafted, attach_all, draft, draft_append
from .given import GivenEntries, new_entries
from .given_documents import GivenDocuments, writes_of
from .leases import HasFence, LeaseHandle, fence_of
from .modifying import Draft, Modifier, modify
from .protecting import unless_protected
from .reading import Reading


class Writing(Reading):
    """A session as writers see it. What returns has survived a power cut; what raises was not acknowledged."""

    def append(
        self,
        entries: GivenEntries = (),
        *,
        key: str | None = None,
        expect: int | None = None,
        state: KeyChanges | None = None,
        status: str | None = None,
        set: Mapping[str, Json] | None = None,  # noqa: A002 - the word for it in the format
        documents: GivenDocuments | None = None,
        store_documents: GivenDocuments | None = None,
        lease: HasFence | int | None = None,
        run: str | None = None,
        agent: str | None = None,
    ) -> int:
        """All entries and changes are durable together; returns the last seq of this append.

        - `entries`: one or several of hansard.user(…) and its like, messages from history(), {"role", "content"} dicts.
        - `key` makes repeating the call safe after a lost answer: it adds nothing twice and gives the first result.
        - `expect` is compare-and-set: only if this is the last seq (leases do not count).
        - `state` sets keys (Keys(remove=…) removes some), `status` and `set` set fields, all in the same commit.
        - `documents` of this session, contents by name, have their next versions in the same commit.
        - `store_documents` are the store's own, written in the same commit or not at all. That takes a store with the
          capability `atomic_documents`; where an append was made already, repeating it writes none of them again.
        - `lease` is the lease that must still be the newest; `run` and `agent` are noted on entries that say none.

        Without entries and effective changes nothing is written, and the session's last seq is returned.

        Raises:
            Conflict: `expect` is not met, a document has another version than is expected, or an id or key was used
                for other content.
            LeaseLost: somebody has taken a newer lease.
            Invalid: a value can't be stored.
            NotFound: the session was deleted.
            Unsupported: the store can't write its own documents together with a session.
        """
        return self.commit(
            entries, key=key, expect=expect, state=state, status=status, set=set, documents=documents,
            store_documents=store_documents, lease=lease, run=run, agent=agent,
        ).seq  # fmt: skip

    def commit(
        self,
        entries: GivenEntries = (),
        *,
        key: str | None = None,
        expect: int | None = None,
        state: KeyChanges | None = None,
        status: str | None = None,
        set: Mapping[str, Json] | None = None,  # noqa: A002 - the word for it in the format
        documents: GivenDocuments | None = None,
        store_documents: GivenDocuments | None = None,
        lease: HasFence | int | None = None,
        run: str | None = None,
        agent: str | None = None,
    ) -> Appended:
        """As `append`, and all is told: the seq and id of every entry, and how many are new."""
        drafted = partial(
            draft_append, self._place, self.id, key=key, expect=expect, state=state, status=status, set=set, lease=lease,
            run=run, agent=agent, store_documents=store_documents,
        )  # fmt: skip
        if documents:
            given = new_entries(entries)
            return session_documents.commit(
                self._place,
                self.id,
                writes_of(documents),
                lambda more: drafted(given, more=more),
                keyed=key is not None,
            )
        return self._saved(drafted(entries))

    @property
    def documents(self) -> Documents:
        """The documents of this session: their versions are entries of its log, and a fork inherits them."""
        return Documents(session_documents.SessionShelf(self._place, self.id))

    def update(
        self,
        *,
        title: str | Keep | None = KEEP,
        status: str | Keep | None = KEEP,
        error: Json | Keep = KEEP,
        model: str | Keep | None = KEEP,
        provider: str | Keep | None = KEEP,
        pinned: bool | Keep | None = KEEP,
        project: str | Keep | None = KEEP,
        persona: str | Keep | None = KEEP,
        state: KeyChanges | None = None,
        config: KeyChanges | None = None,
        metadata: KeyChanges | None = None,
        labels: KeyChanges | None = None,
        set: Mapping[str, Json] | None = None,  # noqa: A002 - the word for it in the format
        clear: Iterable[str] = (),
        key: str | None = None,
        expect: int | None = None,
        lease: HasFence | int | None = None,
    ) -> int:
        """The fields have these values, in one commit; returns the session's last seq after it.

        What is not given stays. None is a value; for `title` it returns to the derived one. `state`, `config`,
        `metadata` and `labels` set keys, and Keys(remove=…) removes some. `persona` is the label of that name (None removes
        it). `set` takes any other field, `clear` makes
        fields as if never set. What is so already is not written (unless `key` is given).

        Raises:
            Invalid: a field follows from the log and can't be set, or a value has the wrong type.
            Conflict, LeaseLost: as for `append`.
        """
        named = {
            "title": title, "status": status, "error": error, "model": model, "provider": provider, "pinned": pinned,
            "project": project,
        }  # fmt: skip
        fields = {**(set or {}), **{name: value for name, value in named.items() if not isinstance(value, Keep)}}
        if not isinstance(persona, Keep):
            labels = with_label(labels, "persona", persona)
        changes = changes_of(fields=fields, clear=clear, state=state, config=config, metadata=metadata, labels=labels)
        return self._change(changes, key=key, expect=expect, lease=lease)

    def _change(
        self,
        changes: Changes | None,
        *,
        key: str | None = None,
        expect: int | None = None,
        lease: HasFence | int | None = None,
    ) -> int:
        self._place.refuse_inside_edit(self.id)
        drafted = draft(self._place, (), changes=changes, key=key, expect=expect, fence=fence_of(lease))
        return self._saved(drafted).seq

    def _saved(self, drafted: Drafted) -> Appended:
        if drafted.files:
            attach_all(self._place, self.id, drafted)
        appended = self._place.backend.append(self.id, drafted.request)
        self._place.saved()
        return appended

    def rename(self, title: str | None, *, generated: bool = False, expect_version: int | None = None) -> bool:
        """The session has this title (None: the derived one) and True is returned.

        A `generated` title never replaces a given one: then nothing is written, and the answer is False.

        Raises:
            Conflict: `expect_version` is not the title's version any more.
        """
        if title is not None and not isinstance(title, str):
            msg = f"title: a str or None, not {type(title).__name__}"
            raise Invalid(msg)
        if not generated and expect_version is None:
            self._change(changes_of(fields={"title": title}))
            return True
        kept = False

        def rename(draft: Draft) -> None:
            nonlocal kept
            info = draft.info
            if expect_version is not None and info.title_version != expect_version:
                msg = f"session {self.id!r}: the title has version {info.title_version}, not {expect_version}; look at it again"
                raise Conflict(msg, seq=info.seq)
            kept = generated and info.title_source == "given"
            if not kept:
                draft.set(title=title, **({"title_source": "generated"} if generated and title is not None else {}))

        self.modify(rename)
        return not kept

    def tag(self, labels: Mapping[str, str] | None = None, *, remove: Iterable[str] = ()) -> int:
        """The labels have these values, and those to remove are gone; returns the session's last seq after it."""
        if isinstance(remove, str):
            remove = (remove,)
        return self._change(changes_of(labels=Keys(set=dict(labels or {}), remove=tuple(remove))))

    def modify(self, fn: Modifier) -> int:
        """Read, let `fn(draft)` decide, and write what it drafted only if nothing came between; the last seq after it.

        `fn` sees `draft.info` and changes `draft.state`, or calls `draft.append(…)`, `draft.set(…)`, `draft.clear(…)`.
        It is called again if another writer was faster, so it should do nothing else. If it raises, nothing is
        written; writing to the session itself inside it is refused.

        Raises:
            Conflict: 64 attempts met another writer.
        """

        def write(drafted: Draft) -> int:
            changes = drafted.changes()
            if not drafted.entries and changes is None:
                return drafted.info.seq
            ready = draft(self._place, drafted.entries, changes=changes, expect=drafted.info.seq)
            return self._saved(ready).seq

        return self._place.in_turn(self.id, lambda: modify(lambda: self.info, fn, write))

    def attach(
        self,
        data: bytes | bytearray | memoryview | Path | str,
        *,
        mime: str | None = None,
        name: str | None = None,
        record: bool = True,
    ) -> Attachment:
        """The bytes are kept beside the session, once however often they are given, and an entry says so.

        `data` is bytes, a pathlib.Path, a data URL or base64 text (of a PNG unless `mime` says else). Put the result's
        `part` into a message to show it there. With `record=False` no entry is written: do so only before appending
        one that refers to it.

        Raises:
            Invalid: the text is no base64.
            NotFound: there is no file at the path, or the session was deleted.
        """
        self._place.need("attachments", "attach()")
        content, kind, called = content_of(data, mime=mime, name=name)
        attachment = self._place.backend.attach(self.id, content, mime=kind, name=called)
        if record:
            self.append(attachment_entry(attachment))
        return attachment

    def lease(self, owner: str, ttl_s: float = 60.0) -> LeaseHandle:
        """The right to go on with the session, for `owner` alone, until it is released or runs out.

        Raises:
            Conflict: somebody else holds it.
        """
        self._place.refuse_inside_edit(self.id)
        return leases.take(self._place, self.id, owner, ttl_s)

    def erase(self, seqs: int | Iterable[int], *, reason: str | None = None, by: str | None = None) -> Erasure:
        """The content of these entries is gone for good, wherever the store holds it; number and hash stay.

        The result says what went with them, and what the store can't reach.

        Raises:
            Invalid: a seq is not there, or is of a kind without which the log can't be read.
        """
        self._place.need("erase", "erase()")
        self._place.refuse_inside_edit(self.id)
        wanted = [seqs] if isinstance(seqs, int) else list(seqs)
        if not wanted or any(type(seq) is not int for seq in wanted):
            msg = f"erase: the seqs of the entries, at least one number, not {seqs!r}"
            raise Invalid(msg)
        return self._place.backend.erase(self.id, sorted({*wanted}), by=by, reason=reason)

    def delete(self, *, force: bool = False) -> bool:
        """The session and its descendants are gone; True if they were there. Forks of them keep all that they show.

        Raises:
            Conflict: one of them is pinned, running or leased, and `force` is False.
        """
        self._place.refuse_inside_edit(self.id)
        guard = None if force else unless_protected(self._place.clock)
        return bool(self._place.backend.delete(self.id, guard=guard))
