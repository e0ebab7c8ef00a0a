"""What each file of the sample directories of oxios and a3s-code has to become, written down from the formats' descriptions
before any of it was read."""

from __future__ import annotations

import pytest

import hansard
from hansard.formats import import_paths
from support.directories import samples

MAIN = "d23f0824-128b-4f33-8c5c-7fd0a6a3a450"

OXIOS = {
    f"sessions/{MAIN}.json": f"session {MAIN}",
    "sessions/36f675cc-81e7-4ef5-a8e2-5d940ed90475.json": "session 36f675cc-81e7-4ef5-a8e2-5d940ed90475",
    "sessions/6b0d549b-6f03-475a-9600-a35a099950d8.json": "session 6b0d549b-6f03-475a-9600-a35a099950d8",
    "sessions/9531985d-5d9d-49f8-9818-e811892f902b.json": "session 9531985d-5d9d-49f8-9818-e811892f902b",
    "sessions/telegram-chat-4471.json": "session telegram-chat-4471",
    "sessions/deadbeef-truncated.json": "damage line 2, column 9",
    f"sessions/{MAIN}.json.4242.a170b338-3926-4059-b28c-105d1fb17c23.tmp": "passed over",
    # Worked in a session that is here: a run of that session, told in the session's file.
    "agents/8d116ece-1738-47d9-bd9c-172411e20b8f.json": "part",
    "agents/90c192cf-d3ac-44af-8f21-ddb66cad4a26.json": "session 90c192cf-d3ac-44af-8f21-ddb66cad4a26",
    "cron/jobs.json": "document",
    f"knowledge-saves/{MAIN}.json": "document",
    "memory/facts/favourite-editor.md": "document",
    "personas/index.json": "document",
    "seeds/3a0f2a1e-0c9b-4a55-9d0a-1f2e3d4c5b6a.json": "document",
    "token-maxing/tm-1787211600000.json": "document",
}
V1 = {
    "legacy-one.json": "session legacy-one",
    "v1/sessions/id_aMOpbGxv.json": "session héllo",
    "v1/sessions/id_dGVhbS9hbHBoYQ.json": "session team/alpha",
    "v1/sessions/id_dGVhbV9hbHBoYQ.json": "session team_alpha",
    "v1/loop_checkpoints/id_cnVuLTk.json": "part",
    "v1/workflow_checkpoints/id_d2YtMQ.json": "document",
    "v1/wal/session-store.ndjson": "part",
    "v1/wal/session-store.lock": "passed over",
    "v1/writer_lease.json": "part",
}
DUPLICATE = {"dup.json": "session dup", "bad.json": "damage line 1, column 7"}


def became(report, folder):
    """What each file became, in one word or two."""
    found = {}
    for file in report.files:
        name = file.path.removeprefix(f"{folder}/")
        if file.damage:
            found[name] = f"damage {file.damage[0].place}"
        elif file.skipped:
            found[name] = "passed over"
        elif file.sessions:
            found[name] = f"session {file.sessions[0].id}"
        else:
            found[name] = "document" if file.documents else "part"
    return found


@pytest.mark.parametrize(
    ("where", "expected"),
    [("oxios_state", OXIOS), ("a3s_v1_handmade", V1), ("a3s_sessions/v3.1.0_dup_id_store", DUPLICATE)],
)
def test_each_file_becomes_what_was_expected_of_it(where, expected):
    folder = samples() / where
    with hansard.open("memory:") as store:
        found = became(import_paths(store, [folder]), folder)
    parts = {name: told for name, told in found.items() if name not in expected}
    assert {name: found.get(name) for name in expected} == expected
    assert set(parts.values()) <= {"part"}, "files beside the sessions of the older layout are parts of them"


def test_the_sessions_of_oxios_say_what_their_files_say():
    with hansard.open("memory:") as store:
        import_paths(store, [samples() / "oxios_state"])
        told = {
            info.id[:8]: (
                info.kind,
                info.user,
                info.title,
                info.title_source,
                info.project,
                info.labels,
                info.message_count,
            )
            for info in map(store.info, store.heads())
        }
        invoices = store.get(MAIN)
        steps = invoices.trajectory()
        runs = {
            run.id[:8]: (run.session[:8], run.status, run.steps, run.usage.input)
            for run in store.runs(kind=["root", "run"])
        }
        usage = store.info(MAIN).usage
    project = "6513270e-269e-4d37-b2a7-4de452e6b438"
    side = "Side question: " + "x" * 44 + "…"
    assert told == {
        "d23f0824": ("root", "web-user", "Open invoices", "given", project, {"persona": "researcher"}, 4),
        "36f675cc": ("child", "default", side, "derived", None, {}, 2),
        "6b0d549b": (
            "root", "web-user", "Build the report", "derived", "p-old-1", {"seed": "3a0f2a1e-0c9b-4a55-9d0a-1f2e3d4c5b6a"}, 2,
        ),
        "9531985d": ("root", "companion", None, None, None, {}, 0),
        "telegram": ("root", "telegram:4471", "hi", "derived", None, {}, 2),
        "90c192cf": ("run", None, "orphan", "given", None, {}, 0),
    }  # fmt: skip
    assert [(step.kind, step.name, step.summary[:6]) for step in steps] == [
        ("tool", "grep", "inv-17"), ("tool", "bash", "1240.5"), ("reasoning", "", "User w"),
    ]  # fmt: skip
    assert len({step.answer for step in steps}) == 1
    assert runs == {"8d116ece": ("d23f0824", "completed", 2, 1830), "90c192cf": ("90c192cf", "error", 0, 0)}
    assert (usage.input, usage.output, usage.cost) == (1830, 212, 0.0123)


def test_the_sessions_of_a3s_code_say_what_their_files_say():
    with hansard.open("memory:") as store:
        import_paths(store, [samples() / "a3s_sessions" / "v3.1.0_store"])
        tool, picture = store.get("tool-session"), store.get("attachment-session")
        policy = store.info("policy-session")
        runs = [(run.status, run.task) for run in store.runs() if run.session == "plan-session"]
        roles = [message.role for message in tool.messages()]
        image = picture.messages()[0].parts[0]
        kept = picture.attachment(image["attachment"])[:8] if "attachment" in image else image["url"][:22]
        entries = tool.info.entry_count
        usage = tool.info.usage
    assert runs == [("completed", "make a plan to say hello")]
    assert roles[:8] == ["user", "assistant", "tool", "assistant"] * 2
    assert kept in (b"\x89PNG\r\n\x1a\n", "data:image/png;base64,")
    assert entries < 200, "20,001 pieces of one output are kept together"
    assert usage.input > 1000
    assert policy.config["confirmation_policy"]["timeout_action"] in ("Reject", "AutoApprove")
    assert (policy.model, policy.provider, policy.status, policy.agent) == ("fake-1", "openai", None, "a3s-code")
