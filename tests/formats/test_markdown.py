from __future__ import annotations

import re
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hansard.formats.markdown import write_markdown
from hansard.formats.safe import readable
from hansard.formats.view import CHARACTERS_SHOWN
from hansard.model.info import Message, SessionInfo
from support import hostile, samples

WEB = re.compile(r"https?://", re.IGNORECASE)


def parsed(document, *, html):
    markdown = MarkdownIt("commonmark", {"html": html}).enable(["table", "strikethrough"])
    markdown.validateLink = lambda _url: True
    tokens = markdown.parse(document)
    return tokens, [child for token in tokens for child in (token, *(token.children or ()))]


def document_of(text, **options):
    pieces = write_markdown(samples.info_of(text), samples.messages_of(text), events=samples.events_of(text), **options)
    return "".join(pieces)


def assert_harmless(document, *, sections):
    for html in (True, False):
        tokens, everything = parsed(document, html=html)
        for token in everything:
            assert token.type not in {"html_block", "html_inline", "image"}, token
            if token.type == "link_open":
                assert WEB.match(token.attrs["href"]), token
        tags = [token.tag for token in tokens if token.type == "heading_open" and token.tag in {"h1", "h2", "h3"}]
        assert tags == ["h1", *["h2"] * sections]
    document.encode()


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_in_every_place_takes_nothing_over(text):
    assert_harmless(document_of(text), sections=5)


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from([*"`<>[]()!|\\\n#=-~ *_&:ax", "```", "<script>", "](", "javascript:", "\x1b[", "\ud800"])
    ).map("".join)
)
def test_any_text_in_every_place_takes_nothing_over(text):
    assert_harmless(document_of(text), sections=5)


@pytest.mark.parametrize("text", hostile.HUGE)
def test_huge_text_is_cut_and_still_harmless(text):
    message = Message(1, "tool", ({"type": "tool_result", "call_id": "c", "content": text},))
    document = "".join(write_markdown(SessionInfo(id="s"), [message]))
    assert_harmless(document, sections=1)
    assert ("left out" in document) is (len(readable(text)) > CHARACTERS_SHOWN)
    assert len(document) < 40_000


def test_a_session_reads_as_a_document():
    messages = [
        Message(2, "user", ({"type": "text", "text": "Why is `a < b` **wrong**?"},), at=samples.AT),
        Message(
            3,
            "assistant",
            (
                {"type": "reasoning", "text": "Look first."},
                {"type": "tool_call", "id": "c1", "name": "run", "arguments": {"cmd": "ls"}},
            ),
            model="m-1",
        ),
        Message(4, "tool", ({"type": "tool_result", "call_id": "c1", "name": "run", "content": "a\n```\nb"},)),
    ]
    info = SessionInfo(id="s-1", title="A title", agent="coder", created_at=samples.AT)
    assert "".join(write_markdown(info, messages)) == (
        "# A title\n\n"
        "- **Session:** `s-1`\n- **Agent:** coder\n- **Created:** 2026-11-21 08:00:00 UTC\n\n"
        "## 2 · user · 2026-11-21 08:00:00 UTC\n\nWhy is `a < b` **wrong**?\n\n"
        "## 3 · assistant · m-1\n\n> **Reasoning**\n>\n> Look first.\n\n"
        '**Tool call** `run`\n\n```json\n{\n  "cmd": "ls"\n}\n```\n\n'
        "## 4 · tool\n\n**Tool result** `run`\n\n````\na\n```\nb\n````\n"
    )


def test_events_stand_where_they_happened():
    messages = [Message(1, "user", ()), Message(3, "assistant", ())]
    document = "".join(write_markdown(SessionInfo(id="s"), messages, events=samples.events_of("step")))
    order = [document.index(word) for word in ("## 1", "event step", "## 3", "6 · usage", "x-step", "`erased`")]
    assert order == sorted(order)
    assert "3 · message" not in document


def test_a_long_result_is_cut_unless_all_of_it_is_wanted():
    content = "".join(f"line {n}\n" for n in range(100))
    message = Message(1, "tool", ({"type": "tool_result", "call_id": "c", "content": content},))
    short = "".join(write_markdown(SessionInfo(id="s"), [message]))
    assert "line 39\n" in short
    assert "line 40\n" not in short
    left = len(content) - content.index("\nline 40")
    assert f"*{left:,} more characters on 61 more lines are left out*" in short
    assert "line 99\n" in "".join(write_markdown(SessionInfo(id="s"), [message], full=True))


def test_it_is_written_as_it_is_read():
    def endless():
        yield Message(1, "user", ({"type": "text", "text": "first"},))
        message = "read too far"
        raise AssertionError(message)

    pieces = write_markdown(SessionInfo(id="s"), endless())
    while next(pieces) != "\nfirst\n":
        pass


def test_a_file_in_the_message_itself_is_named_and_a_system_text_is_read_as_text():
    url = "data:image/png;base64," + b64encode(b"\x89PNG" + bytes(3000)).decode()
    parts = (
        {"type": "system", "text": "Be brief."},
        {"type": "file", "mime": "image/png", "url": url, "name": "tide"},
        {"type": "file", "mime": "text/plain", "url": "data:text/plain," + "x" * 3000},
    )
    document = "".join(write_markdown(SessionInfo(id="s"), [Message(1, "user", parts)]))
    assert "\nBe brief.\n" in document
    assert "*File:* tide, image/png, 3,004 bytes\n" in document
    assert "iVBOR" not in document
    assert "x" * 201 not in document
