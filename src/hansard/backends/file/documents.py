"""The store's own documents: plain files that people read, and beside them the record of their versions.

    documents/<category>/…/<name>.md|.json                        the content now: a copy
    documents/<category>/…/.versions/<name>.md/history.jsonl      the truth: a line for each version, deletions too
    documents/<category>/…/.versions/<name>.md/<sha256>.md        the content of each version
    documents/<category>/…/.versions/.lock                        held by whoever changes a document of the category

Segments and names are encoded like ids and so hold no dot. A write is there once its line in the history is synced; the
plain file follows, and whoever looks next mends it if it does not. A plain file whose content is no version's was edited
by a person: it becomes the next version. One that was removed by hand comes back; `delete_document` takes it away.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from ...codec import values
from ...codec.names import check_category, id_of, name_of
from ...errors import Corrupt, Invalid
from ...model.documents import KINDS, Document, DocumentKey
from .. import versions as rules
from ..versions import live, shown
from . import disk, gate, locks
from .core import Core
from .layout import is_real_folder

VERSIONS: Final = ".versions"
HISTORY: Final = "history.jsonl"
LOCK: Final = ".lock"


class Line(msgspec.Struct, frozen=True):
    """One line of a history."""

    version: int
    sha256: str
    size: int
    at: str
    category: str
    name: str
    kind: str

    @property
    def document(self) -> Document:
        """The version that it says."""
        return Document(DocumentKey(self.category, self.name, self.kind), self.version, self.sha256, self.size, self.at)


def put(core: Core, key: DocumentKey, data: bytes, *, expect: int | None) -> Document:
    """As the contract says."""
    with _held(core, key) as shelf:
        there = shelf.settled()
        new = rules.next_version(there, key, data, expect=expect, now_us=core.clock())
        if new is None:
            shelf.sync()
            return there[-1]
        shelf.add(new, data)
        shelf.show(data)
        return new


def get(core: Core, key: DocumentKey, *, version: int | None) -> tuple[Document, bytes] | None:
    """As the contract says."""
    shelf = _Shelf(core, key)
    while True:
        there = _current(core, shelf)
        now = live(there)
        if version is not None:
            now = next((one for one in there if one.version == version and one.sha256), None)
        try:
            return None if now is None else (now, shelf.shown_or_kept(now) if version is None else shelf.content(now))
        except Corrupt:
            if read_history(shelf.history) == there:
                raise
            # Somebody has deleted it since, with its versions: nothing is damaged.


def versions(core: Core, key: DocumentKey) -> tuple[Document, ...]:
    """As the contract says."""
    return tuple(_current(core, _Shelf(core, key)))


def delete(core: Core, key: DocumentKey, *, expect: int | None, history: bool) -> bool:
    """As the contract says."""
    shelf = _Shelf(core, key)
    if not shelf.begun and shelf.plain_bytes() is None:
        return False
    with _held(core, key) as shelf:
        there = shelf.settled()
        new = rules.deletion(there, key, expect=expect, now_us=core.clock())
        if history and there:
            shelf.forget(new or there[-1])
        elif new is not None:
            shelf.add(new, b"")
            shelf.hide()
        return new is not None


def listed(core: Core, category: str | None) -> tuple[Document, ...]:
    """As the contract says. Plain files without a history, as people put there, become documents."""
    segments = check_category(category) if category is not None else ()
    folder = _folder(core, segments)
    if folder is None:
        return ()
    found: list[Document] = []
    for where, names in _walk(folder):
        for name in names:
            history = read_history(where / VERSIONS / name / HISTORY)
            if not history:
                history = _adopted(core, where, name)
            now = live(history)
            if now is not None:
                found.append(now)
    return tuple(sorted(found))


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of the documents in it) of a category and all below it."""
    try:
        inside = sorted(os.scandir(folder), key=lambda item: item.name)
    except FileNotFoundError:
        return
    names = {item.name for item in inside if item.is_file(follow_symlinks=False) and kind_of(item.name) is not None}
    with contextlib.suppress(FileNotFoundError):
        names |= {path.name for path in (folder / VERSIONS).iterdir() if kind_of(path.name) is not None}
    yield folder, sorted(names)
    for item in inside:
        if item.is_dir(follow_symlinks=False) and "." not in item.name:
            yield from _walk(Path(item.path))


