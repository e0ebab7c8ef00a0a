"""The search language: whatever a person types → a Search. No text raises; what can't be meant is looked for as words.

Words are all looked for; `OR` between two of them asks for either. `"a phrase"`, `prefix*`, `-not`. `name:value` filters
are described in docs/reference/search.md. The same filter twice asks for either value, different ones for both.
"""

from __future__ import annotations

import re
from typing import Final

from ..codec import times
from .condition import EVERYTHING, All, AnyOf, Condition, Field, Has, Not
from .search import NOTHING, And, Or, Phrase, Search, Text, Without, Word
from .tokens import is_dense, stream

TERMS_MAX: Final = 100
"""Words and phrases of one search; more are left out, with a note."""

PHRASE_TOKENS_MAX: Final = 200

_TERM: Final = re.compile(
    r"""
    (?P<minus>-(?=[^\s-]))?
    (?:
        (?P<name>[A-Za-z]+):(?:(?P<key>[^\s="]+)=)?"(?P<value>[^"]*)"(?P<open>\*)?(?=\s|$)
      | "(?P<quoted>[^"]*)(?:"(?P<star>\*)?|$)
      | (?P<bare>\S+)
    )
    """,
    re.VERBOSE,
)
_BARE_FILTER: Final = re.compile(r"([A-Za-z]+):(?!//)(.+)", re.DOTALL)
_FIELDS: Final = {
    "agent": "agent", "user": "user", "project": "project", "model": "model", "provider": "provider",
    "status": "status", "kind": "kind", "session": "id", "root": "root",
}  # fmt: skip
_FLAGS: Final[dict[str, Condition]] = {
    "pinned": Field("pinned", "=", True),
    "damaged": Field("damaged", "=", True),
    "running": Field("status", "=", "running"),
    "empty": Field("is_empty", "=", True),
    "fork": Field("is_fork", "=", True),
}
_ORDERED: Final = {"after": ">=", "before": "<"}


def parse(text: str, *, now_us: int | None = None) -> Search:
    """The search that a text asks for. `now_us` is what `after:7d` counts from; without it such a filter is words."""
    return _Parser(now_us).run(text)


