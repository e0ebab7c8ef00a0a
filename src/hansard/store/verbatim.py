"""A foreign payload as it was given: what was taken out of it when it was stored goes back into its places."""

from __future__ import annotations

from collections.abc import Callable

from ..codec.cut import splice
from ..errors import Invalid
from ..model.entry import Json


def verbatim(raw: Json, attachment: Callable[[str], bytes]) -> str | None:
    """The text of a payload; None if `raw` holds none. Errors are those of `attachment`, which gives a hash's bytes.

    Raises:
        Invalid: the payload is no text.
    """
    if not isinstance(raw, dict):
        return None
    text, whole = raw.get("text"), raw.get("attachment")
    if isinstance(text, str):
        cuts = [(offset, attachment(sha256)) for offset, sha256 in raw.get("cut") or ()]
        return splice(text, cuts) if cuts else text
    if not isinstance(whole, str):
        return None
    try:
        return attachment(whole).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        msg = f"payload: it is no UTF-8; its bytes are the attachment {whole}"
        raise Invalid(msg) from None
