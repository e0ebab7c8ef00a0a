"""What the rules of the machine draw from: few ids and keys, so that they meet again."""

from __future__ import annotations

from hypothesis import strategies as st

from ...model.documents import DocumentKey
from ...model.entry import assistant, event, usage, user
from ...model.requests import Changes, Keys

_IDS = ("s", "S", "a/b", "..", "t")
NEW = st.sampled_from(_IDS)
"""Ids to be made, taken ones among them."""
OLD = st.integers(0, 19)
"""Which of the sessions that are there; rarely one that is not."""
PLACE = st.integers(0, 19)
"""Which of a session's entries, counted from the newest; rarely one that is not there."""
_ENTRY_IDS = st.sampled_from(("", "", "", "x", "y"))
_TEXTS = st.sampled_from(("hello", "race condition", "数据库", "\x00"))
SAID = st.builds(lambda make, text, id: make(text, id=id), st.sampled_from((user, assistant)), _TEXTS, _ENTRY_IDS)  # noqa: A006
OTHER = st.sampled_from((event("step"), usage("m", input=2, cost=0.25), usage("m", input=2, call_id="c")))
_VALUES = st.sampled_from((None, 0, True, 1.5, "v", [1], {"b": 1, "a": 2}))
_KEYS = st.builds(
    lambda set, remove, replace: Keys(set=set, remove=tuple(remove), replace=replace),  # noqa: A006
    st.dictionaries(st.sampled_from("ab"), _VALUES, max_size=2), st.lists(st.sampled_from("ab"), max_size=1),
    st.booleans(),
)  # fmt: skip
DOCUMENTS = (DocumentKey("", "a"), DocumentKey("c", "a"), DocumentKey("c/d", "..", "json"))
_FIELDS = st.dictionaries(
    st.sampled_from(("title", "status", "pinned", "persona")), st.sampled_from(("one", "two", True, None)), max_size=2
)
CHANGES = st.none() | st.builds(
    lambda fields, clear, state, config: Changes(set=fields, clear=tuple(clear), state=state, config=config),
    _FIELDS, st.lists(st.sampled_from(("title", "persona")), max_size=1), _KEYS, _KEYS,
)  # fmt: skip
