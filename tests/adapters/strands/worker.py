"""One of several processes that write one session of Strands; see tests/support/sharing.py."""

from __future__ import annotations

import json
import random
import sys
import threading
import time

from strands.types.exceptions import SessionException
from strands.types.session import SessionMessage

from hansard.adapters.strands import HansardSessionRepository
from support.sharing import TASKS


def main(folder, name, seconds):
    repository = HansardSessionRepository(folder)
    end = time.monotonic() + seconds
    said = {}

    def one(task):
        count, index = 0, 0
        while time.monotonic() < end or not count if seconds else count < 3:
            message = {"role": "user", "content": [{"text": f"{task}.{count}"}]}
            try:
                repository.create_message("s", "a", SessionMessage.from_message(message, index))
            except SessionException:
                time.sleep(random.uniform(0, 0.05))
                newest = repository.list_messages("s", "a", offset=index)
                index = newest[-1].message_id + 1 if newest else index
                continue
            count, index = count + 1, index + 1
        said[task] = count

    threads = [threading.Thread(target=one, args=(f"{name}.{task}",)) for task in range(TASKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    repository.close()
    sys.stdout.write(json.dumps(said))


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