class _Parser:
    """One run over one text."""

    def __init__(self, now_us: int | None) -> None:
        self._now_us = now_us
        self._groups: list[list[Text]] = []
        self._without: list[Text] = []
        self._titles: list[Text] = []
        self._conditions: dict[tuple[str, bool], list[Condition]] = {}
        self._names: dict[tuple[str, bool], list[str]] = {}
        self._errors: bool | None = None
        self._with_tools = False
        self._notes: dict[str, None] = {}
        self._words = False
        self._terms = 0
        self._either = False

    def run(self, text: str) -> Search:
        found = list(_TERM.finditer(text))
        for number, match in enumerate(found):
            joins = 0 < number < len(found) - 1
            if joins and match["bare"] in ("OR", "AND") and not match["minus"]:
                self._either = match["bare"] == "OR"
                continue
            self._take(match)
        return Search(
            text=self._text(),
            condition=self._condition(),
            title=_joined(self._titles),
            roles=self._named("role", negative=False),
            without_roles=self._named("role", negative=True),
            tools=self._named("tool", negative=False),
            without_tools=self._named("tool", negative=True),
            errors=self._errors,
            with_tools=self._with_tools,
            notes=tuple(self._notes),
            source=text,
        )

    def _text(self) -> Text | None:
        groups: list[Text] = [
            group[0] if len(group) == 1 else Or(tuple(dict.fromkeys(group))) for group in self._groups
        ]
        items = (*dict.fromkeys(groups), *dict.fromkeys(self._without))
        if not items:
            return NOTHING if self._words else None
        return items[0] if len(items) == 1 else And(items)

    def _condition(self) -> Condition:
        items: list[Condition] = []
        for (_, negative), group in self._conditions.items():
            one = group[0] if len(group) == 1 else AnyOf(tuple(group))
            items.append(Not(one) if negative else one)
        return EVERYTHING if not items else items[0] if len(items) == 1 else All(tuple(items))

    def _named(self, name: str, *, negative: bool) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._names.get((name, negative), ())))

    def _note(self, words: str) -> None:
        if len(self._notes) < TERMS_MAX:
            self._notes[words] = None

    # -- terms ---------------------------------------------------------------------------------------------------

    def _take(self, match: re.Match[str]) -> None:
        minus = match["minus"] is not None
        if match["quoted"] is not None:
            self._word(match["quoted"], minus=minus, star=match["star"] is not None)
            return
        if match["name"] is not None:
            value = match["value"] + (match["open"] or "")
            if match["key"] is not None:
                value = f"{match['key']}={value}"
            name, whole = match["name"], match[0].removeprefix("-")
        else:
            whole = match["bare"]
            split = _BARE_FILTER.fullmatch(whole)
            name, value = (split[1], split[2].strip('"')) if split else (whole.partition(":")[0], "")
            if not split and not whole.endswith(":"):
                name = ""
        if name.casefold() in _ALL_NAMES:
            problem = self._filter(name.casefold(), value, minus=minus)
            if problem is None:
                self._leave_either()
                return
            self._note(f"{whole}: {problem}; looked for as words")
        self._word(whole.removesuffix("*"), minus=minus, star=whole.endswith("*"))

    def _leave_either(self) -> None:
        if self._either:
            self._note("OR stands between words only; filters always count")
        self._either = False

    def _word(self, text: str, *, minus: bool, star: bool) -> None:
        self._words = True
        either, self._either = self._either, False
        leaf = leaf_of(text, star=star)
        if leaf is None:
            self._note(f"nothing to look for in {text[:40]!r}")
            return
        if not minus and not either and [leaf] in self._groups[-TERMS_MAX:]:
            return
        self._terms += 1
        if self._terms > TERMS_MAX:
            self._note(f"more than {TERMS_MAX} words; the rest is left out")
            return
        if minus:
            self._without.append(Without(leaf))
        elif either and self._groups:
            self._groups[-1].append(leaf)
        else:
            self._groups.append([leaf])

    # -- filters -------------------------------------------------------------------------------------------------

    def _filter(self, name: str, value: str, *, minus: bool) -> str | None:
        """Take a filter over; else what is wrong with it."""
        if not value:
            return "no value"
        if name in ("role", "tool"):
            self._names.setdefault((name, minus), []).append(value.casefold())
            return None
        if name == "is" and value.casefold() == "error":
            self._errors = not minus
            return None
        if name == "in":
            if value.casefold() not in ("tool", "tools") or minus:
                return "in: takes tool"
            self._with_tools = True
            return None
        if name == "title":
            leaf = leaf_of(value.removesuffix("*"), star=value.endswith("*"))
            if leaf is None:
                return "nothing to look for"
            self._titles.append(Without(leaf) if minus else leaf)
            return None
        made = self._condition_of(name, value)
        if isinstance(made, str):
            return made
        group, condition = made
        self._conditions.setdefault((group, minus), []).append(condition)
        return None

    def _condition_of(self, name: str, value: str) -> tuple[str, Condition] | str:
        if name in _FIELDS:
            return name, _field(_FIELDS[name], value)
        if name == "label":
            key, equals, wanted = value.partition("=")
            held = Has("labels", key, wanted) if equals else Not(Has("labels", key, None))
            return f"label:{key}", held
        if name == "is":
            flag = _FLAGS.get(value.casefold())
            return (f"is:{value.casefold()}", flag) if flag else f"is: takes error, {', '.join(_FLAGS)}"
        moment = times.meant(value, now_us=self._now_us)
        if moment is None:
            return "no time; use 2026-11-01, 2026-11-01T08:00:00Z or 7d"
        op = _ORDERED[name]
        return f"{name}:{value}", Field("updated_at", op, times.stamp(moment))  # pyright: ignore[reportArgumentType]


_ALL_NAMES: Final = frozenset((*_FIELDS, "role", "tool", "is", "in", "title", "label", *_ORDERED))


def _field(name: str, value: str) -> Condition:
    if not value.endswith("*"):
        return Field(name, "=", value)
    begin = value[:-1]
    return All((Field(name, ">=", begin), Field(name, "<", begin + "\U0010ffff")))


def _joined(items: list[Text]) -> Text | None:
    return None if not items else items[0] if len(items) == 1 else And(tuple(items))


def leaf_of(text: str, *, star: bool = False) -> Word | Phrase | None:
    """What finds a word or phrase as it was typed; None if it has no tokens.

    A single character of a script without spaces is looked for as a beginning: texts hold each of theirs as one.
    """
    found = stream(text, ends=False)[:PHRASE_TOKENS_MAX]
    if not found:
        return None
    last = found[-1]
    prefix = star or (len(last) == 1 and is_dense(last))
    return Word(last, prefix) if len(found) == 1 else Phrase(tuple(found), prefix)
