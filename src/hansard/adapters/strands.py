"""Strands Agents on Hansard: a `SessionRepository` for its session managers, and a `Storage` for bytes under keys.

    repository = HansardSessionRepository("file:///var/lib/agents")
    manager = RepositorySessionManager("support-4711", repository)
    agent = Agent(agent_id="helper", session_manager=manager)

The first agent of a session has its messages in the session itself; each further one has a child of it. Messages are
entries in the order in which they were written. The index that a client chose is checked under the session's lock, so
of two writers that choose the same one, one is told.
"""

from __future__ import annotations

import builtins
import copy
import json
from typing import TYPE_CHECKING, Any, Final

try:
    from strands.session.session_repository import SessionRepository
    from strands.storage import storage
    from strands.storage.search.keyword import KeywordSearchStrategy
    from strands.types.exceptions import SessionException, StorageError
    from strands.types.session import Session, SessionAgent, SessionMessage, SessionType
except ImportError as error:  # pragma: no cover - said to whoever lacks it
    _MISSING: Final = "Strands Agents is not installed, or too old: pip install 'hansard[strands]'"
    raise ImportError(_MISSING) from error

from ..aio import threaded
from ..errors import AlreadyExists, HansardError, NotFound
from ..model.entry import Json, NewEntry
from ..store import Draft
from ..store import Session as Log
from .opened import AnyStore, opened
from .strands_messages import Indexed, amendment, behind, conversation, indexed, message_entries
from .strands_values import Values, beginning_of, path_of

if TYPE_CHECKING:
    from strands.multiagent import MultiAgentBase
    from strands.storage.storage import StorageSearchResult

# Strands leaves a storage that carries this mark as it is, instead of setting it under a prefix of its own.
_NAMESPACED: Final = getattr(storage, "_NAMESPACED", None)
# It keeps beside a snapshot what would be gone with a storage that carries this one.
_EPHEMERAL: Final = getattr(storage, "_EPHEMERAL", None)

_FIELD: Final = "strands"
_AGENT: Final = "strands.agent"
_GROUP: Final = "strands.multi_agent:"
_LABEL: Final = "strands.agent:"