def every_history(core: Core) -> Iterator[tuple[Path, str]]:
    """(folder of the category, file name) of every document, the deleted ones included."""
    if is_real_folder(core.layout.documents):
        for where, names in _walk(core.layout.documents):
            for name in names:
                yield where, name


def kind_of(name: str) -> str | None:
    """The kind that the file name of a document says; None if it is no document's."""
    stem, _, kind = name.rpartition(".")
    return kind if stem and "." not in stem and kind in KINDS else None


def _adopted(core: Core, where: Path, name: str) -> list[Document]:
    """The history of a plain file that a person put there, begun now; none if its name stands for no document."""
    segments = [id_of(part) for part in where.relative_to(core.layout.documents).parts]
    kind = kind_of(name)
    stem = id_of(name.rpartition(".")[0])
    if kind is None or stem is None or None in segments:
        return []
    key = DocumentKey("/".join(segment or "" for segment in segments), stem, kind)
    try:
        return _current(core, _Shelf(core, key))
    except Invalid:
        # Too large to be a document. It stays where it is, and `check` names it.
        return []


def read_history(path: Path) -> list[Document]:
    """The versions that a history holds; a last line without an end is that of a write that was not acknowledged.

    Raises:
        Corrupt: a line can't be understood, or its version does not follow.
    """
    found: list[Document] = []
    for number, line in enumerate(_bytes_of(path).split(b"\n")[:-1], 1):
        try:
            document = msgspec.json.decode(line, type=Line).document
        except (msgspec.DecodeError, UnicodeDecodeError):
            document = None
        if document is None or (found and document.version <= found[-1].version):
            msg = f"{path}: line {number} is damaged. Restore the file from a backup; `hansard check` lists all damage"
            raise Corrupt(msg, path=str(path), line=number)
        found.append(document)
    return found


def _bytes_of(path: Path) -> bytes:
    try:
        return disk.read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _current(core: Core, shelf: _Shelf) -> list[Document]:
    """The versions of a document; what a crash or a person has left different is settled first."""
    there = read_history(shelf.history)
    plain = shelf.plain_bytes()
    now = live(there)
    same = (None if plain is None else sha256(plain).hexdigest()) == (None if now is None else now.sha256)
    if same or core.layout.read_only:
        return there
    with _held(core, shelf.key) as held:
        return held.settled()


def _folder(core: Core, segments: tuple[str, ...]) -> Path | None:
    """The folder of a category; None if it is not there.

    Raises:
        Corrupt: something on the way is no folder, as a symbolic link is not.
    """
    folder = core.layout.documents
    for name in ("", *map(name_of, segments)):
        folder = folder / name if name else folder
        try:
            mode = os.lstat(folder).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISDIR(mode):
            msg = f"{folder}: not a folder. A store holds no links; move what it names here, or remove it"
            raise Corrupt(msg, path=str(folder))
    return folder


@contextlib.contextmanager
def _held(core: Core, key: DocumentKey) -> Generator[_Shelf]:
    """The place of a document, its folders made, for this thread alone."""
    shelf = _Shelf(core, key)
    with gate.entered(core.layout.root):
        _folder(core, shelf.segments)
        disk.make_folder(core.layout.documents)
        folder = core.layout.documents
        for name in (*map(name_of, shelf.segments), VERSIONS):
            folder /= name
            disk.make_folder(folder)
        with locks.locked_file(folder / LOCK):
            yield shelf


