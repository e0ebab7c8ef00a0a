"""A PostgreSQL server of the measurement's own, made of the binaries that the tests find, gone when it is over."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

from psycopg.conninfo import conninfo_to_dict

SUPPORT = Path(__file__).parents[2] / "tests" / "support" / "postgres.py"
# As a small server is set up, and with the durability that a test does without.
SETTINGS = (
    "-c fsync=on", "-c full_page_writes=on", "-c shared_buffers=1GB", "-c max_wal_size=4GB", "-c log_lock_waits=on",
)  # fmt: skip


def _support() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hansard_test_server", SUPPORT)
    if spec is None or spec.loader is None:
        msg = f"{SUPPORT} is missing; run this in a checkout, or name a server with --url"
        raise SystemExit(msg)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@contextlib.contextmanager
def server(folder: Path) -> Generator[str]:
    """The URL of an empty database on a server that was started for this."""
    support = _support()
    binaries = support.binaries()
    if binaries is None:
        msg = "no PostgreSQL 15 to 18 was found; `sh scripts/postgres` gets one, --url names one"
        raise SystemExit(msg)
    folder.mkdir(parents=True, exist_ok=True)
    # The server runs as another user than root, which must be able to go there.
    place = Path(tempfile.mkdtemp(prefix="hansard-scale-", dir=folder))
    place.chmod(0o755)
    os.environ[support.RUN] = str(place)
    try:
        said = conninfo_to_dict(support.start(binaries, place, *SETTINGS))
        sys.stdout.write(f"PostgreSQL {support.version_of(binaries)} on port {said['port']}\n")
        yield f"postgresql://{said['user']}@{said['host']}:{said['port']}/{said['dbname']}"
    finally:
        support.end_run()
        shutil.rmtree(place, ignore_errors=True)