class HansardSessionRepository(SessionRepository):
    """Sessions of Strands, each the session with the same id. Sessions of other programs are read as well.

    `store` is an open store of either door, or the place of one, which is then opened here and closed by `close()`.
    `user` and `project` are given to new sessions. Each agent is a label of its session, `strands.agent:<id>`, so that
    `store.find(labels={"strands.agent:helper": "1"})` finds where it takes part.

    Redacting a message amends it: the redaction is shown, and what it was stays on record until it is erased.
    """

    def __init__(self, store: AnyStore = None, *, user: str | None = None, project: str | None = None) -> None:
        """Open the store if it is only named."""
        self._async_store, self._owned = opened(store)
        self._store = self._async_store.sync
        self._user, self._project = user, project

    def close(self) -> None:
        """The store is closed if it was opened here."""
        if self._owned:
            self._store.close()

    def create_session(self, session: Session, **kwargs: Any) -> Session:
        """The session is there, without agents.

        Raises:
            SessionException: it exists.
        """
        noted = NewEntry(kind="update", body={"set": {_FIELD: {"session": _plain(session.to_dict())}}})
        try:
            self._store.create(id=session.session_id, user=self._user, project=self._project, entries=noted)
        except AlreadyExists:
            msg = f"Session {session.session_id} already exists"
            raise SessionException(msg) from None
        return session

    def read_session(self, session_id: str, **kwargs: Any) -> Session | None:
        """The session; None if there is none."""
        log = self._log(session_id)
        if log is None:
            return None
        info = log.info
        known = info.fields.get(_FIELD)
        if isinstance(known, dict) and isinstance(known.get("session"), dict):
            return Session.from_dict({**known["session"], "session_id": info.id})
        return Session(info.id, SessionType.AGENT, created_at=info.created_at, updated_at=info.updated_at)

    def create_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """The agent takes part in the session.

        Raises:
            SessionException: it does already, or there is no such session.
        """
        log = self._needed(session_id)
        agent_id, said = session_agent.agent_id, _plain(session_agent.to_dict())
        label = NewEntry(kind="update", body={"labels": {"set": {f"{_LABEL}{agent_id}": "1"}}})
        is_first = False

        def begin(draft: Draft) -> None:
            nonlocal is_first
            known = draft.info.fields.get(_FIELD)
            known = known if isinstance(known, dict) else {}
            is_first = known.get("agent", agent_id) == agent_id
            if is_first:
                _record_new(draft, agent_id, said)
                draft.set(**{_FIELD: {**known, "agent": agent_id}})
            if f"{_LABEL}{agent_id}" not in draft.info.labels:
                draft.append(label)

        log.modify(begin)
        if not is_first:
            child = log.spawn(name=_child(agent_id), agent=agent_id)
            child.modify(lambda draft: _record_new(draft, agent_id, said))

    def read_agent(self, session_id: str, agent_id: str, **kwargs: Any) -> SessionAgent | None:
        """The agent; None if it takes no part in the session."""
        log = self._log_of(session_id, agent_id)
        return None if log is None else SessionAgent.from_dict(log.state[_AGENT])

    def update_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """The agent is as given, made when it was made.

        Raises:
            SessionException: it takes no part in the session.
        """
        log, said = self._needed_of(session_id, session_agent.agent_id), _plain(session_agent.to_dict())

        def update(draft: Draft) -> None:
            known = draft.state[_AGENT]
            draft.state[_AGENT] = {**said, "created_at": known["created_at"]}

        log.modify(update)

    def create_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any) -> None:
        """The message is durable, behind the agent's last one. Repeating exactly this call adds nothing.

        Raises:
            SessionException: its index is not behind that of the last message, which another writer may have added.
        """
        log = self._needed_of(session_id, agent_id)
        said, index = _plain(session_message.to_dict()), session_message.message_id

        def write(draft: Draft) -> None:
            last = indexed(log, newest=1)
            if last and last[-1].index >= index:
                _check_same(_at(log, index), said, agent_id, last[-1].index)
            else:
                draft.append(message_entries(said, agent=agent_id))

        log.modify(write)

    def read_message(self, session_id: str, agent_id: str, message_id: int, **kwargs: Any) -> SessionMessage | None:
        """The message with this index; None if there is none."""
        log = self._log_of(session_id, agent_id)
        found = None if log is None else _at(log, message_id)
        return None if found is None else _message(found)

    def update_message(self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any) -> None:
        """The message shows what is given, or what it was redacted to. It keeps its place and its time.

        Raises:
            SessionException: the agent has no message with this index.
        """
        log = self._needed_of(session_id, agent_id)
        found = _at(log, session_message.message_id)
        if found is None:
            msg = f"Message {session_message.message_id} does not exist in session {session_id}"
            raise SessionException(msg)
        log.append(amendment(found, _plain(session_message.to_dict()), agent=agent_id))

    def list_messages(
        self, session_id: str, agent_id: str, limit: int | None = None, offset: int = 0, **kwargs: Any
    ) -> list[SessionMessage]:
        """The agent's messages in order, without the first `offset`, at most `limit`. Reads what it gives."""
        log = self._log_of(session_id, agent_id)
        found = [] if log is None else behind(log, offset)
        return [_message(item) for item in (found if limit is None else found[:limit])]

    def conversation(self, session_id: str) -> list[Any]:
        """The messages of any session, as an agent takes them: `Agent(messages=repository.conversation(id), …)`."""
        said = conversation(self._needed(session_id))
        return [SessionMessage.from_dict({"message": message, "message_id": 0}).to_message() for message in said]

    def create_multi_agent(self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any) -> None:
        """The state of a group of agents is kept."""
        self._needed(session_id).append(state={f"{_GROUP}{multi_agent.id}": _plain(multi_agent.serialize_state())})

    def read_multi_agent(self, session_id: str, multi_agent_id: str, **kwargs: Any) -> dict[str, Any] | None:
        """The state of a group of agents; None if there is none."""
        log = self._log(session_id)
        return None if log is None else log.state.get(f"{_GROUP}{multi_agent_id}")

    def update_multi_agent(self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any) -> None:
        """The state of a group of agents is as it is now.

        Raises:
            SessionException: the session has no such group.
        """
        log, key = self._needed(session_id), f"{_GROUP}{multi_agent.id}"
        if key not in log.state:
            msg = f"MultiAgent {multi_agent.id} does not exist in session {session_id}"
            raise SessionException(msg)
        log.append(state={key: _plain(multi_agent.serialize_state())})

    def delete_session(self, session_id: str, **kwargs: Any) -> None:
        """The session and its agents are gone.

        Raises:
            SessionException: there is no such session.
        """
        self._needed(session_id).delete(force=True)

    def _log(self, session_id: str) -> Log | None:
        try:
            return self._store.get(session_id)
        except NotFound:
            return None

    def _needed(self, session_id: str) -> Log:
        log = self._log(session_id)
        if log is None:
            msg = f"Session {session_id} does not exist"
            raise SessionException(msg)
        return log

    def _log_of(self, session_id: str, agent_id: str) -> Log | None:
        """The log of an agent; None if it takes no part in the session."""
        log = self._log(session_id)
        if log is None:
            return None
        info = log.info
        known = info.fields.get(_FIELD)
        if isinstance(known, dict) and known.get("agent") == agent_id:
            return log
        if f"{_LABEL}{agent_id}" not in info.labels:
            return None
        # The label came first, so after a crash the agent may not be there; then nobody was told that it is.
        child = log.spawn(name=_child(agent_id), agent=agent_id)
        return child if _AGENT in child.state else None

    def _needed_of(self, session_id: str, agent_id: str) -> Log:
        log = self._log_of(session_id, agent_id)
        if log is None:
            self._needed(session_id)
            msg = f"Agent {agent_id} does not exist in session {session_id}"
            raise SessionException(msg)
        return log


