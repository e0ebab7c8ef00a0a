"""Run the tests of the adapters, each with its framework alone, in the newest and the oldest version that is supported.

python scripts/adapters.py                      all of tests/adapters/frameworks.toml
python scripts/adapters.py strands              one framework
python scripts/adapters.py --newest --upstream  which versions, and the framework's own tests with our classes in place
python scripts/adapters.py --types              pyright on each adapter, beside the newest version of its framework

Environments and sources are kept under .build/adapters/ and used again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / ".build" / "adapters"
TESTS = TOP / "tests" / "adapters"
WAYS = ("types", "newest", "oldest", "upstream")
TOOLS = ("psycopg[binary]>=3.3", "pytest>=9", "pytest-randomly>=4", "pytest-timeout", "hypothesis>=6.130", "trio>=0.30")


def say(text: str) -> None:
    """Tell what happens, beside what the tests print."""
    print(f"\n== {text}", file=sys.stderr, flush=True)


def environment(name: str, packages: list[str]) -> Path:
    """The Python of an environment with Hansard and these packages; made, or brought up to date."""
    place = BUILD / name
    python = place / "bin" / "python"
    uv = shutil.which("uv") or str(TOP / ".build" / "tools" / "bin" / "uv")
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    wanted = ["--editable", str(TOP), *TOOLS, *packages]
    if Path(uv).exists():
        if not python.exists():
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True, env=clean)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True, env=clean)
    else:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", place], check=True, env=clean)
        # An environment that uv has made has no pip of its own.
        subprocess.run([python, "-m", "ensurepip"], check=False, env=clean, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True, env=clean)
    return python


def pytest(python: Path, arguments: list[str], *, where: Path, path: list[Path]) -> bool:
    """Whether the tests pass."""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, check=False, cwd=where, env=variables).returncode == 0


def source(python: Path, package: str) -> Path:
    """The unpacked sdist of a package, `name==version`."""
    name, _, version = package.partition("==")
    place = BUILD / "sources" / f"{name.replace('-', '_')}-{version}"
    if not place.exists():
        build = ["hatchling", "hatch-vcs", "setuptools", "pip"]
        subprocess.run([python, "-m", "ensurepip"], check=False, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *build], check=True)
        command = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        command += ["--no-build-isolation", "--dest", BUILD / "sources", package]
        subprocess.run(command, check=True)
        shutil.unpack_archive(place.with_name(f"{place.name}.tar.gz"), place.parent)
    return place


def upstream(name: str, suite: dict[str, object]) -> bool:
    """Whether the framework's own tests pass with our classes in place, those left out that are private to its own."""
    package = str(suite["sdist"])
    python = environment(f"{name}-upstream", [package, *map(str, suite["needs"])])  # type: ignore[call-overload]
    place = source(python, package)
    private: dict[str, list[str]] = suite.get("private", {})  # type: ignore[assignment]
    for reason, tests in private.items():
        say(f"{name}: left out, because it {reason}: {', '.join(tests)}")
    words = [test for tests in private.values() for test in tests]
    arguments = ["-p", "no:randomly", "-p", str(suite["plugin"]), "--timeout", "120"]
    arguments += ["-o", "asyncio_default_fixture_loop_scope=function", *map(str, suite["tests"])]  # type: ignore[call-overload]
    if words:
        arguments += ["-k", f"not ({' or '.join(words)})"]
    return pytest(python, arguments, where=place, path=[TESTS / name, place])


def typed(name: str, python: Path) -> bool:
    """Whether pyright finds nothing in the modules of an adapter, as strict as with all else."""
    settings = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyright"]
    settings = {key: value for key, value in settings.items() if key not in ("ignore", "venv", "venvPath")}
    modules = sorted((TOP / "src" / "hansard" / "adapters").glob(f"{name}*.py"))
    settings["include"] = [os.path.relpath(module, BUILD) for module in modules]
    place = BUILD / f"types-{name}.json"
    place.write_text(json.dumps(settings), encoding="utf-8")
    command = [Path(sys.executable).with_name("pyright"), "--project", place, "--pythonpath", python]
    return subprocess.run(command, check=False, cwd=BUILD).returncode == 0


def main() -> int:
    """Run what is asked for; 1 if anything fails."""
    known = tomllib.loads((TESTS / "frameworks.toml").read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="framework", help=f"{', '.join(known)}; none means all")
    for option in WAYS:
        parser.add_argument(f"--{option}", action="store_true")
    asked = parser.parse_args()
    unknown = sorted({*asked.names} - {*known})
    if unknown:
        parser.error(f"no framework {unknown[0]!r}; there are {', '.join(known)}")
    wanted = [option for option in WAYS if getattr(asked, option)]
    failed: list[str] = []
    for name in asked.names or known:
        for which in wanted or WAYS:
            if which not in (*known[name], "types"):
                continue
            say(f"{name}, {which}")
            if which == "upstream":
                passed = upstream(name, known[name]["upstream"])
            elif which == "types":
                passed = typed(name, environment(f"{name}-newest", known[name]["newest"]))
            else:
                python = environment(f"{name}-{which}", known[name][which])
                passed = pytest(python, [f"tests/adapters/{name}"], where=TOP, path=[TOP])
            if not passed:
                failed.append(f"{name} ({which})")
    say(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
