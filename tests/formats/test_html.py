from __future__ import annotations

from base64 import b64encode
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.errors import NotFound
from hansard.formats.html import IMAGE_BYTES_MAX, write_html
from hansard.model.info import Message, SessionInfo
from support import hostile, samples

TAGS = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"}, "title": set(),
    "style": set(), "body": set(), "header": set(), "h1": {"dir"}, "dl": set(), "dt": set(), "dd": {"dir"},
    "main": set(), "section": {"class", "id"}, "h2": set(), "a": {"href"}, "small": set(), "div": {"class", "dir"},
    "details": {"class", "open"}, "summary": set(), "code": set(), "pre": set(), "p": {"class", "dir"},
    "figure": set(), "img": {"src", "alt"}, "figcaption": set(),
}  # fmt: skip
VOID = {"meta", "img"}
CLASSES = {"user", "assistant", "tool", "system", "other", "text", "text reasoning", "error", "note", "item"}


class Page(HTMLParser):
    """Reads a page, refuses what no page of ours holds, and collects what was said."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.said, self.styles, self.images = [], [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= TAGS[tag], (tag, attrs)
        values = dict(attrs)
        assert len(values) == len(attrs)
        assert values.get("class", "user") in CLASSES
        if tag == "a":
            assert values["href"].removeprefix("#e").isdigit()
        if tag == "img":
            assert values["src"].startswith("data:image/png;base64,")
            self.images.append(values["src"])
        if "id" in values:
            self.ids.append(values["id"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.styles if self.open[-1:] == ["style"] else self.said).append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_pi(self, data):
        raise AssertionError(data)

    def unknown_decl(self, data):
        raise AssertionError(data)


def page_of(text, **options):
    info, messages, events = samples.info_of(text), samples.messages_of(text), samples.events_of(text)
    return "".join(write_html(info, messages, events=events, **options))


def held(sha256):
    if sha256 != samples.PIXEL_HASH:
        message = f"no attachment {sha256}"
        raise NotFound(message)
    return samples.PIXEL


def assert_harmless(text):
    page = page_of(text, attachment=held)
    page.encode()
    read = Page(page)
    assert read.ids == ["e1", "e3", "e4", "e5"]
    assert read.images == ["data:image/png;base64," + b64encode(samples.PIXEL).decode()] * 2
    assert len(read.styles) == 1
    return read


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_in_every_place_stays_text(text):
    assert_harmless(text)


@settings(max_examples=60)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["<", ">", "&", '"', "'", "/", "script", "--", "!", "=", " ", "\x00", "\ud800"])).map(
            "".join
        ),
    )
)
def test_any_text_in_every_place_stays_text(text):
    assert_harmless(text)


@pytest.mark.parametrize("text", hostile.HTML)
def test_what_was_said_can_be_read(text):
    assert text in "".join(assert_harmless(text).said)


def test_the_page_may_load_nothing():
    page = page_of("x")
    policy = page.split('Content-Security-Policy" content="')[1].split('"')[0]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "url(" not in page
    assert "@import" not in page
    assert page.index("Content-Security-Policy") < page.index("<style>")


@pytest.mark.parametrize(
    ("mime", "size"),
    [
        ("image/svg+xml", 10),
        ("text/html", 10),
        ("image/png;x", 10),
        ("IMAGE/PNG", 10),
        ("image/png", IMAGE_BYTES_MAX + 1),
    ],
)
def test_other_files_are_named_and_not_read(mime, size):
    def read(_sha256):
        message = "nobody asked for it"
        raise AssertionError(message)

    part = {"type": "file", "mime": mime, "attachment": "ab" * 32, "size": size, "name": "f"}
    page = "".join(write_html(SessionInfo(id="s"), [Message(1, "user", (part,))], attachment=read))
    assert not Page(page).images
    assert "ab" * 32 in page


def test_an_image_that_says_less_than_it_is_is_not_shown():
    part = {"type": "file", "mime": "image/png", "attachment": "ab" * 32, "size": 1}
    page = "".join(
        write_html(SessionInfo(id="s"), [Message(1, "user", (part,))], attachment=lambda _: bytes(IMAGE_BYTES_MAX + 1))
    )
    assert not Page(page).images


def test_an_image_that_is_gone_is_said_to_be_gone():
    part = {"type": "file", "mime": "image/png", "attachment": "ab" * 32, "size": 1}
    page = "".join(write_html(SessionInfo(id="s"), [Message(1, "user", (part,))], attachment=held))
    assert f"no attachment {'ab' * 32}" in page


def test_results_are_folded_and_the_longest_cut():
    message = Message(1, "tool", ({"type": "tool_result", "call_id": "c", "content": "line\n" * 3000},))
    page = "".join(write_html(SessionInfo(id="s"), [message]))
    assert "<details><summary>Tool result <code>c</code></summary>" in page
    assert "1,001 more lines are left out" in page
    assert "left out" not in "".join(write_html(SessionInfo(id="s"), [message], full=True))


def test_an_image_in_the_message_itself_is_shown_and_anything_else_there_is_named():
    def url(mime, data):
        return f"data:{mime};base64,{b64encode(data).decode()}"

    image, paper = b"\x89PNG" + bytes(40), b"%PDF" + bytes(4000)
    parts = (
        {"type": "file", "mime": "image/png", "url": url("image/png", image), "name": "tide"},
        {"type": "file", "mime": "application/pdf", "url": url("application/pdf", paper), "name": "chart"},
    )
    text = "".join(write_html(SessionInfo(id="s"), [Message(1, "user", parts)]))
    assert Page(text).images == [url("image/png", image)]
    assert "chart, application/pdf, 4,004 bytes" in text
    assert b64encode(paper).decode()[:200] not in text
