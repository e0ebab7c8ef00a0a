"""Entry ⇄ line, and the chain that ties the lines of a log together. FORMAT of the line: docs/reference/format.md.

    {"seq":…,"id":…,"at":…,"kind":…[,agent][,run][,parent][,unknown…][,"commit":[…]],"digest":…,"hash":…,"salt":…,"body":…}

digest = SHA-256(salt's 16 hex digits ‖ body bytes); hash = SHA-256(previous hash, raw ‖ the line before `,"hash"`).
So the chain covers body and order, and still verifies when salt and body of a line have been erased.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from ..errors import Corrupt, Invalid
from ..limits import DEPTH_MAX, ENTRY_BYTES_MAX, MIB
from ..model.entry import KINDS, Entry, Json, NewEntry
from ..model.info import Segment
from . import names, times, values

GENESIS: Final = bytes(32)
"""The hash before line 1."""

_FRAME_BYTES: Final = 400
"""What a line has beside id, kind, agent, run, extra and body, at most: numbers, digest, hash, salt, member names."""

_JOINED_BYTES: Final = 2000
"""Below this, copying costs less than a second call."""

_PIECE: Final = 2047
"""What hashlib takes at most without handing the interpreter over, which costs more than to hash it."""

_LONG_BYTES: Final = 1 << 16
"""From here on, others had better go on meanwhile."""

_PLAIN: Final = frozenset(("message", "event", "usage", "attachment"))

_ERASED: Final = b',"salt":"","body":null}\n'
_KNOWN: Final = frozenset(Entry.__struct_fields__) - {"extra"}
_OWN_KIND: Final = re.compile(r"x-(?!hansard\.)[\w-]{1,80}(?:\.[\w-]{1,80}){1,4}")
_MEMBERS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]')


class _Head(msgspec.Struct, frozen=True):
    seq: int


_decoder = msgspec.json.Decoder(Entry)
_head_decoder = msgspec.json.Decoder(_Head)


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A new entry, checked and encoded as far as that goes before its place in the log is known."""

    new: NewEntry
    """With id and at filled in."""
    body: bytes
    salt: str
    digest: str
    given: bool = False
    """The id is the caller's (not one drawn for this call), so an entry of that id may be there already."""
    front: bytes = b""
    """The members from `id` to `run`, each with the comma before it."""
    extra: bytes = b""
    """The members that this version does not know, likewise."""
    size: int = 0
    """Bytes of the line it will become, at most."""
    plain: bool = False
    """It names no entry and sets no field, and its id was drawn for it: there is nothing to decide at its place."""


def seal(new: NewEntry, *, now_us: int, id: str = "", levels: int = DEPTH_MAX) -> Sealed:  # noqa: A002 - the field's name
    """Check a new entry and encode it; `id` is used where it has none of its own, else one is drawn.

    The body may be nested to so many `levels`.

    Raises:
        Invalid: body, id, time, size or another member is outside what a log can hold.
    """
    return _seal(new, (times.stamp(now_us), id, names.new_id(), names.new_salts(1)[0]), levels)


def seal_all(entries: Sequence[NewEntry], *, now_us: int, key: str | None = None) -> list[Sealed]:
    """As `seal`, for entries that are appended together; with `key`, those without an id get `<key>.<place>`."""
    drawn, salts, at = names.new_ids(len(entries)), names.new_salts(len(entries)), times.stamp(now_us)
    found: list[Sealed] = []
    for number, new in enumerate(entries):
        given = "" if key is None else names.check_id(f"{key}.{number}", "key")
        found.append(_seal(new, (at, given, drawn[number], salts[number]), DEPTH_MAX))
    return found


def _seal(new: NewEntry, fresh: tuple[str, str, str, str], levels: int) -> Sealed:
    """`fresh` is the time now, the id that a key gives, a drawn id and a drawn salt."""
    now, given, drawn, salt = fresh
    kind, parent, agent, run = new.kind, new.parent, new.agent, new.run
    if type(kind) is not str or (kind not in KINDS and not _OWN_KIND.fullmatch(kind)):
        msg = f"kind: no kind {values.shown(kind)}; there are {', '.join(sorted(KINDS))}, and your own as x-<namespace>.<name>"
        raise Invalid(msg)
    body = values.encode_checked(new.body, levels=levels)
    if parent is not None and (type(parent) is not int or not 0 <= parent < 2**63):
        msg = f"parent: the seq of an entry, not {values.shown(parent)}"
        raise Invalid(msg)
    extra = b"" if type(new.extra) is dict and not new.extra else _encode_extra(new.extra)
    if new.id != "":
        given = names.check_id(new.id, "entry id")
    at = times.normal(new.at) if new.at else now
    kept = _held(new.body) if kind == "message" else new.body
    whole = NewEntry(kind, kept, given or drawn, at, agent, run, parent, new.extra)
    # An id of ours and a kind need no escaping.
    front = _front(whole) if given else f',"id":"{drawn}","at":"{at}","kind":"{kind}"'.encode()
    if not given and not agent is run is None:
        front += _who(agent, run)
    size = len(front) + len(extra) + len(body) + _FRAME_BYTES
    if size > ENTRY_BYTES_MAX:
        large = max(("body", body), ("extra", extra), ("agent and run", front), key=lambda named: len(named[1]))
        msg = (
            f"{large[0]}: {len(large[1])} bytes; an entry has at most {ENTRY_BYTES_MAX // MIB} MiB. "
            "Store the large part with attach() and refer to it"
        )
        raise Invalid(msg)
    plain = parent is None and not given and kind in _PLAIN
    return Sealed(whole, body, salt, digest_of(salt, body), bool(given), front, extra, size, plain)


