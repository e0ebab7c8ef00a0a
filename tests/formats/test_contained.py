from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hansard.formats.contained import code, contain, fenced, literal, quoted
from hansard.formats.safe import one_line
from support import hostile

WEB = re.compile(r"https?://", re.IGNORECASE)
fragments = st.sampled_from([
    *"`<>[]()!|\\\n#=-~ \t*1.:&a", "\n\n", "```", "~~~", "    ", "- ", "> ", "1. ", "# ", "](", "]:", "![", "[x]: ",
    "javascript:a", "https://e.e", "<script>", "<b>", "</", "<!--", "|---|\n", "| ", " |", "a | b\n- | -\n", "===", "---",
    "`a|b`", "`<i>`", "\\`", "\\|", "&#106;", '"t"', "\r", "```html\n", "<j:x>", "<?", "<![CDATA[", "[^1]", "\ud800",
])  # fmt: skip
soup = st.lists(fragments, max_size=30).map("".join)


def renderer():
    """The most permissive renderer there is: HTML on, tables on, every link target taken."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.validateLink = lambda _url: True
    return markdown


def tokens_of(text):
    for token in renderer().parse(text):
        yield token
        yield from token.children or ()


def assert_contained(text, *, inside=lambda markdown: markdown):
    document = f"# Title\n\n## one\n\n{inside(contain(text))}\n\n## two\n\nlast\n"
    headings = []
    for token in tokens_of(document):
        assert token.type not in {"html_block", "html_inline", "image"}, token
        if token.type == "link_open":
            assert WEB.match(token.attrs["href"]), token
        if token.type == "heading_open" and int(token.tag[1]) <= 3:
            headings.append((token.tag, token.level))
    assert headings == [("h1", 0), ("h2", 0), ("h2", 0)]
    assert renderer().render(document).endswith("<h2>two</h2>\n<p>last</p>\n")


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_hostile_text_stays_in_its_place(text):
    assert_contained(text)
    assert_contained(text, inside=quoted)


@pytest.mark.parametrize("text", hostile.HUGE)
def test_huge_text_is_contained_in_no_time(text):
    contain(text).encode()


@settings(max_examples=600)
@given(soup)
def test_any_soup_of_markdown_stays_in_its_place(text):
    assert_contained(text)


@settings(max_examples=200)
@given(soup)
def test_any_soup_stays_in_its_quote(text):
    assert_contained(text, inside=quoted)


@settings(max_examples=200)
@given(soup)
def test_any_soup_before_and_after_each_other_stays_in_place(text):
    assert_contained(text, inside=lambda markdown: f"- first\n\n  second\n\n{markdown}\n\n{markdown}")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain *emphasis* and **strong**", "plain *emphasis* and **strong**"),
        ("- a\n- b\n  1. c", "- a\n- b\n  1. c"),
        ("> quote", "> quote"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("use `a < b` here", "use `a < b` here"),
        ("[site](https://example.org)", "[site](https://example.org)"),
        ("# One\n#### Four", "#### One\n###### Four"),
        ("a < b", "a &lt; b"),
        ("`a | b`", "\\`a | b\\`"),
        ("text\n---\nmore", "text\n***\nmore"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```"),
        ("1. do\n   ```sh\n   ls\n     -l\n   ```", "1. do\n```sh\nls\n  -l\n```"),
        ("~~~\n```\n~~~", "````\n```\n````"),
        ("```\nopen", "```\nopen\n```"),
        ("```\n```", "```\n```"),
        ("![alt](https://example.org/a.png)", "\\![alt](https://example.org/a.png)"),
        ("`[a](b)`", "`[a](b)`"),
        ("C:\\Users", "C:\\\\Users"),
        ("\\*not emphasis\\*", "\\*not emphasis\\*"),
    ],
)
def test_markdown_that_harms_nobody_keeps_its_looks(text, written):
    assert contain(text) == written


def test_no_text_vanishes_into_a_definition():
    assert "javascript" in renderer().render(contain("[a`]: javascript:x`"))
    assert "javascript" in renderer().render(contain("[a]: javascript:x"))


def test_code_is_shown_exactly_as_it_was():
    source = "#include <a>\n\n\t`x` ![i](j)\n</script>\n=====\n"
    [block] = [token for token in tokens_of(contain(f"```c\n{source}```")) if token.type == "fence"]
    assert block.content == source


@given(soup)
def test_a_fenced_text_is_one_code_block(text):
    text = text.replace("\r", "").replace("\n\n", "\n").strip("\n")
    [block] = [token for token in tokens_of(fenced(text, "json")) if token.type == "fence"]
    assert block.content.rstrip("\n") == text
    assert block.info == "json"


@given(soup)
def test_a_literal_shows_as_it_is(text):
    [_, inline, _] = renderer().parse(f"x {literal(text)}")
    shown = "".join(child.content for child in inline.children)
    assert all(child.type in {"text", "text_special"} for child in inline.children)
    assert shown.split() == ["x", *one_line(text).split()]


@given(soup)
def test_a_code_span_is_one_code_span(text):
    [_, inline, _] = renderer().parse(f"x {code(text)}")
    assert [child.type for child in inline.children] == ["text", "code_inline"]
