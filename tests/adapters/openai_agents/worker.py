"""One of several processes that add to one session of the OpenAI Agents SDK; see tests/support/sharing.py."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from hansard.adapters.openai_agents import HansardSession
from support.sharing import TASKS


async def main(folder, name, seconds):
    session = HansardSession("s", folder)
    end = time.monotonic() + seconds
    said = {}

    async def one(task):
        count = 0
        while time.monotonic() < end if seconds else count < 10:
            await session.add_items([{"role": "user", "content": f"{task}.{count + n}"} for n in range(2)])
            count += 2
            if count % 10 == 0:
                newest = [item["content"] for item in await session.get_items(400)]
                mine = [content for content in newest if content.startswith(f"{task}.")]
                if mine:
                    assert mine[-1] == f"{task}.{count - 1}"
                else:
                    # Only where all of the newest were said by others meanwhile.
                    all_said = [item["content"] for item in await session.get_items()]
                    assert all_said.index(newest[-1]) - all_said.index(f"{task}.{count - 1}") >= 400
        said[task] = count

    await asyncio.gather(*(one(f"{name}.{task}") for task in range(TASKS)))
    session.close()
    sys.stdout.write(json.dumps(said))


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