def _held(body: Json) -> Json:
    """A message body as it is now, as far as a fold looks into it: its owner may change it before the commit."""
    if type(body) is not dict:
        return body
    parts = body.get("parts")
    if type(parts) is not list or body.get("role") == "assistant":
        # Of an assistant's message, a fold reads the model, and nothing of the parts.
        return {**body}
    return {**body, "parts": [{**part} if type(part) is dict else part for part in parts]}


def _front(new: NewEntry) -> bytes:
    pieces = (b',"id":', values.encode(new.id), b',"at":"', new.at.encode(), b'","kind":', values.encode(new.kind))
    return b"".join(pieces) + _who(new.agent, new.run)


def _who(agent: str | None, run: str | None) -> bytes:
    found = b"" if agent is None else b',"agent":' + _encode_word(agent, "agent")
    return found if run is None else found + b',"run":' + _encode_word(run, "run")


def _encode_word(value: object, where: str) -> bytes:
    if type(value) is not str:
        msg = f"{where}: a str or None, not {values.shown(value)}"
        raise Invalid(msg)
    return values.encode_checked(value, where)


def _encode_extra(extra: object) -> bytes:
    if type(extra) is not dict:
        msg = f"extra: a dict of further members, not {values.shown(extra)}"
        raise Invalid(msg)
    whole = values.encode_checked(extra, "extra")
    clash = (_KNOWN | {"extra"}) & extra.keys()
    if clash:
        msg = f"extra: {min(clash)!r} is a member of every entry; use another name"
        raise Invalid(msg)
    return b"," + whole[1:-1]


def digest_of(salt: str, body: bytes | memoryview) -> str:
    """The digest of body bytes under a salt."""
    if len(body) < _JOINED_BYTES:
        return sha256(salt.encode() + body).hexdigest()
    hasher = sha256(salt.encode())
    step = _PIECE if len(body) < _LONG_BYTES else len(body)
    view = memoryview(body)
    for start in range(0, len(body), step):
        hasher.update(view[start : start + step])
    return hasher.hexdigest()


def encode_line(
    sealed: Sealed, seq: int, previous: bytes, *, parent: int | None, commit: tuple[int, int] | None
) -> tuple[bytes, bytes]:
    """The line of an entry at its place, with the newline, and its hash (32 raw bytes).

    `previous` is the hash of the line before. `parent` replaces the new entry's own.
    """
    middle = sealed.extra if parent is None else b',"parent":%d%b' % (parent, sealed.extra)
    if commit is not None:
        middle += b',"commit":[%d,%d]' % commit
    front = b'{"seq":%d%b%b,"digest":"%b"' % (seq, sealed.front, middle, sealed.digest.encode())
    link = sha256(previous + front).digest()
    return b'%b,"hash":"%b","salt":"%b","body":%b}\n' % (
        front,
        link.hex().encode(),
        sealed.salt.encode(),
        sealed.body,
    ), link


def line_again(entry: Entry, previous: bytes) -> tuple[bytes, bytes]:
    """The line of an entry that stood in a log, behind the line with the hash `previous`, and its hash.

    Equal to the line it was read from if that one was written by this code and stood in the same place.
    """
    new = NewEntry(entry.kind, entry.body, entry.id, entry.at, entry.agent, entry.run, entry.parent, entry.extra)
    extra = _encode_extra(entry.extra) if entry.extra else b""
    front, body = _front(new), values.encode(entry.body)
    size = len(front) + len(extra) + len(body) + _FRAME_BYTES
    sealed = Sealed(new, body, entry.salt, entry.digest, front=front, extra=extra, size=size)
    return encode_line(sealed, entry.seq, previous, parent=entry.parent, commit=entry.commit)


def end_of(segments: Sequence[Segment]) -> tuple[int, bytes]:
    """The seq and hash behind which the first line of a log stands that continues these segments.

    Raises:
        ValueError: the last of them has no hash of 32 bytes.
    """
    if not segments:
        return 0, GENESIS
    link = bytes.fromhex(segments[-1].hash)
    if len(link) != len(GENESIS):
        msg = f"the hash of entry {segments[-1].last} has {len(link)} bytes, not {len(GENESIS)}"
        raise ValueError(msg)
    return segments[-1].last, link


