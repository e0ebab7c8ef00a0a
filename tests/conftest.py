"""What all tests share: `support` is importable, a run has one PostgreSQL server, and its end tells what was counted."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from support import counts, postgres, stores

# How long an example takes on a machine that does other things too says nothing of what it shows.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def _begins_the_run(config) -> bool:
    return not hasattr(config, "workerinput")


def pytest_configure(config):
    if _begins_the_run(config):
        os.environ["HANSARD_TEST_PARENT"] = str(os.getpid())
        postgres.begin_run()


def pytest_unconfigure(config):
    stores.drop_databases()
    if _begins_the_run(config):
        postgres.end_run()


def pytest_itemcollected(item):
    counts.note(item)


def pytest_terminal_summary(terminalreporter):
    passed, failed = (terminalreporter.stats.get(outcome, []) for outcome in ("passed", "failed"))
    sections = {
        "tests that each backend passed": counts.lines(passed),
        "what was counted": counts.told(passed + failed),
    }
    for title, found in sections.items():
        if found:
            terminalreporter.section(title)
            terminalreporter.write("\n".join([*found, ""]))


def pytest_report_header():
    if importlib.util.find_spec("psycopg") is None:
        return "PostgreSQL: tests/postgres is left out, psycopg is not installed; `make test` has it"
    return None
