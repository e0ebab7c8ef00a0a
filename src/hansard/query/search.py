"""What a search asks for, as a value: a small tree over tokens, a condition on sessions, and filters on entries."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from .condition import EVERYTHING, Condition


class Word(msgspec.Struct, frozen=True, tag=True):
    """A token, or with `prefix` any token that begins with it."""

    token: str
    prefix: bool = False


class Phrase(msgspec.Struct, frozen=True, tag=True):
    """Tokens one after the other; with `prefix` the last one may go on."""

    tokens: tuple[str, ...]
    prefix: bool = False


class And(msgspec.Struct, frozen=True, tag=True):
    """Every item is found in one piece of text."""

    items: tuple[Text, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """At least one item is found; without items nothing is."""

    items: tuple[Text, ...]


class Without(msgspec.Struct, frozen=True, tag=True):
    """The item is in none of the pieces of the entry that the search looks at."""

    item: Text


Text: TypeAlias = Word | Phrase | And | Or | Without

NOTHING: Final = Or(())
"""Is found nowhere."""

SAID_ROLES: Final = frozenset(("user", "assistant", "system", "developer", "summary", "title"))
"""Roles that are searched unless a filter asks for tool output. Any other role but `tool` counts as one of them."""

TOOL_ROLE: Final = "tool"
"""Role of what tools were given and have answered; searched on request."""


class Search(msgspec.Struct, frozen=True):
    """A parsed search. Made by `parse`, or by hand."""

    text: Text | None = None
    """None: every entry with text that the filters let through."""
    condition: Condition = EVERYTHING
    """On the session."""
    title: Text | None = None
    """On the tokens of the session's title."""
    roles: tuple[str, ...] = ()
    """One of these; () is every role but tool output."""
    without_roles: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    """A call of, or an answer by, one of these tools, named by their casefolded name."""
    without_tools: tuple[str, ...] = ()
    errors: bool | None = None
    """True: only tool results that are errors; False: none of them."""
    with_tools: bool = False
    """Look at what tools were given and have answered, too."""
    notes: tuple[str, ...] = ()
    """What of the text was understood otherwise than it may have been meant, in words."""
    source: str = ""
    """The text it was parsed from."""

    @property
    def everything(self) -> bool:
        """There is no text to find; entries are listed by the filters alone."""
        return self.text is None

    @property
    def in_said(self) -> bool:
        """It looks at what people and models said, at titles and at summaries."""
        if self.errors:
            return False
        return not self.roles or any(role != TOOL_ROLE for role in self.roles)

    @property
    def in_tools(self) -> bool:
        """It looks at what tools were given and have answered."""
        if self.roles:
            return TOOL_ROLE in self.roles
        if TOOL_ROLE in self.without_roles:
            return False
        return self.with_tools or bool(self.tools) or self.errors is True
