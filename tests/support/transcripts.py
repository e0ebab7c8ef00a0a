"""Small transcripts for the tests, made line by line."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from random import Random

import pytest

SAMPLES = Path(__file__).parents[2] / "src" / "hansard" / "samples"
IMAGE = b"\x89PNG\r\n\x1a\n" + Random(5).randbytes(2400)
IMAGE64 = b64encode(IMAGE).decode()


def corpus() -> Path:
    place = os.environ.get("HANSARD_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus"
    if not Path(place).is_dir():
        pytest.skip(f"no corpus of real transcripts at {place}; set HANSARD_CORPUS")
    return Path(place)


def write(path: Path, *rows: object, end: str = "\n") -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + end).encode())
    return path


def claude(kind: str, uuid: str, parent: str | None, message: object = None, **fields: object) -> dict[str, object]:
    row = {"parentUuid": parent, "isSidechain": False, "sessionId": "s-1", "type": kind, "uuid": uuid, **fields}
    row.setdefault("timestamp", "2026-05-01T10:00:00.000Z")
    if message is not None:
        row["message"] = message
    return row


def prompt(uuid: str, parent: str | None, text: object, **fields: object) -> dict[str, object]:
    return claude("user", uuid, parent, {"role": "user", "content": text}, **fields)


def answer(
    uuid: str,
    parent: str | None,
    text: str,
    *,
    call: str = "",
    output: int = 5,
    stop: str | None = None,
    **fields: object,
) -> dict[str, object]:
    message = {
        "role": "assistant",
        "model": "claude-test-1",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": output, "cache_read_input_tokens": 100},
    }
    if call:
        message["id"] = call
    return claude("assistant", uuid, parent, message, **fields)


def codex(kind: str, **payload: object) -> dict[str, object]:
    return {"timestamp": "2026-05-01T10:00:00.000Z", "type": kind, "payload": payload}


def said(role: str, text: str) -> dict[str, object]:
    kind = "output_text" if role == "assistant" else "input_text"
    return codex("response_item", type="message", role=role, content=[{"type": kind, "text": text}])


def tokens(entering: int, output: int, total: int) -> dict[str, object]:
    last = {"input_tokens": entering, "cached_input_tokens": 4, "output_tokens": output, "reasoning_output_tokens": 1}
    info = {"last_token_usage": last, "total_token_usage": {"total_tokens": total}, "model_context_window": 1000}
    return codex("event_msg", type="token_count", info=info)
