"""Told at the end of a run: how many tests each backend passed, by what they are about; and what tests have counted."""

from __future__ import annotations

from collections import Counter

PROPERTY = "backend"
TOLD = "told"
"""What a test records under this name is told."""
BACKENDS = ("memory", "file", "postgres")
COLUMNS = ("verbs", "sync door", "async door", "four stores sync", "four stores async", "state machine")
_NAMES = {"postgresql": "postgres"}
_DOORS = {"sync": "sync", "async": "async", "asyncio": "async", "trio": "async"}


def note(item):
    """Have the report of a test say which backend it is about, and which column it counts in."""
    said = about(item)
    if said is not None:
        item.user_properties.append((PROPERTY, said))


def about(item):
    """ "backend/column" of a test that runs on several backends; None for any other."""
    callspec = getattr(item, "callspec", None)
    given = [] if callspec is None else [one for one in callspec.params.values() if isinstance(one, str)]
    module = item.module.__name__.rpartition(".")[2]
    named = [_NAMES.get(one, one) for one in given]
    if item.path.parent.name == "contract":
        backend = module.removeprefix("test_")
    else:
        backend = next((one for one in named if one in BACKENDS), None)
    if backend not in BACKENDS:
        return None
    return f"{backend}/{column(item, given)}"


def column(item, given):
    """What a test counts as."""
    if "BesideMemory" in item.nodeid:
        return "state machine"
    door = next((_DOORS[one] for one in given if one in _DOORS), None)
    if getattr(item.function, "__module__", "").endswith(".suites.originals"):
        return f"four stores {door or 'sync'}"
    if door is not None:
        return f"{door} door"
    return "verbs" if item.path.parent.name == "contract" else "sync door"


def lines(passed):
    """The table, from the reports of what passed; nothing where no such test ran."""
    counts = Counter(said for report in passed for name, said in report.user_properties if name == PROPERTY)
    if not counts:
        return []
    head = f"{'passed':<10}" + "".join(f"{one:>18}" for one in COLUMNS)
    rows = [
        f"{backend:<10}" + "".join(f"{counts[f'{backend}/{one}']:>18}" for one in COLUMNS)
        for backend in BACKENDS
        if any(counts[f"{backend}/{one}"] for one in COLUMNS)
    ]
    return [head, *rows]


def told(reports):
    """What tests have counted themselves, a line each."""
    return sorted(said for report in reports for name, said in report.user_properties if name == TOLD)
