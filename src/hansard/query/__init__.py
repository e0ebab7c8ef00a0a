"""Filters and the search language, as pure values and functions that all backends share."""

from __future__ import annotations

from .brute import search_all
from .condition import (
    CONTAINERS,
    EVERYTHING,
    FIELDS,
    All,
    AnyOf,
    Condition,
    Field,
    Has,
    Not,
    Op,
    matches,
    same,
    value_of,
)
from .filters import where
from .language import parse
from .matching import score, snippet, text_matches
from .order import (
    ORDERS,
    check_limit,
    decode_cursor,
    encode_cursor,
    find_all,
    find_cursor,
    order_field,
    order_key,
    title_key,
)
from .pieces import Piece, pieces
from .search import And, Or, Phrase, Search, Text, Without, Word
from .tokens import tokens

__all__ = [
    "CONTAINERS",
    "EVERYTHING",
    "FIELDS",
    "ORDERS",
    "All",
    "And",
    "AnyOf",
    "Condition",
    "Field",
    "Has",
    "Not",
    "Op",
    "Or",
    "Phrase",
    "Piece",
    "Search",
    "Text",
    "Without",
    "Word",
    "check_limit",
    "decode_cursor",
    "encode_cursor",
    "find_all",
    "find_cursor",
    "matches",
    "order_field",
    "order_key",
    "parse",
    "pieces",
    "same",
    "score",
    "search_all",
    "snippet",
    "text_matches",
    "title_key",
    "tokens",
    "value_of",
    "where",
]
