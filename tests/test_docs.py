"""The documentation does what it says: its Python runs, its commands work and print what is shown, its links lead somewhere.

The blocks of a page run in order, in one namespace and one home folder in which two transcripts lie where the coding
agents would have put them. A line of a console block that does not begin with `$` must be in the output; `...` in it
stands for anything. Blocks of modules (`file=`) are run by the tests of what they explain.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from click.testing import CliRunner

import hansard
from hansard import limits
from hansard.cli.root import COMMANDS
from hansard.cli.root import hansard as program

TOP = Path(__file__).parent.parent
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").rglob("*.md"))]
SAMPLES = TOP / "src" / "hansard" / "samples"
BLOCK = re.compile(r"^```(python|console)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]*)?\)")


def name_of(page: Path) -> str:
    return page.relative_to(TOP).as_posix()


def blocks_of(page: Path) -> list[tuple[int, str, str]]:
    """(line, language, text) of the blocks that are run."""
    text = page.read_text(encoding="utf-8")
    found = BLOCK.finditer(text)
    return [(text.count("\n", 0, m.start()) + 2, m[1], m[3]) for m in found if "file=" not in m[2]]


RUNNABLE = [page for page in PAGES if blocks_of(page)]


def _module(path: Path):
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder with two transcripts and the folders of two other programs in it, as the current folder."""
    project = tmp_path / ".claude" / "projects" / "-home-mara-projects-tidewatch"
    rollouts = tmp_path / ".codex" / "sessions" / "2026" / "04" / "02"
    for folder, sample in ((project, "claude-code-session.jsonl"), (rollouts, "codex-rollout.jsonl")):
        folder.mkdir(parents=True)
        shutil.copy(SAMPLES / sample, folder)
    directories = _module(TOP / "tests" / "support" / "directories.py")
    directories.bamboo_home(tmp_path / ".bamboo")
    directories.crabtalk_home(tmp_path / ".crabtalk")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HANSARD_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_the_code_on_a_page_runs(page, home, capsys):
    names: dict[str, object] = {"__name__": "__main__"}
    for line, language, text in blocks_of(page):
        if language == "python":
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)
        else:
            run_console(text, f"{name_of(page)}, line {line}")
    for value in names.values():
        if isinstance(value, hansard.Store):
            value.close()


def run_console(text: str, where: str) -> None:
    shown = ""
    for line in text.splitlines():
        if line.startswith("$ "):
            shown = run_command(line[2:], where)
        elif line.strip():
            pattern = ".*".join(re.escape(piece) for piece in line.split("..."))
            assert re.search(pattern, shown), f"{where}: {line!r} is not in\n{shown}"


def run_command(line: str, where: str) -> str:
    if any(sign in line for sign in "|>$;&"):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-ec", line], capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
        assert done.returncode == 0, f"{where}: {line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
    words = [str(Path(word).expanduser()) if word.startswith("~") else word for word in shlex.split(line)]
    assert words[0] == "hansard", f"{where}: only hansard is run here, not {words[0]}"
    result = CliRunner().invoke(program, words[1:])
    assert result.exit_code == 0, f"{where}: {line}\n{result.output}"
    return result.output


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target, anchor in LINK.findall(text):
        goal = (page.parent / target).resolve() if target else page
        assert goal.exists(), f"{target} is not there"
        if anchor and goal.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", goal.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}, anchor


def test_every_page_can_be_reached_from_the_readme():
    reached: set[Path] = set()
    following = [(TOP / "README.md").resolve()]
    while following:
        page = following.pop()
        reached.add(page)
        targets = {target for target, _ in LINK.findall(page.read_text(encoding="utf-8")) if target.endswith(".md")}
        following += {(page.parent / target).resolve() for target in targets} - reached
    assert {page.resolve() for page in PAGES if "docs" in page.parts} <= reached


def test_the_page_of_the_command_line_is_the_programs_own_help():
    module = _module(TOP / "scripts" / "cli_reference.py")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run `make docs`"


def test_every_command_is_in_the_overview_as_its_own_help_says():
    for name in COMMANDS:
        command = program.get_command(None, name)
        assert command is not None
        assert command.name == name


def test_every_bound_on_the_limits_page_is_that_of_the_code():
    page = (TOP / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| (.*) \| `(\w+)` \|$", page, re.MULTILINE)
    units = {"": 1, "KiB": limits.KIB, "MiB": limits.MIB, "GiB": limits.GIB}
    assert len(rows) >= 10
    for told, constant in rows:
        numbers = re.findall(r"([\d,]+)(?: ([KMG]iB))?", told)
        values = {int(number.replace(",", "")) * units[unit] for number, unit in numbers}
        assert getattr(limits, constant) in values, f"{constant}: {told}"


def test_the_tests_that_durability_names_are_there_and_all_of_the_crash_tests_are_named():
    page = (TOP / "docs/explanation/durability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    assert [name for name in sorted(named) if not (TOP / name).is_file()] == []
    there = {path.relative_to(TOP).as_posix() for path in TOP.glob("tests/*/test_*.py")}
    assert {name for name in there if name.startswith(("tests/crash/", "tests/hostile/"))} <= named
    for name in named:
        assert "def test_" in (TOP / name).read_text(encoding="utf-8")
    targets = (TOP / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in targets for target in re.findall(r"`make (\w+)`", page))
