"""The archive: whole sessions with all that belongs to them in one file (`.hansard`), which any zip program opens.

    manifest.json                          what is inside, with sizes and hashes; written last
    sessions/<name>/log.jsonl              the session's own log, byte for byte
    sessions/<name>/prefix.jsonl           of a fork whose origin is not inside: all that it inherits, from entry 1
    sessions/<name>/attachments/<sha256>   the bytes that it refers to

A session comes with its root and all of that root's descendants. The same content gives the same bytes. Whatever is
read is checked whole, every line and every attachment, before a store hears of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from hashlib import sha256 as hash_of
from itertools import chain as joined
from typing import BinaryIO, Final, NoReturn, Self, cast

import msgspec

from ..backend import Backend, Progress
from ..codec import names, values
from ..errors import Corrupt, Invalid, NotFound, Unsupported
from ..limits import ENTRY_BYTES_MAX
from ..model.entry import Entry
from ..model.info import Attachment, Segment, SessionInfo
from ..model.references import attachments_in
from ..query import Field
from ..store.place import HasPlace, place_of
from ..store.queries import sessions_of
from ..store.relining import relined, renamed
from .native import Begin, Chain, begin
from .zipped import EXPANSION_MAX, ZipIn, ZipOut

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_FORMAT: Final = "hansard-archive"


class Stretch(msgspec.Struct, frozen=True):
    """How much a member of lines holds."""

    lines: int
    bytes: int


class Packed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One session of an archive."""

    id: str
    name: str
    """Of its folder."""
    seq: int
    """Number of its last entry."""
    hash: str
    """Of its last entry."""
    log: Stretch
    root: str | None = None
    """Of a child: the root of its tree."""
    parent: str | None = None
    segments: tuple[Segment, ...] = ()
    """Of a fork: what it continues."""
    prefix: Stretch | None = None
    attachments: tuple[Attachment, ...] = ()
    absent: tuple[str, ...] = ()
    """What its entries seem to name as attachments and the store did not have."""


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds; parents stand before children, origins before forks."""

    format: str
    version: int
    sessions: tuple[Packed, ...]


# Planned here, not at the first use: two threads that plan one type at once crash the interpreter.
msgspec.json.Decoder(Manifest)


class Received(msgspec.Struct, frozen=True):
    """What became of one session of an archive."""

    id: str
    seq: int
    added: int
    """Entries that were not there before."""
    new: bool


def write_archive(
    store: HasPlace | Backend, ids: Iterable[str], file: BinaryIO, *, progress: Progress | None = None
) -> Manifest:
    """Write the named sessions, each with its whole tree, to a file that need not be seekable; what was written.

    `store` is an open store, or a bare backend. Every line and attachment is checked on its way. After an error the file is no archive.

    Raises:
        NotFound: a named session does not exist.
        Corrupt: a session is damaged.
        Unavailable: the store can't say for sure yet which children there are.
    """
    backend = _backend_of(store)
    chosen = _in_order(_with_trees(backend, ids))
    inside = {info.id for info in chosen}
    out = ZipOut(file)
    packed: list[Packed] = []
    for number, info in enumerate(chosen):
        if progress is not None:
            progress("sessions", number, len(chosen))
        packed.append(_pack(backend, info.id, inside, out))
    if progress is not None:
        progress("sessions", len(chosen), len(chosen))
    manifest = Manifest(_FORMAT, VERSION, tuple(packed))
    with out.member(MANIFEST) as member:
        member.write(values.encode(msgspec.to_builtins(manifest)))
    out.close()
    return manifest


def _backend_of(store: HasPlace | Backend) -> Backend:
    return place_of(cast("HasPlace", store)).backend if hasattr(store, "_place") else cast("Backend", store)


def _with_trees(backend: Backend, ids: Iterable[str]) -> dict[str, SessionInfo]:
    found: dict[str, SessionInfo] = {}
    for session in ids:
        info = backend.info(session)
        root = info.root or info.id
        if root in found:
            continue
        found[root] = backend.info(root)
        children = sessions_of(backend, Field("root", "=", root), order="id", complete=True)
        found |= {child.id: child for child in children}
    return found


def _in_order(found: dict[str, SessionInfo]) -> list[SessionInfo]:
    """Every session after its parent and after those that it continues; the same for the same sessions."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for session in sorted(found):
        info = found[session]
        needed = [info.parent, *(segment.session for segment in info.segments)]
        sorter.add(session, *(one for one in needed if one in found))
    return [found[session] for session in sorter.static_order()]


