from __future__ import annotations

import base64
from hashlib import sha256

import pytest

import hansard
from hansard import Invalid, NotFound

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
WEBP = b"RIFF\x00\x00\x00\x00WEBP" + bytes(16)
GIF = b"GIF89a" + bytes(16)
BMP = b"BM" + bytes(32)


@pytest.mark.parametrize(
    ("data", "mime"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp"), (GIF, "image/gif"), (BMP, "image/bmp")],
)
def test_bytes_come_back_with_the_mime_that_they_show(store, session, data, mime):
    attachment = session.attach(data)
    assert attachment == hansard.Attachment(sha256(data).hexdigest(), len(data), mime)
    assert session.attachment(attachment.sha256) == data == store.attachment("s", attachment.sha256)
    entry = session.entry(2)
    assert (entry.kind, entry.body) == ("attachment", {"sha256": attachment.sha256, "mime": mime, "size": len(data)})


@pytest.mark.parametrize(
    ("said", "mime"),
    [(" IMAGE/PNG ", "image/png"), ("application/x-Own", "application/x-own"), ("text/plain; a=b", "text/plain; a=b")],
)
def test_a_mime_that_is_said_counts_in_any_case(session, said, mime):
    assert session.attach(b"x", mime=said).mime == mime


def test_paths_data_urls_and_base64_are_taken(session, tmp_path):
    path = tmp_path / "plan.MD"
    path.write_bytes(b"# plan")
    attachment = session.attach(path)
    assert (attachment.name, attachment.mime) == ("plan.MD", "text/markdown")
    coded = base64.b64encode(PNG).decode()
    assert session.attach(f"data:image/PNG;base64,{coded}").mime == "image/png"
    assert session.attach(f" {coded[:20]}\n{coded[20:]}").sha256 == sha256(PNG).hexdigest()
    assert session.attach(base64.b64encode(b"abc").decode()).mime == "image/png"
    assert session.attach(base64.b64encode(b"abc").decode(), mime="image/gif").mime == "image/gif"
    text = session.attach("data:,hello%20there")
    assert (session.attachment(text.sha256), text.mime) == (b"hello there", "text/plain")


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        ("no base64!", {}),
        ("data:image/png;base64,???", {}),
        ("abcdé", {}),
        (5, {}),
        (b"", {"mime": "image"}),
        (b"", {"name": 5}),
    ],
)
def test_what_can_not_be_read_is_refused(session, data, asked):
    with pytest.raises(Invalid):
        session.attach(data, **asked)
    assert session.seq == 1


def test_a_missing_file_is_not_found(session, tmp_path):
    with pytest.raises(NotFound, match=r"none\.png"):
        session.attach(tmp_path / "none.png")


def test_the_part_of_an_attachment_shows_it_in_a_message(session):
    attachment = session.attach(PNG, name="shot.png", record=False)
    assert session.seq == 1
    session.append(hansard.user([hansard.text("see"), attachment.part]))
    part = session.history()[0].parts[1]
    assert session.attachment(part["attachment"]) == PNG
    assert part["name"] == "shot.png"


def test_an_attachment_that_is_not_there_is_not_found(store, session):
    with pytest.raises(NotFound):
        store.attachment(session, "0" * 64)
    with pytest.raises(NotFound):
        store.get("s").attachment("../../x")


@pytest.mark.parametrize("verb", ["attach", "append"])
def test_a_creation_whose_files_could_not_be_kept_says_that_the_session_is_there(store, monkeypatch, verb):
    def gone(*_args, **_options):
        msg = "the medium does not answer"
        raise hansard.Unavailable(msg)

    monkeypatch.setattr(store._place.backend, verb, gone)
    picture = {"type": "file", "data": "data:image/png;base64," + base64.b64encode(bytes(5_000)).decode()}
    with pytest.raises(hansard.Unavailable, match="session 's' was made, but its first entries may be missing"):
        store.create(id="s", entries=[hansard.user([picture])])
    assert store.info("s").seq == 1
