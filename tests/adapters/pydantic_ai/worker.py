"""One of several processes that save one conversation of pydantic-ai; see tests/support/sharing.py."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import ModelRequest, UserPromptPart

from hansard.adapters.pydantic_ai import HansardConversationStore
from support.sharing import TASKS


async def main(folder, name, seconds):
    store = HansardConversationStore(folder)
    end = time.monotonic() + seconds
    said = {}

    async def one(task):
        count = 0
        while time.monotonic() < end or not count if seconds else count < 2:
            conversation = await store.load("s", limit=2) or Conversation(conversation_id="s")
            conversation.messages.append(ModelRequest(parts=[UserPromptPart(content=f"{task}.{count}")]))
            try:
                await store.save(conversation)
            except ConversationConflict:
                await asyncio.sleep(random.uniform(0, 0.05))
                continue
            count += 1
        said[task] = count

    await asyncio.gather(*(one(f"{name}.{task}") for task in range(TASKS)))
    store.close()
    sys.stdout.write(json.dumps(said))


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