def _pack(backend: Backend, session: str, inside: set[str], out: ZipOut) -> Packed:
    folder = f"sessions/{names.name_of(session)}"
    place = f"session {session!r}"
    named: dict[str, Attachment] = {}
    begun: Begin | None = None
    chain = Chain(place)
    with out.member(f"{folder}/log.jsonl") as member:
        for line in backend.lines(session):
            if begun is None:
                begun = begin(line, place)
                chain = begun.chain(place)
            entry = chain.take(line)
            member.write(line)
            _note(named, entry)
    if begun is None:
        msg = f"{place} has no entries"
        raise Corrupt(msg)
    prefix: Stretch | None = None
    if any(segment.session not in inside for segment in begun.segments):
        with out.member(f"{folder}/prefix.jsonl") as member:
            inherited = Chain(place)
            for line in relined(backend.entries(session, before=begun.segments[-1].last + 1)):
                member.write(line)
                _note(named, inherited.take(line))
        prefix = Stretch(inherited.lines, inherited.bytes)
    kept = tuple(_pack_attachments(backend, session, named, folder, out))
    return Packed(
        id=session,
        name=names.name_of(session),
        seq=chain.seq,
        hash=chain.hash.hex(),
        log=Stretch(chain.lines, chain.bytes),
        root=begun.root,
        parent=begun.parent,
        segments=begun.segments,
        prefix=prefix,
        attachments=kept,
        absent=tuple(sorted(named.keys() - {attachment.sha256 for attachment in kept})),
    )


def _note(named: dict[str, Attachment], entry: Entry) -> None:
    for sha256, attachment in attachments_in(entry.body).items():
        if entry.kind == "attachment" or sha256 not in named:
            named[sha256] = attachment


def _pack_attachments(
    backend: Backend, session: str, named: dict[str, Attachment], folder: str, out: ZipOut
) -> Iterator[Attachment]:
    for sha256 in sorted(named):
        try:
            data = backend.attachment(session, sha256)
        except NotFound:
            continue
        with out.member(f"{folder}/attachments/{sha256}") as member:
            member.write(data)
        yield msgspec.structs.replace(named[sha256], size=len(data))


def read_archive(
    store: HasPlace | Backend,
    file: BinaryIO,
    *,
    as_: str | None = None,
    place: str = "the archive",
    progress: Progress | None = None,
    expansion_max: int = EXPANSION_MAX,
) -> tuple[Received, ...]:
    """Take over every session of an archive, after all of it was checked; what became of each.

    `store` is an open store, or a bare backend. A session that is here with the same content adds nothing; one whose beginning is here gets the rest. `as_` takes
    the only session of an archive over under another id, with the same entries, chained anew.

    Raises:
        Conflict: a session is here with other content. The sessions before it were taken over.
        Corrupt: the archive does not verify; nothing was taken over.
        Invalid: `as_` for more than one session, or a file that is no archive.
        NotFound: a session needs another one that is neither inside nor in the store.
        Unsupported: a newer version wrote it.
    """
    backend = _backend_of(store)
    with Archive(file, place=place, expansion_max=expansion_max) as archive:
        sessions = archive.manifest.sessions
        if as_ is not None:
            names.check_id(as_)
            if len(sessions) != 1:
                msg = f"{place} holds {len(sessions)} sessions, and one new id can't name them all; leave as_ out"
                raise Invalid(msg)
        for number, packed in enumerate(sessions):
            if progress is not None:
                progress("checked", number, len(sessions))
            archive.verify(packed)
        received: list[Received] = []
        for number, packed in enumerate(sessions):
            if progress is not None:
                progress("taken over", number, len(sessions))
            received.append(_receive(backend, archive, packed, as_ or packed.id))
        if progress is not None:
            progress("taken over", len(sessions), len(sessions))
        return tuple(received)


def _receive(backend: Backend, archive: Archive, packed: Packed, session: str) -> Received:
    before = packed.segments[-1].last if packed.segments else 0
    try:
        before = backend.info(session).seq
        known = True
    except NotFound:
        known = False
    lines = archive.lines(packed)
    if session != packed.id:
        lines = renamed(lines, session)
    created = backend.receive(session, joined(archive.prefix(packed), lines), archive.attachments(packed))
    return Received(session, created.seq, created.seq - before, new=not known)


