"""Questions that wait for a person, and their answers: in the log, in the fields, and so in every listing."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Conflict, Invalid
from ..model.entry import Json, NewEntry, event, tool, user
from .modifying import Draft


def question_of(
    question: str, options: Sequence[str], *, allow_custom: bool, tool_call_id: str | None, tool_name: str | None,
    data: dict[str, Json],
) -> dict[str, Json]:  # fmt: skip
    """A question as the field `question` holds it.

    Raises:
        Invalid: it is no text, or an option is none.
    """
    if not isinstance(question, str) or not question.strip():
        msg = f"question: a text for a person to answer, not {question!r}"
        raise Invalid(msg)
    if isinstance(options, str) or not all(isinstance(option, str) for option in options):
        msg = f"options: a list of texts to choose from, not {options!r}"
        raise Invalid(msg)
    if not options and not allow_custom:
        msg = "allow_custom: False leaves nothing to answer with, as there are no options"
        raise Invalid(msg)
    found: dict[str, Json] = {"question": question, "options": list(options), "allow_custom": allow_custom}
    said = {"tool_call_id": tool_call_id, "tool_name": tool_name}
    return found | {key: value for key, value in said.items() if value is not None} | data


def ask(draft: Draft, question: dict[str, Json], status: str | None) -> None:
    """Have a session wait for an answer. A question that waits already is replaced; the log keeps both."""
    draft.append(event("question", question))
    draft.set(question=question)
    if status is not None:
        draft.set(status=status)


def answer(draft: Draft, text: str, *, status: str | None, by: str | None, record: bool) -> None:
    """Answer the question that waits.

    Raises:
        Conflict: none waits.
        Invalid: the answer is none of the options.
    """
    info = draft.info
    question = info.fields.get("question")
    if not isinstance(question, dict):
        msg = f"session {info.id!r}: no question waits for an answer; somebody may have answered it already"
        raise Conflict(msg, seq=info.seq)
    options = question.get("options")
    if isinstance(options, list) and options and question.get("allow_custom") is False and text not in options:
        msg = f"answer: one of {', '.join(map(repr, options))}, not {text!r}"
        raise Invalid(msg)
    call = question.get("tool_call_id")
    said: dict[str, Json] = {"question": question.get("question"), "answer": text}
    entries: list[NewEntry] = [event("answer", said | ({"by": by} if by is not None else {}))]
    if record:
        entries.append(tool(call, text) if isinstance(call, str) and call else user(text, name=by))
    draft.append(entries)
    draft.clear("question")
    if status is not None:
        draft.set(status=status)
