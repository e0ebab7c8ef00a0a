"""What a user may import: that it is there, documented, listed in order, and cheap to load."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hansard

PACKAGE = Path(__file__).parent.parent / "src" / "hansard"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
HEAVY = ("apsw", "anyio", "asyncio", "click", "rich", "html", "http", "sqlite3", "trio", "hypothesis", "pytest")
"""Drivers, frameworks and the like that `import hansard` leaves alone."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def listed(module: str) -> list[str]:
    """`__all__` as it stands in the source."""
    path = PACKAGE / module.replace(".", "/") / "__init__.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return ast.literal_eval(node.value)
    return []


@pytest.mark.parametrize("name", hansard.__all__)
def test_every_public_name_can_be_had_and_is_documented(name):
    value = getattr(hansard, name)
    if name not in ("__version__", "ANY", "KEEP"):
        assert (value.__doc__ or "").strip()


def test_the_public_names_stand_in_the_order_of_the_alphabet():
    constants = sorted(name for name in hansard.__all__ if name.isupper())
    classes = sorted(name for name in hansard.__all__ if name[0].isupper() and not name.isupper())
    others = sorted(name for name in hansard.__all__ if not name[0].isupper())
    assert hansard.__all__ == [*constants, *classes, *others]


def test_dir_shows_the_public_names():
    assert set(hansard.__all__) <= set(dir(hansard))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_like_this"):
        hansard.nothing_like_this  # noqa: B018 - the look is the test


@pytest.mark.parametrize("module", ["aio", "store", "formats", "testing", "query", "fold"])
def test_every_name_in_all_of_a_package_can_be_had(module):
    if not listed(module):
        pytest.fail(f"hansard.{module} says nothing of what is public")
    loaded = importlib.import_module(f"hansard.{module}")
    assert [name for name in listed(module) if not hasattr(loaded, name)] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_everything_public_in_a_module_is_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) or not tree.body, "the module does not say why it exists"
    missing = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            # The shipped suite's tests and rules are sentences by their names.
            inside = node.body if isinstance(node, ast.ClassDef) and "testing" not in path.parts else []
            methods = [item for item in inside if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
            documented = [node, *(item for item in methods if not item.name.startswith("_") and not overloaded(item))]
            missing += [item.name for item in documented if not ast.get_docstring(item)]
    assert not missing


def overloaded(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(item, ast.Name) and item.id == "overload" for item in node.decorator_list) or any(
        isinstance(item, ast.Attribute) and item.attr == "setter" for item in node.decorator_list
    )


def run_python(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return done.stdout


def test_importing_hansard_loads_no_driver_and_no_framework():
    loaded = run_python("import sys, hansard; print(*sys.modules)").split()
    assert [name for name in HEAVY if name in loaded] == []


def test_importing_hansard_loads_little_of_itself():
    # What it takes in milliseconds is for the benchmarks to say.
    loaded = run_python("import sys, hansard; print(*sys.modules)").split()
    assert [name for name in loaded if name.startswith("hansard.")] == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