class Archive:
    """An archive that is open for reading."""

    def __init__(self, file: BinaryIO, *, place: str = "the archive", expansion_max: int = EXPANSION_MAX) -> None:
        """Read the manifest and compare it with what the file holds. Errors as for read_archive."""
        self.place = place
        self._zip = ZipIn(file, place=place, expansion_max=expansion_max)
        self.manifest = self._read_manifest()
        self._check_members()

    def __enter__(self) -> Self:
        """The archive itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the directory; the file stays open."""
        self._zip.close()

    def _read_manifest(self) -> Manifest:
        if not 0 < self._zip.sizes.get(MANIFEST, 0) <= ENTRY_BYTES_MAX:
            msg = f"{self.place}: this zip file is no Hansard archive, it has no {MANIFEST} of a fitting size"
            raise Invalid(msg)
        data = b"".join(self._zip.chunks(MANIFEST))
        try:
            raw = values.decode(data)
            if isinstance(raw, dict) and isinstance(raw.get("version"), int) and raw["version"] > VERSION:
                msg = f"{self.place} has version {raw['version']}; this Hansard reads up to {VERSION}. Use a newer one"
                raise Unsupported(msg)
            manifest = msgspec.convert(raw, Manifest)
        except (ValueError, msgspec.ValidationError) as error:
            self._refuse(f"{MANIFEST} is not what it should be: {error}")
        if manifest.format != _FORMAT:
            self._refuse(f"{MANIFEST} is not that of an archive")
        return manifest

    def _check_members(self) -> None:
        """Refuse a file that holds anything that its manifest does not name, or names anything that it does not hold."""
        expected: dict[str, int] = {MANIFEST: self._zip.sizes[MANIFEST]}
        for packed in self.manifest.sessions:
            if names.check_id(packed.id) != packed.id or packed.name != names.name_of(packed.id):
                self._refuse(f"session {packed.id!r} stands under a name that is not its own")
            folder = f"sessions/{packed.name}"
            if f"{folder}/log.jsonl" in expected:
                self._refuse(f"session {packed.id!r} stands in it twice")
            expected[f"{folder}/log.jsonl"] = packed.log.bytes
            if packed.prefix is not None:
                expected[f"{folder}/prefix.jsonl"] = packed.prefix.bytes
            expected |= {f"{folder}/attachments/{item.sha256}": item.size for item in packed.attachments}
        if expected != self._zip.sizes:
            odd = min(expected.items() ^ self._zip.sizes.items())[0]
            self._refuse(f"{odd!r} is not as the manifest says")

    def _refuse(self, why: str) -> NoReturn:
        msg = f"{self.place}: {why}. Get the file anew from where it was written"
        raise Corrupt(msg, path=self.place)

    def verify(self, packed: Packed) -> None:
        """Read all of one session and check every line, its place in the chain, and every attachment.

        Raises:
            Corrupt: something does not verify; says what.
        """
        inherited = Chain(f"{self.place}, {packed.name}/prefix.jsonl")
        for line in self.prefix(packed):
            inherited.take(line)
        if packed.prefix is not None and (
            not packed.segments
            or (inherited.seq, inherited.hash.hex()) != (packed.segments[-1].last, packed.segments[-1].hash)
        ):
            self._refuse(f"the prefix of session {packed.id!r} is not what the session continues")
        place = f"{self.place}, {packed.name}/log.jsonl"
        begun: Begin | None = None
        chain = Chain(place)
        closed = False
        for line in self.lines(packed):
            if begun is None:
                begun = begin(line, place)
                chain = begun.chain(place)
            closed = chain.take(line).commit is not None
        if begun != Begin(packed.id, packed.parent, packed.root, packed.segments):
            self._refuse(f"the log of session {packed.id!r} begins as another one's")
        if not closed or (chain.seq, chain.hash.hex()) != (packed.seq, packed.hash):
            self._refuse(f"the log of session {packed.id!r} does not end as the manifest says")
        for item in packed.attachments:
            self._verify_attachment(packed, item)

    def _verify_attachment(self, packed: Packed, item: Attachment) -> None:
        hasher = hash_of()
        for chunk in self._zip.chunks(f"sessions/{packed.name}/attachments/{item.sha256}"):
            hasher.update(chunk)
        if hasher.hexdigest() != item.sha256:
            self._refuse(f"attachment {item.sha256!r} of session {packed.id!r} does not have that hash")

    def lines(self, packed: Packed) -> Iterator[bytes]:
        """The lines of a session's own log."""
        return self._zip.lines(f"sessions/{packed.name}/log.jsonl", ENTRY_BYTES_MAX)

    def prefix(self, packed: Packed) -> Iterator[bytes]:
        """The lines that a fork inherits, if they are inside; else none."""
        if packed.prefix is None:
            return iter(())
        return self._zip.lines(f"sessions/{packed.name}/prefix.jsonl", ENTRY_BYTES_MAX)

    def attachments(self, packed: Packed) -> Iterator[tuple[Attachment, bytes]]:
        """The attachments of a session, one after another."""
        for item in packed.attachments:
            yield item, b"".join(self._zip.chunks(f"sessions/{packed.name}/attachments/{item.sha256}"))
