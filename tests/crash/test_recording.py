"""The recorder reads what strace says of threads that get in each other's way."""

from __future__ import annotations

from pathlib import Path

from recording import Op, parsed


def named(path):
    return "".join(f"\\x{byte:02x}" for byte in path.encode())


LOG, OTHER, GONE = named("/store/log"), named("/store/other"), named("/store/gone")
TRACE = f"""\
1 openat(AT_FDCWD<{named("/")}>, "{LOG}", O_RDWR|O_CREAT <unfinished ...>
2 openat(AT_FDCWD<{named("/")}>, "{GONE}", O_RDONLY|O_DIRECTORY <unfinished ...>
1 <... openat resumed>)             = 3<{LOG}>
2 <... openat resumed>)             = 5<{GONE}>(deleted)
2 openat(AT_FDCWD<{named("/")}>, "{GONE}", O_RDONLY|O_DIRECTORY) = -1 ENOENT (No such file or directory)
1 openat(AT_FDCWD<{named("/")}>, "{OTHER}", O_RDWR|O_CREAT) = 4<{OTHER}>
1 write(3<{LOG}>, "\\x61\\x62" <unfinished ...>
2 write(4<{OTHER}>, "\\x63", 1)        = 1
1 <... write resumed>, 2)            = 2
1 io_submit(0x7f, 2, [{{aio_data=0x1, aio_lio_opcode=IOCB_CMD_FDSYNC, aio_fildes=3<{LOG}>}}, \
{{aio_data=0x2, aio_lio_opcode=IOCB_CMD_FDSYNC, aio_fildes=4<{OTHER}>}}]) = 2
1 io_getevents(0x7f, 2, 2,  <unfinished ...>
2 fdatasync(4<{OTHER}> <unfinished ...>
1 <... io_getevents resumed>[{{data=0x1, obj=0x8, res=0, res2=0}}, {{data=0x2, obj=0x9, res=0, res2=0}}], NULL) = 2
2 <... fdatasync resumed>)           = 0
"""


def test_calls_that_another_thread_interrupted_count_whole(tmp_path):
    trace = tmp_path / "trace"
    trace.write_text(TRACE)
    assert parsed(trace, Path("/store")) == [
        Op("create", "log"),
        Op("create", "other"),
        Op("write", "other", offset=0, data=b"c"),
        Op("write", "log", offset=0, data=b"ab"),
        Op("sync", "log"),
        Op("sync", "other"),
        Op("sync", "other"),
    ]
