"""The page on the four stores names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "explanation" / "four-stores.md"


def test_every_test_that_the_page_names_is_there():
    sources = [*(TOP / "tests").rglob("*.py"), *(TOP / "src" / "hansard" / "testing" / "suites").glob("*.py")]
    there = {path.name for path in sources}
    for path in sources:
        there.update(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8")))
    named = re.findall(r"`(?:[\w/]+/)?(test_\w+(?:\.py)?)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) > 80
    assert [name for name in named if name not in there] == []


def test_every_row_names_a_test_that_every_backend_gets():
    suites = (TOP / "src" / "hansard" / "testing" / "suites").glob("*.py")
    contract = {name for path in suites for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))}
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    # Row 28, the directories, has a table of its own.
    without = [line for line in lines[:-1] if not contract.intersection(re.findall(r"`(test_\w+)`", line))]
    assert lines[-1].startswith("| 28 |")
    assert without == []


def test_every_row_but_that_of_encryption_has_its_line():
    rows = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert list(map(int, rows)) == [row for row in range(1, 29) if row != 25]