class HansardStorage:
    """Bytes under keys, as snapshots and other parts of Strands keep them; each key is a session of its own kind.

    Keys are paths: runs of `/` count as one, and `..` is refused. A write replaces what was there, durably and whole;
    the last writer wins. Older values are erased when a few have gathered. `hansard list` does not show these sessions.
    """

    def __init__(self, store: AnyStore = None, *, name: str = "strands", search_strategy: Any = None) -> None:
        """Open the store if it is only named. `name` keeps the keys of several programs apart."""
        async_store, self._owned = opened(store)
        self._values = Values(async_store.sync, name)
        self._prefix = ""
        self._namespaced: object = None
        self._ephemeral = None if "persistent" in self._values.store.capabilities else _EPHEMERAL
        self._search_strategy = search_strategy

    def close(self) -> None:
        """The store is closed if it was opened here."""
        if self._owned:
            self._values.store.close()

    async def write(self, key: str, data: bytes) -> None:
        """The bytes are durable under the key."""
        await _stored(lambda: self._values.write(self._prefix + path_of(key), bytes(data)))
        if self._search_strategy is not None:
            try:
                await self._search_strategy.index(self, path_of(key), data)
            except Exception as error:
                msg = f"Wrote '{key}' but indexing failed"
                raise StorageError(msg) from error

    async def read(self, key: str) -> bytes | None:
        """The bytes under the key; None if there are none."""
        return await _stored(lambda: self._values.read(self._prefix + path_of(key)))

    async def delete(self, key: str) -> None:
        """Nothing is under the key."""
        await _stored(lambda: self._values.delete(self._prefix + path_of(key)))

    async def list(self, query: str = "") -> builtins.list[str]:
        """The keys that begin with this, sorted."""
        keys = await _stored(lambda: self._values.keys(self._prefix + beginning_of(query)))
        return [key[len(self._prefix) :] for key in keys]

    async def search(self, query: str) -> builtins.list[StorageSearchResult]:
        """What the search strategy finds; without one, values that share words with the query, best first."""
        strategy = self._search_strategy if self._search_strategy is not None else KeywordSearchStrategy()
        return await strategy.search(self, query)

    def namespace(self, prefix: str) -> HansardStorage:
        """The same storage, seen from below a prefix."""
        scoped = copy.copy(self)
        scoped._namespaced = _NAMESPACED  # noqa: SLF001 - of its own class
        inner = beginning_of(prefix).rstrip("/")
        scoped._prefix = f"{self._prefix}{inner}/" if inner else self._prefix  # noqa: SLF001 - of its own class
        return scoped

    def clear(self) -> None:
        """Nothing is under any key that is seen from here."""
        for key in self._values.keys(self._prefix):
            self._values.delete(key)


async def _stored(call: Any) -> Any:
    try:
        return await threaded(call)
    except HansardError as error:
        raise StorageError(str(error)) from error


def _plain(value: Any) -> Any:
    """The value as JSON has it: enumerations are words, tuples lists."""
    return json.loads(json.dumps(value))


def _child(agent_id: str) -> str:
    return f"strands:{agent_id}"


def _record_new(draft: Draft, agent_id: str, said: dict[str, Json]) -> None:
    if _AGENT in draft.state:
        msg = f"Agent {agent_id} already exists in session {draft.info.root}"
        raise SessionException(msg)
    draft.state[_AGENT] = said


def _at(log: Log, index: int) -> Indexed | None:
    """The message with an index, which is usually one of the newest."""
    count = 4
    while True:
        found = indexed(log, newest=count)
        for item in found:
            if item.index == index:
                return item
        if len(found) < count or found[0].index < index:
            return None
        count *= 4


def _check_same(found: Indexed | None, said: dict[str, Any], agent_id: str, last: int) -> None:
    """Return if this very message is at its index already.

    Raises:
        SessionException: something else is, or the index was left out and is passed by now.
    """
    if found is not None:
        same = found.message == said["message"] and found.created_at == said["created_at"]
        told = {key: said["message"].get(key) for key in ("role", "content")}
        if same or (found.foreign and told == found.message):
            return
    msg = (
        f"Message {said['message_id']} already exists or was passed by: agent {agent_id} has messages up to {last}, "
        "perhaps of another writer. Restore the agent to go on from there"
    )
    raise SessionException(msg)


def _message(found: Indexed) -> SessionMessage:
    return SessionMessage.from_dict({
        "message": found.message, "message_id": found.index, "redact_message": found.redacted,
        "created_at": found.created_at, "updated_at": found.updated_at,
    })  # fmt: skip
