"""pgbouncer in transaction mode before the server of the tests, where it is installed."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from support import postgres, stores

SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
{prepared}
"""
USERS = '"{user}" ""\n'


def program():
    """pgbouncer and its version; the test is skipped if there is none."""
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("pgbouncer is not installed, so nothing was tried through it; apt-get install pgbouncer")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.search(r"(\d+)\.(\d+)", said).groups()
    return found, (int(major), int(minor))


@contextlib.contextmanager
def running():
    """A function that makes connection parameters go through pgbouncer; whether it passes prepared statements on."""
    bouncer, version = program()
    server = conninfo_to_dict(stores.need_server())
    own, keeps = postgres.free_port(), version >= (1, 21)
    folder = Path(tempfile.mkdtemp(prefix="hansard-pgbouncer-"))
    folder.chmod(0o755)
    (folder / "users.txt").write_text(USERS.format(**server))
    prepared = "max_prepared_statements = 200" if keeps else ""
    settings = folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(**server, own=own, folder=folder, prepared=prepared))
    command = postgres.command_as(postgres.other_user(), [bouncer, settings])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    try:
        _until_it_listens(own, process, folder)
        yield lambda conninfo: make_conninfo(conninfo, host="127.0.0.1", port=own), keeps
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _until_it_listens(port, process, folder):
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
    pytest.fail(f"pgbouncer does not listen: {(folder / 'log').read_text(errors='replace')[-2_000:]}")
