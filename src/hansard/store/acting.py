"""The part of a session handle that is about its work: questions, clearing, what it cost, the steps to each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import Invalid
from ..model.entry import Json
from ..model.info import Usage
from ..model.requests import Erasure
from ..query import where
from . import asking, clearing
from .queries import sessions_of
from .running import RunHandle, run_of
from .spending import sum_of
from .trajectory import Step, trajectory
from .writing import Writing


class Acting(Writing):
    """A session as those see it who work with it and pay for it."""

    def ask(
        self,
        question: str,
        options: Sequence[str] = (),
        *,
        allow_custom: bool = True,
        tool_call_id: str | None = None,
        tool_name: str | None = None,
        data: Mapping[str, Json] | None = None,
        status: str | None = "paused",
    ) -> int:
        """A person's answer is waited for: `info.fields["question"]` says for which, and `find(has_question=True)` finds it.

        `data` is kept beside the question. A question that waits already is replaced. Returns the session's last seq
        after it.

        Raises:
            Invalid: there is nothing to ask, or nothing to answer with.
        """
        asked = asking.question_of(
            question, options, allow_custom=allow_custom, tool_call_id=tool_call_id, tool_name=tool_name,
            data=dict(data or {}),
        )  # fmt: skip
        return self.modify(lambda draft: asking.ask(draft, asked, status))

    def answer(self, text: str, *, by: str | None = None, status: str | None = "pending", record: bool = True) -> int:
        """The question that waits is answered, and waits no more; once, however many answer at the same time.

        The answer is the result of the tool call that asked, or else a user message; with `record=False` neither is
        written. Returns the session's last seq after it.

        Raises:
            Conflict: no question waits.
            Invalid: the answer is none of the options, and only those are allowed.
        """
        if not isinstance(text, str):
            msg = f"answer: a text, not {type(text).__name__}"
            raise Invalid(msg)
        return self.modify(lambda draft: asking.answer(draft, text, status=status, by=by, record=record))

    def clear(
        self, *, keep_system: bool = True, erase: bool = False, by: str | None = None, reason: str | None = None
    ) -> Erasure | None:
        """Nothing is visible any more but the first system message, wherever it stood; no search finds what was said.

        Title, pin, labels, config, tasks, children and all costs stay; summary, gauge and a waiting question go. The
        record stays, too, unless it is erased: then messages, events, reasoning, archives and attachments are gone for
        good, also where forks show them, and the result says what the store can't reach. Repeating it is safe.

        Raises:
            Unsupported: it is to be erased, and the backend can't.
        """
        if erase:
            self._place.need("erase", "clear(erase=True)")
        backend = self._place.backend
        system = clearing.first_system(backend, self.id) if keep_system else None
        if not self._is_clear(system):
            self.modify(lambda draft: clearing.clear(draft, system))
        return clearing.erase_cleared(backend, self.id, by=by, reason=reason) if erase else None

    def _is_clear(self, system: Json) -> bool:
        """Whether the session was cleared and nothing was said since."""
        info = self.info
        return bool(info.cleared) and info.message_count == (system is not None) and info.summary is None

    def usage(self, *, tree: bool = False) -> Usage:
        """What the session's calls of models took, all in all; with `tree`, those of its descendants as well."""
        own = self.info
        if not tree:
            return own.usage
        found = [own.usage]
        backend, level = self._place.backend, [own.id]
        for one in level:
            for info in sessions_of(backend, where(parent=one), order="id", complete=True):
                level.append(info.id)
                found.append(info.usage)
        return sum_of(found)

    def run(
        self,
        *,
        agent: str | None = None,
        task: str | None = None,
        id: str | None = None,  # noqa: A002 - the field's name
        ttl_s: float = 60.0,
        data: Mapping[str, Json] | None = None,
    ) -> RunHandle:
        """A run on this session, begun and ended by `with`: status, sign of life, error, steps, tokens and cost.

        It is alone: while its lease, which is renewed all the time, has not run out for `ttl_s`, no other run begins. A
        run that dies is told from a live one by that lease. `data` is kept in the record of the run.

        Raises:
            Conflict: another run, or whoever else has the lease, is alive; when it is entered.
        """
        return run_of(self, id=id, agent=agent, task=task, ttl_s=ttl_s, data=data)

    def trajectory(self, *, answer: int | None = None) -> list[Step]:
        """The tool steps and spans of reasoning on record, each with the answer that it led to.

        With `answer`, the seq of an assistant message, those that led to this one.
        """
        return trajectory(self.entries(kinds=("message", "event")), answer=answer)
