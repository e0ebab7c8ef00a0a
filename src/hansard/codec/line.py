"""Entry ⇄ line, and the chain that ties the lines of a log together. FORMAT of the line: docs/reference/format.md.

    {"seq":…,"id":…,"at":…,"kind":…[,agent][,run][,parent][,unknown…][,"commit":[…]],"digest":…,"hash":…,"salt":…,"body":…}

digest = SHA-256(salt's 16 hex digits ‖ body bytes); hash = SHA-256(previous hash, raw ‖ the line before `,"hash"`).
So the chain covers body and order, and still verifies when salt and body of a line have been erased.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any, Final

import msgspec

from ..errors import Corrupt, Invalid
from ..limits import ENTRY_BYTES_MAX, MIB
from ..model.entry import Entry, NewEntry
from . import names, times, values

GENESIS: Final = bytes(32)
"""The hash before line 1."""

_ERASED: Final = b',"salt":"","body":null}\n'
_KNOWN: Final = frozenset(Entry.__struct_fields__) - {"extra"}
_ESCAPED: Final = frozenset('"\\') | frozenset(map(chr, range(32)))


class _StrictEntry(Entry, frozen=True, forbid_unknown_fields=True):
    """Entry for the decoder: an unknown member must not vanish, it takes the slow road into `extra`."""


class _Head(msgspec.Struct, frozen=True):
    seq: int


_decoder = msgspec.json.Decoder(_StrictEntry)
_head_decoder = msgspec.json.Decoder(_Head)


class Sealed(msgspec.Struct, frozen=True):
    """A new entry, checked and encoded as far as that goes before its place in the log is known."""

    new: NewEntry
    """With id and at filled in."""
    body: bytes
    salt: str
    digest: str
    given: bool = False
    """The id is the caller's (not one drawn for this call), so an entry of that id may be there already."""

    @property
    def size(self) -> int:
        """Bytes of the line it will become, within a few hundred."""
        return len(self.body) + 400


def seal(new: NewEntry, *, now_us: int, id: str = "") -> Sealed:  # noqa: A002 - the field's name
    """Check a new entry and encode its body; `id` is used where it has none of its own, else one is drawn.

    Raises:
        Invalid: body, id, time or size are outside what a log can hold.
    """
    if not isinstance(new.kind, str) or not new.kind:
        msg = "kind: an entry has a kind, a non-empty str"
        raise Invalid(msg)
    values.check_value(new.body)
    values.check_value(new.extra, "extra")
    clash = _KNOWN & new.extra.keys()
    if clash:
        msg = f"extra: {sorted(clash)[0]!r} is a member of every entry; use another name"
        raise Invalid(msg)
    given = names.check_id(new.id, "entry id") if new.id else id
    at = times.normal(new.at) if new.at else times.stamp(now_us)
    return encode_body(msgspec.structs.replace(new, id=given or names.new_id(), at=at), given=bool(given))


def encode_body(new: NewEntry, *, given: bool = False) -> Sealed:
    """Salt, encode and digest the body of a checked entry that has its id and time.

    Raises:
        Invalid: the line would be larger than an entry can be.
    """
    body = values.encode(new.body)
    if len(body) > ENTRY_BYTES_MAX - 64 * 1024:
        msg = (
            f"body: {len(body)} bytes; an entry has at most {ENTRY_BYTES_MAX // MIB} MiB. "
            "Store the large part with attach() and refer to it"
        )
        raise Invalid(msg)
    salt = os.urandom(8).hex()
    return Sealed(new, body, salt, digest_of(salt, body), given)


def digest_of(salt: str, body: bytes | memoryview) -> str:
    """The digest of body bytes under a salt."""
    hasher = sha256(salt.encode())
    hasher.update(body)
    return hasher.hexdigest()


def encode_line(
    sealed: Sealed, seq: int, previous: bytes, *, parent: int | None, commit: tuple[int, int] | None
) -> tuple[bytes, bytes]:
    """The line of an entry at its place, with the newline, and its hash (32 raw bytes).

    `previous` is the hash of the line before. `parent` replaces the new entry's own.
    """
    new = sealed.new
    pieces = [f'{{"seq":{seq},"id":'.encode(), _string(new.id), f',"at":"{new.at}","kind":'.encode(), _string(new.kind)]
    for key, value in (("agent", new.agent), ("run", new.run)):
        if value is not None:
            pieces += (f',"{key}":'.encode(), _string(value))
    if parent is not None:
        pieces.append(b',"parent":%d' % parent)
    for key, value in new.extra.items():
        pieces += (b",", values.encode(key), b":", values.encode(value))
    if commit is not None:
        pieces.append(b',"commit":[%d,%d]' % commit)
    pieces.append(f',"digest":"{sealed.digest}"'.encode())
    front = b"".join(pieces)
    link = sha256(previous)
    link.update(front)
    tail = f',"hash":"{link.hexdigest()}","salt":"{sealed.salt}","body":'.encode()
    line = b"".join((front, tail, sealed.body, b"}\n"))
    return line, link.digest()


def _string(value: str) -> bytes:
    if value.isascii() and _ESCAPED.isdisjoint(value):
        return b'"' + value.encode("ascii") + b'"'
    return values.encode(value)


def decode_line(line: bytes | memoryview) -> Entry:
    """The entry of one line, with or without its newline. Neither digest nor chain is checked.

    Raises:
        ValueError: the bytes are not the line of an entry.
    """
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _decode_slowly(bytes(line))


def _decode_slowly(line: bytes) -> Entry:
    whole = values.decode(line)
    if not isinstance(whole, dict):
        msg = "a line is a JSON object"
        raise ValueError(msg)
    known: dict[str, Any] = {key: item for key, item in whole.items() if key in _KNOWN}
    extra = {key: item for key, item in whole.items() if key not in _KNOWN}
    try:
        body = known.pop("body", None)
        bare = msgspec.convert(known, Entry)
    except msgspec.ValidationError as error:
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
    while cut >= 0:
        # An unknown member may hold the same bytes further in; only at the top level does the front close with `}`.
        try:
            _head_decoder.decode(line[:cut] + b"}")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            if _closes(line[:cut]):
                return cut
        else:
            return cut
        cut = line.find(b',"hash":"', cut + 1)
    msg = "the line has no hash"
    raise ValueError(msg)


def _closes(front: bytes) -> bool:
    try:
        values.decode(front + b"}")
    except ValueError:
        return False
    return True


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
