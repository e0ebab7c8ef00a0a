"""The process that the demo kills: it appends turn after turn and tells each number once it is acknowledged."""

from __future__ import annotations

import itertools
import sys

import hansard


def main(url: str, session: str) -> None:
    """Append a tool call and its result, again and again, until somebody ends this process."""
    log = hansard.open(url, create=False).get(session)
    for number in itertools.count(1):
        call = hansard.tool_call(f"call-{number}", "measure", {"station": number})
        for entry in (hansard.assistant([call]), hansard.tool(f"call-{number}", f"station {number}: {number * 3} cm")):
            seq = log.append(entry)
            sys.stdout.write(f"{seq} {number} {entry.body['role']}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
