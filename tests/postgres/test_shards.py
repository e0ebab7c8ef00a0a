"""What the how-to on clusters says of shards, held against the tables: no key lacks the column that they are cut by."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from support import postgres

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql-cluster.md"
UNIQUE = """
    SELECT t.relname, i.indexrelid::regclass::text, array_agg(a.attname::text ORDER BY k.place)
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE n.nspname = 'hansard' AND i.indisunique GROUP BY 1, 2
"""
FORBIDDEN = """
    SELECT 'trigger ' || tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'hansard'
    UNION ALL SELECT 'sequence ' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname = 'hansard' AND relkind = 'S'
    UNION ALL SELECT contype::text || ' ' || conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace
    WHERE nspname = 'hansard' AND contype IN ('f', 'x')
    UNION ALL SELECT 'function ' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname = 'hansard'
"""


def distributed():
    """The column that each table is cut by, as the page says."""
    text = PAGE.read_text(encoding="utf-8")
    found = dict(re.findall(r"create_distributed_table\('hansard\.(\w+)', '(\w+)'", text))
    listed = re.search(r"create_distributed_table\(t, '(\w+)', .*?ARRAY\[(.*?)\]", text, re.DOTALL)
    return found | dict.fromkeys(re.findall(r"hansard\.(\w+)", listed[2]), listed[1])


def test_every_table_of_sessions_is_cut_by_a_column_of_all_of_its_keys(conninfo):
    columns = distributed()
    assert set(columns) >= set(postgres.TABLES)
    with psycopg.connect(conninfo) as con:
        keys = con.execute(UNIQUE).fetchall()
    assert {table for table, _, _ in keys} >= set(postgres.TABLES)
    for table, key, names in keys:
        if table in columns:
            assert columns[table] in names, f"{key} ({', '.join(names)}) lacks {columns[table]}"


def test_all_that_belongs_to_a_session_is_cut_by_its_root(conninfo):
    columns = distributed()
    with psycopg.connect(conninfo) as con:
        keys = {table: names for table, key, names in con.execute(UNIQUE) if key.endswith("_pkey")}
    of_sessions = {table for table, names in keys.items() if {"root", "session"} <= set(names)}
    assert len(of_sessions) == 8
    assert {columns[table] for table in of_sessions} == {"root"}
    assert all(keys[table][:3] == ["tenant", "root", "session"] for table in of_sessions)
    assert {table: column for table, column in columns.items() if column != "root"} == {
        "ids": "id",
        "pairs": "pair",
        "documents": "document",
    }


def test_the_tables_have_nothing_that_shards_refuse(conninfo):
    with psycopg.connect(conninfo) as con:
        assert con.execute(FORBIDDEN).fetchall() == []


def test_no_statement_takes_a_value_from_the_servers_clock():
    from hansard.backends.postgres.statements import statements

    for name in ("sessions", "entries", "trees", "attachments", "documents", "texts", "upkeep"):
        for title, text in statements(name).items():
            assert not re.search(r"\bnow\(\)|clock_timestamp|current_timestamp|advisory", text, re.IGNORECASE), title
