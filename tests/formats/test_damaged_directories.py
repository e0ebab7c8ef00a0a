"""Damage any one file of a directory in any way: the import ends with a report, and what is healthy comes in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import hansard
from hansard.cli.root import hansard as cli
from hansard.formats import import_paths
from hansard.formats.a3s_paths import safe_id, v1_name
from support import a3s, oxios
from support.directories import DAMAGES, bamboo_home, copied, crabtalk_home, damaged, files_of

MADE: dict[str, Callable[[Path], Path]] = {
    "bamboo": bamboo_home,
    "crabtalk": crabtalk_home,
    "oxios": oxios.build,
    "a3s-legacy": lambda folder: a3s.build(folder, a3s.legacy()),
    "a3s-v1": lambda folder: a3s.build(folder, a3s.v1()),
}
"""Directories that the tests make. A new format adds a function that makes a small one."""
GIVEN = (
    "bamboo_home",
    "crabtalk_sessions",
    "oxios_state",
    "a3s_sessions/v2.0.0_store",
    "a3s_sessions/v3.1.0_dup_id_store",
    "a3s_sessions/v3.1.0_value_order_store",
    "a3s_v1_handmade",
)
"""Sample directories, looked for beside the checkout."""


def shown(store: hansard.Store, identity: str) -> list[tuple[str, str]]:
    session = store.get(identity)
    return [(entry.id, json.dumps(entry.body, sort_keys=True)) for entry in session.entries(kinds="message")]


def histories(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """The messages of every session that a directory brings in, by its id."""
    with hansard.open("memory:") as store:
        report = import_paths(store, [folder])
        ids = {session.id for file in report.files for session in file.sessions}
        return {identity: shown(store, identity) for identity in ids}


def touched(file: Path, ids: set[str]) -> set[str]:
    """The sessions that a file belongs to: those whose folder or file it is, by their names."""
    names = set(file.parts) | {file.stem}
    return {identity for identity in ids if names & {identity, safe_id(identity), v1_name(identity)}}


def check(source: Path, work: Path, how: str) -> None:
    healthy = histories(source)
    assert healthy
    for file in files_of(source):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(source, work)
        damaged(work, file, how)
        found = histories(work)
        for identity in healthy.keys() - touched(file, set(healthy)):
            assert found.get(identity) == healthy[identity], f"{file} {how}: {identity} is not whole"


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", MADE)
def test_one_damaged_file_leaves_every_other_session_whole(name, how, tmp_path):
    check(MADE[name](tmp_path / "source"), tmp_path / "work" / "source", how)


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", GIVEN)
def test_one_damaged_file_of_a_sample_leaves_every_other_session_whole(name, how, tmp_path):
    check(copied(name, tmp_path / "source"), tmp_path / "work" / "source", how)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", MADE)
def test_the_command_ends_with_a_report_whatever_is_damaged(name, how, tmp_path, capsys):
    source = MADE[name](tmp_path / "source")
    for number, file in enumerate(files_of(source)):
        work = tmp_path / str(number)
        shutil.copytree(source, work)
        damaged(work, file, how)
        with pytest.raises(SystemExit) as ended:
            cli.main(["-S", str(tmp_path / "store"), "import", str(work), "-o", "json", "--dry-run"])
        assert ended.value.code in (0, 6), f"{file} {how}"
        assert json.loads(capsys.readouterr().out)["files"]
