"""What the encoders share: which parts of a message go to another provider, and in which order providers take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ..model.entry import Json, Part
from .pieces import json_text, text_of

_INLINE: Final = "data:"
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
"""What most APIs take neither in the name of a tool nor in the id of a call."""


class Said(NamedTuple):
    """The parts of a message that is no answer, apart as providers want them."""

    results: list[Part]
    """Results of tools, which are to follow on their calls at once."""
    system: list[str]
    """What the system says in the middle of a message."""
    rest: list[Part]


def told(role: str, parts: Sequence[Part]) -> Said:
    """The parts of a message, without blank texts, and without reasoning, which only its own provider can take back."""
    said = Said([], [], [])
    for part in parts:
        kind = part.get("type")
        if kind == "tool_result":
            said.results.append(part)
        elif _says_nothing(part):
            continue
        elif kind == "system" or (role == "system" and kind == "text"):
            said.system.append(str(part.get("text", "")))
        else:
            said.rest.append(part)
    return said


def is_answer(role: str, parts: Sequence[Part]) -> bool:
    """Whether a message is an answer of the model; some programs give results of earlier calls in its name, too."""
    if role != "assistant":
        return False
    said = [part for part in parts if not _says_nothing(part)]
    return not said or any(part.get("type") != "tool_result" for part in said)


def apart(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """The results in an answer whose calls are in an earlier message, and all its other parts."""
    calls = {str(part.get("id")) for part in parts if part.get("type") == "tool_call"}
    late: list[Part] = []
    rest: list[Part] = []
    for part in parts:
        is_late = part.get("type") == "tool_result" and str(part.get("call_id")) not in calls
        (late if is_late else rest).append(part)
    return late, rest


def answered(parts: Sequence[Part]) -> list[Part]:
    """The parts of an answer, without reasoning and blank texts.

    A call that is answered in the same message was run by its provider: both are one part of the kind `server_tool`.
    So is a result alone, as no provider takes one here: see `is_answer` and `apart`.
    """
    results = {str(part.get("call_id")): part for part in parts if part.get("type") == "tool_result"}
    alone = {id(part) for part in apart(parts)[0]}
    found: list[Part] = []
    for part in parts:
        kind, key = part.get("type"), str(part.get("id"))
        if kind == "tool_call" and key in results:
            known = {name: part.get(name) for name in ("id", "name", "arguments")}
            found.append({"type": "server_tool", **known, "content": results[key].get("content")})
        elif kind == "tool_result" and id(part) in alone:
            found.append({"type": "server_tool", "id": part.get("call_id"), "content": part.get("content")})
        elif kind != "tool_result" and not _says_nothing(part):
            found.append(part)
    return found


def has_files(content: Json) -> bool:
    """Whether what a tool gave holds files."""
    return isinstance(content, list) and any(_is_file(item) for item in content)


def given(content: Json) -> list[Part]:
    """What a tool gave, as texts and files."""
    if not has_files(content):
        return [{"type": "text", "text": result_text(content)}]
    return [item if _is_file(item) else {"type": "text", "text": text_of([item])} for item in content]


def result_text(content: Json) -> str:
    """What a tool gave, in words: parts one after another, any other value as JSON."""
    if isinstance(content, list) and not all(isinstance(item, dict) and "type" in item for item in content):
        return json_text(content)
    return text_of(content)


def arguments_of(part: Part) -> dict[str, Json]:
    """The arguments of a call as an object, which is what most providers take."""
    said = part.get("arguments")
    return said if isinstance(said, dict) else {} if said is None or said == "" else {"value": said}


def tool_name(part: Part) -> str:
    """The name of the tool of a call, in the letters that most providers take."""
    return _NO_NAME.sub("_", str(part.get("name", ""))) or "tool"


def call_id(value: Json) -> str:
    """The id of a call, in the letters that most providers take."""
    return _NO_NAME.sub("_", str(value or "")) or "call"


def inline(part: Part) -> str | None:
    """The base64 of a file whose bytes are in the part; None for other files."""
    url = part.get("url")
    return url.partition(",")[2] if isinstance(url, str) and url.startswith(_INLINE) else None


def words(parts: Iterable[Part]) -> str:
    """Parts in words, one after another."""
    return text_of(list(parts))


def _says_nothing(part: Part) -> bool:
    kind, text = part.get("type"), part.get("text")
    return kind == "reasoning" or (kind in ("text", "system") and isinstance(text, str) and not text.strip())


def _is_file(part: Json) -> bool:
    return isinstance(part, dict) and part.get("type") == "file" and isinstance(part.get("url"), str)
