"""Three PostgreSQL servers under Patroni with three etcd, on loopback, in one temporary folder: to be hurt by tests.

As root the servers run as the user `postgres`, and Patroni under the system's Python, which that user may execute.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

BASE = 15_600
NODES = (0, 1, 2)
WAIT_S = 60.0
PRECONDITION_FAILED = 412


class Missing(Exception):
    """A program that the cluster needs is not on this machine."""


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        message = "no PostgreSQL under /usr/lib/postgresql; apt-get install postgresql"
        raise Missing(message)
    return found[-1].parent


def _program(name: str, hint: str) -> str:
    path = shutil.which(name)
    if path is None:
        message = f"{name} is missing; {hint}"
        raise Missing(message)
    return path


class Cluster:
    """The whole of it. `patroni` is a folder with Patroni's packages."""

    def __init__(self, folder: Path, patroni: Path, *, synchronous: bool = True) -> None:
        self._folder = folder
        self._patroni = patroni
        self._synchronous = synchronous
        self._binaries = _binaries()
        self._etcd = _program("etcd", "apt-get install etcd-server")
        self._setpriv = _program("setpriv", "apt-get install util-linux")
        if not (patroni / "patroni").is_dir():
            message = f"no Patroni in {patroni}; pip install --target {patroni} 'patroni[etcd3]' 'psycopg[binary]'"
            raise Missing(message)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    # -- life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """All servers run, and two standbys follow the primary."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        for node in NODES:
            self._start_etcd(node)
        self._until(lambda: all(self._etcd_is_well(node) for node in NODES), "etcd has a quorum")
        for node in NODES:
            self.start_node(node)
        self._until(lambda: self.primary() is not None, "there is a primary")
        self._until(lambda: len(self.streaming()) == len(NODES) - 1, "two standbys stream")
        if self._synchronous:
            # Until then nobody may be promoted, as nobody is known to have what is confirmed.
            self._until(
                lambda: any(_asked(BASE + node, "sync") for node in NODES), "Patroni names a standby to wait for"
            )

    def stop(self) -> None:
        """Nothing of it runs any more."""
        for node in NODES:
            if f"node{node}" in self._processes:
                self._signal(node, signal.SIGCONT)
                self._signal(node, signal.SIGKILL)
        for process in self._processes.values():
            process.kill()
            process.wait()

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + WAIT_S
        while not holds():
            if time.monotonic() > end:
                logs = "\n".join(path.read_text(errors="replace")[-1500:] for path in self._folder.glob("*.log"))
                message = f"after {WAIT_S:.0f} s it is still not so that {what}\n{logs}"
                raise TimeoutError(message)
            time.sleep(0.1)

    def _start_etcd(self, node: int) -> None:
        peers = ",".join(f"etcd{one}=http://127.0.0.1:{BASE + 20 + one}" for one in NODES)
        client, peer = f"http://127.0.0.1:{BASE + 10 + node}", f"http://127.0.0.1:{BASE + 20 + node}"
        arguments = [
            "--name", f"etcd{node}", "--data-dir", str(self._folder / f"etcd{node}"), "--enable-v2=false",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", peers,
        ]  # fmt: skip
        self._run(f"etcd{node}", [self._etcd, *arguments], {})

    def start_node(self, node: int) -> None:
        """One Patroni with its PostgreSQL; they join by themselves."""
        path = self._folder / f"node{node}.json"
        path.write_text(json.dumps(self._settings(node)))
        environment = {"PYTHONPATH": str(self._patroni), "HOME": str(self._folder), "PGSSLMODE": "disable"}
        python = "/usr/bin/python3" if os.geteuid() == 0 else shutil.which("python3") or "python3"
        self._run(f"node{node}", [python, "-m", "patroni", str(path)], environment)

    def _run(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        if os.geteuid() == 0:
            command = [self._setpriv, "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={
                    "PATH": f"{self._binaries}:/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                    "HOME": str(self._folder),
                    **environment,
                },
                start_new_session=True,
            )

    def _settings(self, node: int) -> dict[str, Any]:
        parameters = {"wal_log_hints": "on", "shared_buffers": "32MB", "max_connections": 60, "fsync": "on"}
        shared = {
            "ttl": 20, "loop_wait": 2, "retry_timeout": 3, "primary_start_timeout": 0, "maximum_lag_on_failover": 2**30,
            "synchronous_mode": self._synchronous, "synchronous_mode_strict": self._synchronous,
            "postgresql": {"use_pg_rewind": True, "parameters": parameters},
        }  # fmt: skip
        port = BASE + 50 + node
        return {
            "scope": "hansard",
            "name": f"node{node}",
            "restapi": {"listen": f"127.0.0.1:{BASE + node}", "connect_address": f"127.0.0.1:{BASE + node}"},
            "etcd3": {"hosts": [f"127.0.0.1:{BASE + 10 + one}" for one in NODES]},
            "bootstrap": {"dcs": shared, "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}]},
            "postgresql": {
                "listen": f"127.0.0.1:{port}",
                "connect_address": f"127.0.0.1:{port}",
                "data_dir": str(self._folder / f"data{node}"),
                "bin_dir": str(self._binaries),
                "pgpass": str(self._folder / f"pgpass{node}"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": "p"},
                    "replication": {"username": "replicator", "password": "p"},
                    "rewind": {"username": "rewinder", "password": "p"},
                },
                "pg_hba": ["host replication all 127.0.0.1/32 trust", "host all all 127.0.0.1/32 trust"],
                "parameters": {"unix_socket_directories": str(self._folder)},
            },
        }

    # -- what is ------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Of all three; whoever connects finds the primary."""
        hosts = ",".join(f"127.0.0.1:{BASE + 50 + node}" for node in NODES)
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write&sslmode=disable"

    def primary(self) -> int | None:
        """The node that leads, as the nodes themselves say; None while there is none."""
        return next((node for node in NODES if _asked(BASE + node, "primary") is not None), None)

    def streaming(self) -> list[int]:
        """The nodes that follow."""
        answers = {node: _asked(BASE + node, "replica") for node in NODES}
        return [node for node, answer in answers.items() if (answer or {}).get("replication_state") == "streaming"]

    def _etcd_is_well(self, node: int) -> bool:
        return (_asked(BASE + 10 + node, "health") or {}).get("health") == "true"

    # -- harm ---------------------------------------------------------------------------------------------------

    def kill_node(self, node: int) -> None:
        """The machine dies: Patroni and every process of its PostgreSQL, at once."""
        self._signal(node, signal.SIGKILL)
        self._processes[f"node{node}"].wait()

    def kill_postgres(self, node: int) -> None:
        """PostgreSQL dies; Patroni lives on."""
        for pid in self._postgres(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze_node(self, node: int) -> None:
        """The machine stands still: nothing answers, nothing is closed."""
        self._signal(node, signal.SIGSTOP)

    def thaw_node(self, node: int) -> None:
        """And goes on as if nothing had been."""
        self._signal(node, signal.SIGCONT)

    def _signal(self, node: int, number: signal.Signals) -> None:
        for pid in [*_tree(self._processes[f"node{node}"].pid), *self._postgres(node)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _postgres(self, node: int) -> list[int]:
        """The processes of a node's PostgreSQL, which is no child of its Patroni."""
        with contextlib.suppress(OSError, ValueError):
            return _tree(int((self._folder / f"data{node}" / "postmaster.pid").read_text().splitlines()[0]))
        return []

    def stall_standbys(self) -> Callable[[], None]:
        """The standbys receive nothing any more. The returned function has them go on, without what was on its way."""
        leader = self.primary()
        pids = [
            pid for node in NODES if node != leader for pid in self._postgres(node) if b"walreceiver" in _command(pid)
        ]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

        def go_on() -> None:
            # Had they only been continued, they would still read what the kernel holds for them.
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

        assert pids, "no standby receives anything"
        return go_on

    def switch_over(self) -> None:
        """The primary hands over to a standby, in order."""
        self._until(self._switched_over, "a standby is good enough to hand over to")

    def _switched_over(self) -> bool:
        """Whether the primary did as it was told; it refuses while no standby has caught up with what is confirmed."""
        leader = self.primary()
        body = json.dumps({"leader": f"node{leader}"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{BASE + (leader or 0)}/switchover", data=body, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
        except urllib.error.HTTPError as refusal:
            if refusal.code != PRECONDITION_FAILED:
                raise
            time.sleep(0.5)
            return False
        return True

    def kill_etcd(self, node: int = 0) -> None:
        """One of the three."""
        self._processes[f"etcd{node}"].kill()
        self._processes[f"etcd{node}"].wait()


def _asked(port: int, path: str) -> dict[str, Any] | None:
    """What a server on loopback answers to a question, as JSON; None if it does not answer, or says no."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=1) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def _tree(pid: int) -> list[int]:
    """A process and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
