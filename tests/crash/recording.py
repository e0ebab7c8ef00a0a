"""What a program did to one folder, system call by system call, as strace saw it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

STRACE = shutil.which("strace")

_CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,unlink,"
    "unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate,link,linkat,symlink,lseek,fallocate,copy_file_range,"
    "io_submit,io_getevents"
)
_LINE = re.compile(r"^(\d+) +(.*)$")
_CALL = re.compile(r"^(\w+)\((.*)\) += (.*)$")
"""The last of what looks like a result is one: behind it, a descriptor may be said to be `(deleted)`."""
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
_FD = re.compile(r"^(\d+|AT_FDCWD)<([^>]*)>")
_CREATED = re.compile(r"^(\d+)<")
_ASKED = re.compile(r"aio_data=(\w+), aio_lio_opcode=IOCB_CMD_FD?SYNC, aio_fildes=(\d+<[^>]*>)")
_ENDED = re.compile(r"\{data=(\w+), obj=\w+, res=0, ")


class Op(msgspec.Struct, frozen=True):
    """One change of the folder, or of what the program said about it."""

    what: str
    """create, write, truncate, sync, mkdir, rename, unlink, rmdir, or say."""
    path: str = ""
    """Relative to the folder; of `rename` the old one."""
    to: str = ""
    offset: int = 0
    """Of a write; of a truncation the new size. -1: at the end."""
    data: bytes = b""


def record(program: list[str], root: Path, *, environment: dict[str, str], trace: Path) -> list[Op]:
    """Run a program and give what it did to `root`; lines that it writes to its standard output become `say`."""
    assert STRACE is not None
    command = [STRACE, "-f", "-qq", "-y", "-xx", "-s", "50000000", "-e", f"trace={_CALLS}", "-e", "signal=none"]
    done = subprocess.run(
        [*command, "-o", str(trace), sys.executable, *program, str(root)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return parsed(trace, root)


def parsed(trace: Path, root: Path) -> list[Op]:
    """What strace has written down of a folder."""
    return _Parser(root).parse(trace)


def _unhex(text: str) -> bytes:
    """The bytes of a C string that strace wrote with -xx, without its quotes."""
    return bytes.fromhex(text.replace("\\x", ""))


class _Parser:
    """Turns the lines of a trace into operations. A call that another thread interrupted counts where it ended."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._begun: dict[str, str] = {}
        self._offsets: dict[tuple[str, str], int] = {}
        self._append: set[tuple[str, str]] = set()
        self._there: set[str] = set()
        self._asked: dict[tuple[str, int], str] = {}
        self._ops: list[Op] = []

    def parse(self, trace: Path) -> list[Op]:
        with trace.open(encoding="latin-1") as lines:
            for line in lines:
                found = _LINE.match(line.rstrip("\n"))
                if found:
                    self._line(found[1], found[2])
        return self._ops

    def _line(self, pid: str, text: str) -> None:
        resumed = _RESUMED.match(text)
        if resumed:
            text = self._begun.pop(pid) + resumed[2]
        elif text.endswith("<unfinished ...>"):
            self._begun[pid] = text.removesuffix("<unfinished ...>")
            return
        called = _CALL.match(text)
        if called and not called[3].startswith(("-1", "?")):
            getattr(self, f"_on_{called[1]}", self._unknown)(_split(called[2]), called[3], called[1])

    def _unknown(self, arguments: list[str], result: str, call: str) -> None:
        if any(self._inside(path) for path in map(_path_of, arguments) if path):
            message = f"the recorder does not know the call {call}({', '.join(arguments)[:200]})"
            raise AssertionError(message)

    def _inside(self, path: str) -> str | None:
        """The path relative to the folder; None if it is elsewhere."""
        if path.endswith(" (deleted)"):
            return None
        if path == self._root:
            return "."
        prefix = self._root + "/"
        return path[len(prefix) :] if path.startswith(prefix) else None

    def _name(self, base: str, text: str) -> str | None:
        path = _unhex(text.strip('"')).decode("utf-8", "surrogateescape")
        if not path.startswith("/"):
            path = f"{_path_of(base)}/{path}"
        return self._inside(path)

    # -- names -------------------------------------------------------------------------------------------------

    def _on_openat(self, arguments: list[str], result: str, call: str) -> None:
        path, flags = self._name(arguments[0], arguments[1]), arguments[2]
        if path is None:
            return
        fd = _CREATED.match(result)
        assert fd is not None, result
        key = (fd[1], path)
        self._offsets[key] = 0
        self._append.discard(key)
        if "O_APPEND" in flags:
            self._append.add(key)
        if "O_CREAT" in flags and path not in self._there:
            self._there.add(path)
            self._ops.append(Op("create", path))
        elif "O_TRUNC" in flags:
            self._ops.append(Op("truncate", path, offset=0))

    def _on_mkdir(self, arguments: list[str], result: str, call: str) -> None:
        self._made(self._name("", arguments[0]))

    def _on_mkdirat(self, arguments: list[str], result: str, call: str) -> None:
        self._made(self._name(arguments[0], arguments[1]))

    def _made(self, path: str | None) -> None:
        if path not in (None, "."):
            self._ops.append(Op("mkdir", path))

    def _on_rename(self, arguments: list[str], result: str, call: str) -> None:
        self._renamed(self._name("", arguments[0]), self._name("", arguments[1]))

    def _on_renameat(self, arguments: list[str], result: str, call: str) -> None:
        self._renamed(self._name(arguments[0], arguments[1]), self._name(arguments[2], arguments[3]))

    _on_renameat2 = _on_renameat

    def _renamed(self, old: str | None, new: str | None) -> None:
        if old is None or new is None:
            assert old is new, "a rename across the border of the folder"
            return
        moved = {path for path in self._there if path == old or path.startswith(old + "/")}
        self._there = (self._there - moved - {new}) | {new + path[len(old) :] for path in moved}
        self._ops.append(Op("rename", old, new))

    def _on_unlink(self, arguments: list[str], result: str, call: str) -> None:
        self._gone("unlink", self._name("", arguments[0]))

    def _on_unlinkat(self, arguments: list[str], result: str, call: str) -> None:
        self._gone("rmdir" if "AT_REMOVEDIR" in arguments[2] else "unlink", self._name(arguments[0], arguments[1]))

    def _on_rmdir(self, arguments: list[str], result: str, call: str) -> None:
        self._gone("rmdir", self._name("", arguments[0]))

    def _gone(self, what: str, path: str | None) -> None:
        if path is not None:
            self._there.discard(path)
            self._ops.append(Op(what, path))

    # -- contents ----------------------------------------------------------------------------------------------

    def _key(self, argument: str) -> tuple[str, str] | None:
        fd = _FD.match(argument)
        assert fd is not None, argument
        path = self._inside(_path_of(argument))
        return None if path is None else (fd[1], path)

    def _on_lseek(self, arguments: list[str], result: str, call: str) -> None:
        key = self._key(arguments[0])
        if key is not None:
            self._offsets[key] = int(result)

    def _on_write(self, arguments: list[str], result: str, call: str) -> None:
        data = _unhex(arguments[1].strip('"'))[: int(result.split(maxsplit=1)[0])]
        if arguments[0].startswith("1<"):
            self._ops.append(Op("say", data=data))
            return
        key = self._key(arguments[0])
        if key is None:
            return
        offset = -1 if key in self._append else self._offsets.get(key, 0)
        if offset >= 0:
            self._offsets[key] = offset + len(data)
        self._ops.append(Op("write", key[1], offset=offset, data=data))

    def _on_pwrite64(self, arguments: list[str], result: str, call: str) -> None:
        key = self._key(arguments[0])
        if key is not None:
            data = _unhex(arguments[1].strip('"'))[: int(result.split(maxsplit=1)[0])]
            self._ops.append(Op("write", key[1], offset=int(arguments[3]), data=data))

    def _on_ftruncate(self, arguments: list[str], result: str, call: str) -> None:
        key = self._key(arguments[0])
        if key is not None:
            self._ops.append(Op("truncate", key[1], offset=int(arguments[1])))

    def _on_fsync(self, arguments: list[str], result: str, call: str) -> None:
        key = self._key(arguments[0])
        if key is not None:
            self._ops.append(Op("sync", key[1]))

    _on_fdatasync = _on_fsync

    def _on_io_submit(self, arguments: list[str], result: str, call: str) -> None:
        for number, fd in _ASKED.findall(", ".join(arguments[2:]))[: int(result)]:
            self._asked[arguments[0], int(number, 16)] = fd

    def _on_io_getevents(self, arguments: list[str], result: str, call: str) -> None:
        for number in _ENDED.findall(", ".join(arguments[3:])):
            self._on_fsync([self._asked.pop((arguments[0], int(number, 16)))], "0", "fdatasync")

    def _on_fallocate(self, arguments: list[str], result: str, call: str) -> None:
        key = self._key(arguments[0])
        assert key is None or "FALLOC_FL_KEEP_SIZE" in arguments[1], "an allocation that changes the file's size"


def _path_of(argument: str) -> str:
    """The path that -y shows behind a descriptor, whose bytes -xx has escaped; "" if there is none."""
    found = _FD.match(argument)
    if not found:
        return ""
    text = found[2]
    return _unhex(text).decode("utf-8", "surrogateescape") if text.startswith("\\x") else text


def _split(arguments: str) -> list[str]:
    """The arguments of a call. Strings are all hex, so that a comma between them is one that parts arguments."""
    return [part.strip() for part in arguments.split(", ")]
