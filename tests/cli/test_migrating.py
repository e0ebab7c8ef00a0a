"""`hansard migrate`, and directories of other programs in `import` and `export`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.directories import bamboo_home, crabtalk_home


@pytest.fixture
def bamboo(tmp_path):
    return bamboo_home(tmp_path / "bamboo")


@pytest.fixture
def crabtalk(tmp_path):
    return crabtalk_home(tmp_path / "crabtalk")


def test_migrate_says_what_each_session_became(run, bamboo):
    report = json.loads(run("migrate", bamboo, "-o", "json").stdout)
    rows = {row["id"]: row for row in report["sessions"]}
    assert set(rows) == {"root-1", "child-1", "root-2"}
    assert (rows["child-1"]["kind"], rows["child-1"]["parent"], rows["child-1"]["messages"]) == ("child", "root-1", 2)
    assert (rows["root-1"]["title"], rows["root-1"]["source"], rows["root-1"]["format"]) == ("One", "root-1", "bamboo")
    assert report["totals"]["sessions"] == 3
    again = json.loads(run("migrate", bamboo, "-o", "json").stdout)
    assert sum(row["added"] for row in again["sessions"]) == 0


def test_migrate_as_a_table_names_sessions_and_counts_them(run, crabtalk):
    result = run("migrate", crabtalk)
    assert "crab_ana_2" in result.stdout
    assert "3 sessions" in result.stderr
    assert "| crab\\_ana\\_1 |" in run("migrate", crabtalk, "-o", "md").stdout
    assert run("migrate", crabtalk, "-o", "id").stdout.split() == ["crab_ana_1", "crab_ana_2", "crab_bea_1"]


def test_migrate_of_damaged_files_exits_6_and_brings_in_the_rest(run, bamboo):
    (bamboo / "sessions" / "root-2" / "runtime.json").write_text('{"id"')
    result = run("migrate", bamboo, code=6)
    assert "runtime.json" in result.stderr
    assert "1 damaged file" in result.stderr


def test_a_session_that_only_the_index_names_is_told(run, bamboo):
    for name in ("session.json", "runtime.json"):
        (bamboo / "sessions" / "root-2" / name).unlink()
    assert "names the session root-2" in run("migrate", bamboo, code=6).stderr


def test_a_dry_run_of_a_migration_makes_no_store(run, bamboo, home):
    report = json.loads(run("migrate", bamboo, "--dry-run", "-o", "json").stdout)
    assert {row["id"] for row in report["sessions"]} == {"root-1", "child-1", "root-2"}
    assert not (home / ".hansard").exists()


def test_migrate_of_a_folder_without_sessions_exits_1_and_of_none_3(run, home):
    (home / "empty").mkdir()
    run("migrate", "empty", code=1)
    run("migrate", "not-there", code=3)


def test_export_writes_directories_of_both_programs(run, bamboo, crabtalk, home):
    run("import", bamboo, crabtalk)
    run("export", "--format", "bamboo", "root-1", "root-2", "out-bamboo")
    assert (home / "out-bamboo" / "sessions" / "root-1" / "children" / "child-1" / "session.json").is_file()
    result = run("export", "--format", "crabtalk", "crab_ana_1", "root-2", "out-crabtalk")
    assert (home / "out-crabtalk" / "crab_ana_1" / "meta").is_file()
    assert "2 sessions" in result.stderr
    assert json.loads(run("migrate", "out-crabtalk", "-o", "json").stdout)["totals"]["added"] >= 0


def test_an_export_that_refuses_a_session_exits_4_and_writes_the_others(run, bamboo, home):
    run("import", bamboo)
    run("export", "--format", "bamboo", "root-1", "out")
    path = home / "out" / "sessions" / "root-1" / "session.json"
    path.write_text(path.read_text().replace('"m1"', '"other"'))
    result = run("export", "--format", "bamboo", "root-1", "root-2", "out", code=4)
    assert "root-1: not written" in result.stderr
    assert (home / "out" / "sessions" / "root-2" / "session.json").is_file()
