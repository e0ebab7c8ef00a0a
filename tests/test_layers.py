"""Which way imports point, what pure modules may touch, and how large things may grow: read from the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "hansard"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

LEVELS = {
    "errors": 0, "limits": 0, "model": 1, "codec": 2, "payloads": 3, "fold": 3, "query": 3, "backend": 4,
    "backends": 5, "store": 6, "opening": 6, "testing": 6, "aio": 7, "formats": 7, "adapters": 8,
    "cli": 9,
}  # fmt: skip
PURE = {"model", "codec", "payloads", "fold", "query", "errors", "limits"}
IMPURE = {
    "os", "io", "socket", "sqlite3", "apsw", "subprocess", "threading", "asyncio", "anyio", "pathlib", "time", "tempfile",
}  # fmt: skip
EXCEPTIONS = {
    ("codec/names.py", "os"),
    ("codec/names.py", "threading"),
    ("codec/names.py", "time"),
}
"""Ids and salts are drawn there."""

FILE_LINES_MAX, FUNCTION_LINES_MAX, CLASS_METHODS_MAX = 400, 60, 18


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """("own" or "foreign", top-level module) of every import in a file, however deep it stands."""
    package = ("hansard", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            whole = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            whole = [base] if len(base) > 1 or base != ["hansard"] else [[*base, alias.name] for alias in node.names]
        else:
            continue
        for parts in whole:
            if parts[0] != "hansard":
                yield "foreign", parts[0]
            elif len(parts) > 1:
                yield "own", parts[1]


def test_the_table_names_every_package():
    parts = {part_of(path) for path in FILES} - {"__init__", "__main__"}
    assert parts == set(LEVELS)


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) in LEVELS], ids=name_of)
def test_a_module_imports_from_its_own_layer_or_a_lower_one(path):
    mine = LEVELS[part_of(path)]
    wrong = {name for kind, name in imports_of(path) if kind == "own" and LEVELS.get(name, -1) > mine}
    assert not wrong, f"{name_of(path)} reaches up to {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) in PURE], ids=name_of)
def test_a_pure_module_imports_nothing_that_does_io(path):
    wrong = {name for kind, name in imports_of(path) if kind == "foreign" and name in IMPURE}
    assert not {name for name in wrong if (name_of(path), name) not in EXCEPTIONS}


def test_packages_of_one_layer_form_no_circle():
    arrows: dict[str, set[str]] = {}
    for path in FILES:
        mine = part_of(path)
        if mine in LEVELS:
            same = {name for kind, name in imports_of(path) if kind == "own" and LEVELS.get(name) == LEVELS[mine]}
            arrows.setdefault(mine, set()).update(same - {mine})
    reach = {part: set(near) for part, near in arrows.items()}
    for middle, beyond in list(reach.items()):
        for found in reach.values():
            if middle in found:
                found.update(beyond)
    assert not sorted(part for part, found in reach.items() if part in found)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_grows_beyond_what_one_can_take_in(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            assert size <= FUNCTION_LINES_MAX, f"{node.name} has {size} lines"
        elif isinstance(node, ast.ClassDef):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
            public = [item.name for item in methods if not item.name.startswith("_")]
            assert len(public) <= CLASS_METHODS_MAX or part_of(path) == "testing", f"{node.name}: {len(public)} methods"


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) != "cli"], ids=name_of)
def test_the_library_prints_nothing(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not [call.lineno for call in calls if isinstance(call, ast.Name) and call.id == "print"]
