"""A Hypothesis state machine that does the same to any backend and to the memory backend, and compares after each step."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from .documents import Documents
from .frame import FreshMedium
from .reading import Reading
from .sessions import Sessions

__all__ = ["BackendMachine", "FreshMedium", "machine_for"]


class BackendMachine(Sessions, Documents, Reading):
    """Creates, appends, rewinds, forks, compacts, amends, erases, deletes, spawns and opens again, on both sides."""


def machine_for(fresh: FreshMedium, *, examples: int = 40, steps: int = 30, explore: bool = False) -> type:
    """A `unittest.TestCase` that runs the machine on the backend whose media `fresh` gives, for pytest to collect.

    The same examples each time, so that a change is what makes it fail; with `explore` other ones.
    """
    machine = type("Machine", (BackendMachine,), {"fresh": staticmethod(fresh)})
    case: type = machine.TestCase
    case.settings = settings(  # pyright: ignore[reportAttributeAccessIssue]
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not explore,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    return case