class _Shelf:
    """Where one document lies."""

    def __init__(self, core: Core, key: DocumentKey) -> None:
        self.key = key
        self.segments = check_category(key.category)
        self.folder = core.layout.documents.joinpath(*map(name_of, self.segments))
        name = f"{name_of(key.name)}.{key.kind}"
        self.plain = self.folder / name
        self.box = self.folder / VERSIONS / name
        self.history = self.box / HISTORY
        self._core = core

    @property
    def begun(self) -> bool:
        """Whether there ever was such a document."""
        return self.history.exists()

    def plain_bytes(self) -> bytes | None:
        """What the plain file holds; None if there is none.

        Raises:
            Corrupt: it is no file itself, as a symbolic link is not.
        """
        _folder(self._core, self.segments)
        try:
            fd = os.open(self.plain, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError:
            if os.path.islink(self.plain):  # noqa: PTH114 - beside os.open
                msg = f"{self.plain}: not a file itself. A store holds no links; move what it names here, or remove it"
                raise Corrupt(msg, path=str(self.plain)) from None
            raise
        with os.fdopen(fd, "rb") as file:
            return file.read()

    def content(self, version: Document) -> bytes:
        """The content of a version.

        Raises:
            Corrupt: it does not have its hash, or is gone.
        """
        path = self.kept(version)
        data = _bytes_of(path) if path.is_file() else None
        if data is None or sha256(data).hexdigest() != version.sha256:
            msg = f"document {shown(self.key)}: the content of version {version.version} is damaged or gone. Restore {path} from a backup"
            raise Corrupt(msg, path=str(path))
        return data

    def kept(self, version: Document) -> Path:
        """The file that holds the content of a version."""
        return self.box / f"{version.sha256}.{self.key.kind}"

    def shown_or_kept(self, now: Document) -> bytes:
        """The content of the newest version, from the plain file if that has it."""
        plain = self.plain_bytes()
        if plain is not None and sha256(plain).hexdigest() == now.sha256:
            return plain
        return self.content(now)

    def settled(self) -> list[Document]:
        """The versions, once the plain file and they agree. The lock is held."""
        there = read_history(self.history)
        plain, now = self.plain_bytes(), live(there)
        digest = None if plain is None else sha256(plain).hexdigest()
        if plain is None or any(one.sha256 == digest for one in there):
            # The copy of an earlier version, or none: a crash came between the history and the copy.
            if now is not None and now.sha256 != digest:
                self.show(self.content(now))
            elif now is None and plain is not None:
                self.hide()
            return there
        edited = rules.next_version(there, self.key, plain, expect=None, now_us=self._core.clock())
        if edited is not None:
            self.add(edited, plain)
            there.append(edited)
        return there

    def add(self, version: Document, data: bytes) -> None:
        """The next version is durable."""
        disk.make_folder(self.box)
        path = self.kept(version)
        if version.sha256 and not (path.is_file() and disk.read_file(path) == data):
            disk.write_file(path, data)
        if not self.begun:
            disk.write_file(self.history, _line(version))
            # Another writer may have made the folders and died before their names were on the medium.
            for folder in (self.box.parent, *self.box.parent.parents[: len(self.segments) + 2]):
                disk.sync_folder(folder)
            return
        fd = os.open(self.history, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            end = _bytes_of(self.history).rfind(b"\n") + 1
            disk.truncate(fd, end)
            os.lseek(fd, end, os.SEEK_SET)
            try:
                disk.write_all(fd, _line(version))
                disk.datasync(fd)
            except BaseException:
                disk.truncate(fd, end)
                raise
        finally:
            os.close(fd)

    def sync(self) -> None:
        """Make durable what another process may have written and died before it had synced."""
        fd = os.open(self.history, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            disk.datasync(fd)
        finally:
            os.close(fd)

    def show(self, data: bytes) -> None:
        """The plain file holds this."""
        disk.write_file(self.plain, data)

    def hide(self) -> None:
        """The plain file is gone."""
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(self.plain)
            disk.sync_folder(self.folder)

    def forget(self, last: Document) -> None:
        """The document is gone with all its contents; only the number of its last version is kept."""
        self.hide()
        disk.write_file(self.history, _line(last))
        for path in list(self.box.iterdir()):
            if path != self.history:
                disk.unlink(path)
        disk.sync_folder(self.box)


def _line(version: Document) -> bytes:
    key = version.key
    line = Line(version.version, version.sha256, version.size, version.at, key.category, key.name, key.kind)
    return values.encode(msgspec.to_builtins(line)) + b"\n"
