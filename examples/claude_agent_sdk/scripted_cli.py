#!/usr/bin/env python3
"""Stands in for the Claude Code program, without a model: it reads a gauge with a tool, then answers.

It keeps its transcript as the program does, in $CLAUDE_CONFIG_DIR, mirrors every line to the SDK, and when it resumes a
transcript that ends in the middle of a tool call, it says so and calls the tool again. With GAUGE_HANGS set the tool
never comes back.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import uuid
from pathlib import Path

ARGUMENTS = dict(
    argument[2:].split("=", 1) for argument in sys.argv[1:] if argument.startswith("--") and "=" in argument
)
SESSION = ARGUMENTS.get("resume") or ARGUMENTS.get("session-id") or str(uuid.uuid4())
CONFIG = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
TRANSCRIPT = CONFIG / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", os.path.realpath(Path.cwd())) / f"{SESSION}.jsonl"


def emit(frame):
    sys.stdout.write(json.dumps(frame) + "\n")
    sys.stdout.flush()


def lines():
    text = TRANSCRIPT.read_text(encoding="utf-8") if TRANSCRIPT.exists() else ""
    return [json.loads(line) for line in text.splitlines()]


def write(kind, content, **message):
    """One line of the transcript: on disk first, then to the SDK as mirror and as message."""
    before = lines()
    entry = {
        "type": kind,
        "uuid": str(uuid.uuid4()),
        "parentUuid": before[-1]["uuid"] if before else None,
        "sessionId": SESSION,
        "cwd": str(Path.cwd()),
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "message": {"role": kind, "content": content, **message},
    }
    TRANSCRIPT.parent.mkdir(parents=True, exist_ok=True)
    with TRANSCRIPT.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    emit({"type": "transcript_mirror", "filePath": str(TRANSCRIPT), "entries": [entry]})
    if kind == "assistant":
        emit({"type": kind, "message": entry["message"], "session_id": SESSION, "uuid": entry["uuid"]})


def says(content, call):
    usage = {"input_tokens": 20, "output_tokens": 5}
    write("assistant", content, id=call, type="message", model="scripted", usage=usage, stop_reason=None)


def open_call():
    """The id of the tool call that has no result yet."""
    blocks = [block for line in lines() for block in line["message"]["content"] if isinstance(block, dict)]
    done = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
    return next((block["id"] for block in blocks if block["type"] == "tool_use" and block["id"] not in done), None)


def turn(prompt):
    emit(
        {
            "type": "system",
            "subtype": "init",
            "session_id": SESSION,
            "cwd": str(Path.cwd()),
            "tools": ["read_gauge"],
            "model": "scripted",
        }
    )
    lost = open_call()
    if lost is not None:
        write("user", [{"type": "tool_result", "tool_use_id": lost, "is_error": True, "content": "interrupted"}])
    write("user", prompt)
    call = f"call-{len(lines())}"
    says([{"type": "tool_use", "id": call, "name": "read_gauge", "input": {"place": "pier"}}], f"msg-{call}")
    while os.environ.get("GAUGE_HANGS"):
        time.sleep(0.05)
        if os.getppid() == 1:
            return
    write("user", [{"type": "tool_result", "tool_use_id": call, "content": "2.4 m"}])
    says([{"type": "text", "text": "The tide stands at 2.4 m at the pier."}], f"msg-{call}-answer")
    emit({
        "type": "result", "subtype": "success", "is_error": False, "duration_ms": 1, "duration_api_ms": 1, "num_turns": 1,
        "session_id": SESSION, "total_cost_usd": 0.0, "usage": {}, "result": "The tide stands at 2.4 m at the pier.",
    })  # fmt: skip


def main():
    if "-v" in sys.argv or "--version" in sys.argv:
        print("2.1.0 (Claude Code)")
        return
    for text in sys.stdin:
        frame = json.loads(text)
        if frame["type"] == "control_request":
            answer = {"subtype": "success", "request_id": frame["request_id"], "response": {}}
            emit({"type": "control_response", "response": answer})
        elif frame["type"] == "user":
            turn(frame["message"]["content"])


if __name__ == "__main__":
    main()
