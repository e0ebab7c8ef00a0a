from __future__ import annotations

import json
import string
from base64 import b64encode
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansard.codec.cut import cut, cut_parts, mime_of, splice
from hansard.limits import CUT_BYTES_MIN

PNG = b"\x89PNG\r\n\x1a\n" + Random(1).randbytes(3000)
PNG64 = b64encode(PNG).decode()
FILLERS = st.sampled_from(
    ['{"data":"', '"}', "\\n", "\\\\", "\\u00e9", "data:image/png;base64,", "=", " ", "ab", "é\u2028"]
)


@st.composite
def texts(draw):
    random = Random(draw(st.integers(0, 2**32)))
    pieces = []
    for _ in range(draw(st.integers(0, 6))):
        pieces.append("".join(draw(st.lists(FILLERS, max_size=3))))
        kind = draw(st.integers(0, 4))
        size = draw(st.integers(0, 3 * CUT_BYTES_MIN))
        if kind == 0:
            pieces.append(b64encode(random.randbytes(size)).decode())
        elif kind == 1:
            pieces.append("".join(random.choices(string.ascii_letters + string.digits + "+/", k=size)))
        elif kind == 2:
            pieces.append(random.randbytes(size // 2).hex())
    return "".join(pieces)


@settings(max_examples=200, deadline=None)
@given(texts())
def test_splice_gives_back_what_cut_took(text):
    rest, cuts = cut(text)
    assert splice(rest, [(offset, data) for offset, data, _ in cuts]) == text


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=768, max_size=4000), st.lists(FILLERS, max_size=4))
def test_json_stays_json_without_its_base64(data, fillers):
    value = {"note": "".join(fillers), "source": {"media_type": "image/x", "data": b64encode(data).decode()}}
    rest, cuts = cut(json.dumps(value))
    assert [found for _, found, _ in cuts] == [data]
    assert json.loads(rest)["note"] == value["note"]
    assert json.loads(rest)["source"]["data"] == ""


@pytest.mark.parametrize("escape", ["\\n", "\\u0041", "\\\\", "\\\\\\n"])
def test_an_escape_before_a_run_is_left_whole(escape):
    text = f'"{escape}{PNG64}"'
    rest, cuts = cut(text)
    assert rest == f'"{escape}"'
    assert cuts == [(len(escape) + 1, PNG, "image/png")]


def test_the_kind_of_file_is_told_by_url_by_bytes_or_by_the_words_beside():
    plain = Random(2).randbytes(1500)
    assert cut(f'"data:image/webp;base64,{PNG64}"')[1][0][2] == "image/webp"
    assert cut(f'{{"data":"{PNG64}"}}')[1][0][2] == "image/png"
    assert cut(f'{{"data":"{b64encode(plain).decode()}","media_type":"application/x-a"}}')[1][0][2] == "application/x-a"
    assert cut(f'{{"data":"{b64encode(plain).decode()}"}}')[1][0][2] is None
    assert mime_of(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"


@pytest.mark.parametrize(
    "kept",
    [
        "0123456789abcdef" * 200,
        "x" * 5000,
        "ThisIsOneVeryLongIdentifier" * 100,
        PNG64[: CUT_BYTES_MIN - 4],
        PNG64[:-1],
        PNG64.replace("A", "-"),
        f'"signature":"{PNG64}"',
        f'"encrypted_content": "{PNG64}"',
    ],
)
def test_what_is_not_plainly_base64_of_a_file_stays_in_the_text(kept):
    assert cut(f"before {kept} after") == (f"before {kept} after", [])


def test_megabytes_without_base64_are_passed_over():
    text = json.dumps({"content": "The quick brown fox; " * 100_000, "hex": "ab12" * 250})
    assert cut(text) == (text, [])


def test_files_inside_parts_become_file_parts():
    url = f"data:image/png;base64,{PNG64}"
    digest = sha256(PNG).hexdigest()
    file = {"type": "file", "mime": "image/png", "attachment": digest, "size": len(PNG)}
    parts = [
        {"type": "text", "text": url},
        {"type": "file", "url": url, "name": "chart.png"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG64}},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "tool_result", "call_id": "c", "content": [{"type": "input_image", "image_url": url}, "words"]},
        {"type": "file", "url": "https://example.invalid/a.png"},
        {"type": "file", "url": "data:image/png;base64,AAAA"},
    ]
    changed, files = cut_parts(parts)
    assert changed == [
        parts[0],
        {**file, "name": "chart.png"},
        file,
        file,
        {"type": "tool_result", "call_id": "c", "content": [file, "words"]},
        parts[5],
        parts[6],
    ]
    assert files == [(PNG, "image/png", "chart.png"), *[(PNG, "image/png", None)] * 3]
