"""What any session says, as messages of LangChain: so that a graph goes on with what another program began."""

from __future__ import annotations

from collections import Counter
from typing import Final

try:
    from langchain_core.messages import BaseMessage, messages_from_dict
except ImportError as error:
    _MISSING: Final = "LangGraph is not installed: pip install 'hansard[langgraph]'"
    raise ImportError(_MISSING) from error

from ..aio import AsyncSession
from ..codec import values
from ..model.entry import Json
from ..payloads.langchain import encode
from ..store import Session
from .attached import Results, own_payload, with_files
from .langgraph_values import FORMAT
from .opened import sync_of


def conversation(session: Session | AsyncSession) -> list[BaseMessage]:
    """The history of a session as a graph takes it: `graph.invoke({"messages": [*conversation(session), …]}, config)`.

    Messages of LangGraph are as they were, and each of another program has the same id every time. So LangGraph adds to
    a thread what it does not have yet: give a thread the conversation when it is new, and again when others went on.
    """
    session = sync_of(session)
    found: list[Json] = []
    said: Counter[str] = Counter()
    results = Results(whole=True)
    for message in session.history():
        parts = results.wanted(message.parts)
        own = own_payload(session, message, format=FORMAT)
        if own is not None:
            found.append(values.decode(own.encode("utf-8", "surrogatepass")))
            continue
        for one in encode(message.role, with_files(parts, session.attachment)):
            if message.id:
                # A message may be several of LangChain's, and its results may stand in several places.
                number = said[message.id] = said[message.id] + 1
                one["data"]["id"] = message.id if number == 1 else f"{message.id}:{number}"
            found.append(one)
    return messages_from_dict(found)
