"""A PostgreSQL server for the tests: the one that is named, else a private one made of binaries found on the machine.

One server serves a whole run, all of its workers; each worker has a database of its own. Whoever needs it first starts
it, under a file lock. The process that began the run stops it at the end, and a guardian does if that one was killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
RUN = "HANSARD_TEST_RUN"
"""Names the folder that the processes of one run share."""
NEEDED = "HANSARD_TESTS_NEED_POSTGRES"
"""Set by `make test`: without a server the tests fail instead of being skipped."""
MAJOR = "HANSARD_TEST_POSTGRES_MAJOR"
"""Set by `make torture`: the one major version that will do."""
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
PRIVATE = str(CHECKOUT / ".build/postgres/*/pginstall*/bin")
GUARDIAN = """
import os, subprocess, sys, time
run, parent, *stop = sys.argv[1:]
while os.path.exists(run):
    try:
        os.kill(int(parent), 0)
    except ProcessLookupError:
        subprocess.run(stop, check=False)
        break
    time.sleep(0.5)
"""
TABLES = (
    "ids", "pairs", "sessions", "marks", "entries", "forks", "attachments", "texts", "calls", "documents", "quarantine",
)  # fmt: skip


def binaries() -> Path | None:
    """The newest PostgreSQL of the wanted version on this machine; a private build only where there is no other."""
    wanted = os.environ.get(MAJOR)
    promised = range(int(wanted), int(wanted) + 1) if wanted else range(15, 19)
    on_path = shutil.which("initdb")
    there = [] if on_path is None else [Path(on_path).resolve().parent]
    there += [path for place in PLACES for path in _under_root(place)]
    for places in (there, _under_root(PRIVATE)):
        usable = [(version, path) for path in places if (version := version_of(path)) in promised]
        if usable:
            return max(usable)[1]
    return None


def _under_root(pattern: str) -> list[Path]:
    return list(Path("/").glob(pattern.lstrip("/")))


def version_of(bin_folder: Path) -> int:
    """The major version of the binaries in a folder; 0 if there are none."""
    try:
        said = subprocess.run([bin_folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = re.search(r"(\d+)", said)
    return int(number[1]) if number else 0


def begin_run() -> None:
    """Make the folder that the processes of this run share."""
    os.environ[RUN] = tempfile.mkdtemp(prefix="hansard-tests-")
    Path(os.environ[RUN]).chmod(0o755)


def end_run() -> None:
    """Stop the server of this run, if one was started, and remove its folder."""
    folder = Path(os.environ.pop(RUN))
    with contextlib.suppress(FileNotFoundError):
        subprocess.run((folder / "stop").read_text().split("\n"), check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def server() -> str | None:
    """Connection parameters of a server whose user may make databases; None if there is no server to be had."""
    named = os.environ.get("HANSARD_TEST_POSTGRES")
    if named:
        return named
    folder = Path(os.environ[RUN])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = folder / "server"
        if not known.exists():
            bin_folder = binaries()
            known.write_text("" if bin_folder is None else start(bin_folder, folder))
        return known.read_text() or None


def start(bin_folder: Path, folder: Path, *options: str) -> str:
    """Make a cluster in a folder and start it; its connection parameters."""
    data, port = folder / "cluster", free_port()
    data.mkdir()
    user = other_user()
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
        bin_folder = within_reach(bin_folder, folder)
    run_as(
        user, [bin_folder / "initdb", "-D", data / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    )
    # What the tests are about is what was sent; that the server's disk keeps it is PostgreSQL's promise.
    settings = [
        f"-p {port}", "-c listen_addresses=127.0.0.1", f"-c unix_socket_directories={data}", "-c max_connections=200",
        "-c fsync=off", "-c full_page_writes=off", *options,
    ]  # fmt: skip
    control = [bin_folder / "pg_ctl", "-D", data / "data", "-w", "-l", data / "log"]
    run_as(user, [*control, "-o", " ".join(settings), "start"])
    stop = [str(part) for part in command_as(user, [*control[:3], "-m", "immediate", "stop"])]
    (folder / "stop").write_text("\n".join(stop))
    parent = os.environ.get("HANSARD_TEST_PARENT", str(os.getpid()))
    guard = [sys.executable, "-c", GUARDIAN, str(folder), parent, *stop]
    subprocess.run(["sh", "-c", '"$0" "$@" >/dev/null 2>&1 &', *guard], start_new_session=True, check=True)
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres"


def within_reach(bin_folder: Path, folder: Path) -> Path:
    """The binaries where another user may run them: a checkout of root's can be closed to everybody else."""
    if all(part.stat().st_mode & 0o005 == 0o005 for part in (bin_folder, *bin_folder.parents)):
        return bin_folder
    private = CHECKOUT / ".build/postgres"
    # A private build has libraries beside it.
    whole = private if private in bin_folder.parents else bin_folder.parent
    shutil.copytree(whole, folder / "postgresql", symlinks=True)
    return folder / "postgresql" / bin_folder.relative_to(whole)


def other_user() -> pwd.struct_passwd | None:
    """Whom the server runs as where we are root, which it refuses to be."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def command_as(user: pwd.struct_passwd | None, command: list[object]) -> list[object]:
    """A command as another user's."""
    if user is None:
        return command
    clean = ["env", "HOME=/tmp", "PGSSLMODE=disable"]
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *clean, *command]


def run_as(user: pwd.struct_passwd | None, command: list[object]) -> None:
    """Run a command as another user; says what it said if it fails."""
    with tempfile.TemporaryFile() as said:
        # To a file, as the server keeps what it inherits open.
        done = subprocess.run(
            list(map(str, command_as(user, command))),
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            cwd="/",
            check=False,
        )
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed:\n{said.read().decode(errors='replace')}")


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