def decode_line(line: bytes | memoryview) -> Entry:
    """The entry of one line, with or without its newline. Neither digest nor chain is checked.

    Raises:
        ValueError: the bytes are not the line of an entry.
    """
    try:
        entry = _decoder.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_slowly(bytes(line))
    # Only a member that is called `extra` itself gets here; it is an unknown one like any other.
    return _decode_slowly(bytes(line)) if entry.extra else entry


def decode_lines(lines: bytes) -> list[Entry] | None:
    """The entries of whole lines, in half the time; None if one of them has to be looked at by itself."""
    try:
        entries = _decoder.decode_lines(lines)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    for entry in entries:
        if entry.extra:
            return None
    return entries


def _decode_slowly(line: bytes) -> Entry:
    whole = values.decode(line)
    if not isinstance(whole, dict):
        msg = "a line is a JSON object"
        raise ValueError(msg)  # noqa: TRY004 - of the bytes, not of an argument
    known: dict[str, Any] = {key: item for key, item in whole.items() if key in _KNOWN}
    extra = {key: item for key, item in whole.items() if key not in _KNOWN}
    try:
        body = known.pop("body", None)
        bare = msgspec.convert(known, Entry)
        f"{bare.id}{bare.at}{bare.digest}{bare.hash}{bare.salt}".encode()
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        msg = f"not an entry: {error}"
        raise ValueError(msg) from None
    return msgspec.structs.replace(bare, body=body, extra=extra)


def seq_of(line: bytes | memoryview) -> int:
    """The number of a line, read from its first bytes without decoding the rest.

    Raises:
        ValueError: the line does not begin as lines do.
    """
    front = bytes(line[:28])
    if front.startswith(b'{"seq":'):
        digits = front[7:].partition(b",")
        if digits[1] and digits[0].isdigit():
            return int(digits[0])
    msg = "the line does not begin with its seq"
    raise ValueError(msg)


def id_of(line: bytes) -> str:
    """The id of a line, read from its front without decoding the body.

    Raises:
        ValueError: the line does not begin as lines do.
    """
    start = line.find(b',"id":"', 0, 40) + 7
    end = line.find(b'"', start)
    if start < 7 or end < 0:
        msg = "the line has no id in its place"
        raise ValueError(msg)
    found = line[start:end]
    return found.decode() if b"\\" not in found else decode_line(line).id


def hash_cut(line: bytes) -> int:
    """Where the comma of the top-level member `hash` stands.

    Raises:
        ValueError: there is none.
    """
    cut = line.find(b',"hash":"')
    if cut >= 0:
        # An unknown member may hold the same bytes further in; only at the top level does the front close with `}`.
        try:
            _head_decoder.decode(line[:cut] + b"}")
        except (msgspec.MsgspecError, ValueError, RecursionError):
            cut = _scan_for_hash(line)
    if cut < 0:
        msg = "the line has no hash"
        raise ValueError(msg)
    return cut


def _scan_for_hash(line: bytes) -> int:
    """As `hash_cut`, in one pass over all strings and brackets; -1 if there is none."""
    depth = 0
    for found in _MEMBERS.finditer(line):
        place = found.start()
        byte = line[place]
        if byte == 0x22:
            if depth == 1 and line.startswith(b',"hash":"', place - 1):
                return place - 1
        else:
            depth += 1 if byte in b"{[" else -1
    return -1


def verify_line(line: bytes, previous: bytes, seq: int) -> Entry:
    """The entry of a line whose number, digest and chain were checked. `previous` is the hash of the line before.

    Raises:
        Corrupt: one of them does not hold; the message says which. The caller knows the place.
    """
    try:
        entry = decode_line(line)
        cut = hash_cut(line)
    except ValueError as error:
        msg = f"not the line of an entry: {error}"
        raise Corrupt(msg) from None
    if entry.seq != seq:
        msg = f"entry {entry.seq} stands where entry {seq} belongs"
        raise Corrupt(msg)
    if sha256(previous + line[:cut]).hexdigest() != entry.hash:
        msg = f"entry {seq}: the hash chain does not hold; the line, or one before it, was changed, dropped or moved"
        raise Corrupt(msg)
    expected = b',"hash":"%s","salt":"%s","body":' % (entry.hash.encode(), entry.salt.encode())
    start = cut + len(expected)
    if line[cut:start] != expected or not line.endswith(b"}\n"):
        msg = f"entry {seq}: the members after the hash are not in their order"
        raise Corrupt(msg)
    if entry.erased:
        intact = line[cut + 74 :] == _ERASED
    else:
        intact = digest_of(entry.salt, memoryview(line)[start:-2]) == entry.digest
    if not intact:
        msg = f"entry {seq}: the body does not match its digest; it was changed"
        raise Corrupt(msg)
    return entry


def erase_line(line: bytes) -> bytes:
    """The line with salt and body cleared: number, digest and chain stay and still verify.

    Raises:
        ValueError: the line has no hash.
    """
    return line[: hash_cut(line) + 74] + _ERASED
