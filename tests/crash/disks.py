"""What a power cut may leave of a folder, after any prefix of the operations that were done to it.

A file's bytes are certain as far as a sync of that file had returned; a name is certain once a folder that its change
touched was synced. What is not certain is there, is not there, or is there in part: the variants below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path

from recording import Op


class _File:
    """One file, under whatever name: the changes of its bytes and how many of them are certain."""

    def __init__(self) -> None:
        self.changes: list[Op] = []
        self.certain = 0


class _Folder:
    """One folder: what stands in it now is told by its names."""

    def __init__(self) -> None:
        self.names: dict[str, _File | _Folder] = {}


class _Change:
    """One change of names, in one folder or, for a rename, two."""

    def __init__(self, op: Op, touched: tuple[_Folder, ...], node: _File | _Folder | None = None) -> None:
        self.op = op
        self.touched = touched
        self.node = node
        """What was made or renamed."""
        self.certain = False


DATA = ("none", "all", "half", "zeros", "last")
"""Of the uncertain bytes of each file: nothing; all; all but the second half of the last write; the right length but
zeros; only the last write."""

NAMES = ("none", "all", "half")
"""Of the uncertain names: nothing; all; the older half of them."""


class State:
    """A folder as it may be found: relative path → content, None for a folder."""

    def __init__(self, place: int, variant: str, tree: dict[str, bytes | None], said: bytes) -> None:
        self.place = place
        self.variant = variant
        self.tree = tree
        self.said = said

    @property
    def key(self) -> bytes:
        """Equal for equal folders of which the same was said."""
        digest = sha256(self.said)
        for path in sorted(self.tree):
            content = self.tree[path]
            digest.update(path.encode("utf-8", "surrogateescape") + b"\0")
            digest.update(b"folder" if content is None else sha256(content).digest())
        return digest.digest()

    def write(self, root: Path) -> None:
        """Make the folder, so that the program can open it."""
        root.mkdir()
        for path in sorted(self.tree):
            content = self.tree[path]
            if content is None:
                (root / path).mkdir(exist_ok=True, parents=True)
            else:
                (root / path).parent.mkdir(exist_ok=True, parents=True)
                (root / path).write_bytes(content)


def states(
    ops: Sequence[Op],
    *,
    cut: Callable[[int, Op], bool] = lambda number, op: True,
    ignored: Callable[[int, Op], bool] = lambda number, op: False,
    data: Sequence[str] = DATA,
    names: Sequence[str] = NAMES,
) -> Iterator[State]:
    """Every different folder that a power cut may leave after an operation that `cut` picks, by its number and itself.

    A sync that `ignored` picks is treated as if it had not been done.
    """
    seen: set[bytes] = set()
    disk = _Disk()
    for number, op in enumerate(ops):
        if op.what != "sync" or not ignored(number, op):
            disk.do(op)
        if not cut(number, op):
            continue
        for kept, named in product(data, names):
            state = State(number + 1, f"{kept} of the bytes, {named} of the names", disk.tree(kept, named), disk.said)
            if (key := state.key) not in seen:
                seen.add(key)
                yield state


class _Disk:
    """The folder as the program sees it, and what of it is certain."""

    def __init__(self) -> None:
        self.said = b""
        self._now = _Folder()
        self._changes: list[_Change] = []

    def do(self, op: Op) -> None:
        """One more operation."""
        if op.what == "say":
            self.said += op.data
        elif op.what == "sync":
            self._sync(_find(self._now, op.path))
        elif op.what in ("write", "truncate"):
            node = _find(self._now, op.path)
            assert isinstance(node, _File), op
            node.changes.append(op)
        else:
            self._changes.append(self._change(op))

    def _sync(self, node: _File | _Folder | None) -> None:
        if isinstance(node, _File):
            node.certain = len(node.changes)
        elif node is not None:
            for change in self._changes:
                change.certain = change.certain or any(folder is node for folder in change.touched)

    def _change(self, op: Op) -> _Change:
        parent = _parent(self._now, op.path)
        assert parent is not None, op
        if op.what in ("create", "mkdir"):
            made = parent.names[_last(op.path)] = _File() if op.what == "create" else _Folder()
            return _Change(op, (parent,), made)
        node = parent.names.pop(_last(op.path))
        if op.what != "rename":
            return _Change(op, (parent,))
        target = _parent(self._now, op.to)
        assert target is not None, op
        target.names[_last(op.to)] = node
        return _Change(op, (parent, target), node)

    def tree(self, data: str, names: str) -> dict[str, bytes | None]:
        """The folder with the certain changes of names and some of the others, in their order."""
        uncertain = [id(change) for change in self._changes if not change.certain]
        chosen = set(uncertain[: {"none": 0, "all": len(uncertain), "half": len(uncertain) // 2}[names]])
        root = _Folder()
        for change in self._changes:
            if change.certain or id(change) in chosen:
                _replay(root, change)
        tree: dict[str, bytes | None] = {}
        _collect(root, "", tree, data)
        return tree


def _replay(root: _Folder, change: _Change) -> None:
    """The change done again; nothing, where the folder that it happened in is not there."""
    op = change.op
    parent = _parent(root, op.path)
    if op.what in ("create", "mkdir"):
        if parent is not None:
            parent.names[_last(op.path)] = change.node if isinstance(change.node, _File) else _Folder()
        return
    node = None if parent is None else parent.names.pop(_last(op.path), None)
    if node is None and change.certain and isinstance(change.node, _File):
        # The new name of a file is on the medium, so the file is there, whatever became of where it was made.
        node = change.node
    target = _parent(root, op.to) if op.what == "rename" else None
    if node is not None and target is not None:
        target.names[_last(op.to)] = node


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _find(root: _Folder, path: str) -> _File | _Folder | None:
    node: _File | _Folder | None = root
    for name in [] if path == "." else path.split("/"):
        node = node.names.get(name) if isinstance(node, _Folder) else None
    return node


def _parent(root: _Folder, path: str) -> _Folder | None:
    found = _find(root, path.rpartition("/")[0] or ".")
    return found if isinstance(found, _Folder) else None


def _collect(folder: _Folder, prefix: str, tree: dict[str, bytes | None], data: str) -> None:
    for name, node in folder.names.items():
        if isinstance(node, _Folder):
            tree[prefix + name] = None
            _collect(node, f"{prefix}{name}/", tree, data)
        else:
            tree[prefix + name] = _content(node, data)


def _content(file: _File, data: str) -> bytes:
    certain, uncertain = file.changes[: file.certain], file.changes[file.certain :]
    if data == "none":
        uncertain = []
    elif data == "last":
        uncertain = uncertain[-1:]
    content = bytearray()
    for op in certain:
        _apply(content, op, op.data)
    for number, op in enumerate(uncertain, 1):
        written = op.data
        if data == "half" and number == len(uncertain):
            written = written[: len(written) // 2]
        elif data == "zeros":
            written = bytes(len(written))
        _apply(content, op, written)
    return bytes(content)


def _apply(content: bytearray, op: Op, data: bytes) -> None:
    if op.what == "truncate":
        del content[op.offset :]
        content.extend(bytes(op.offset - len(content)))
        return
    offset = len(content) if op.offset < 0 else op.offset
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data
