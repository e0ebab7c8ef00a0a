"""The filters of `find` as a caller types them, in one place for both doors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypedDict

from ..model.entry import Json

Words: TypeAlias = str | list[str | None] | tuple[str | None, ...] | set[str] | frozenset[str] | Any | None
"""Equal to this; a list, tuple or set: one of them; None: not said; ANY: no filter."""

When: TypeAlias = str | float | datetime


class Filters(TypedDict, total=False):
    """What `find` and `sessions` can be asked for. A filter that is left out, or is ANY, lets everything through."""

    id: Words
    kind: Words
    root: Words
    parent: Words
    depth: Any
    name: Words
    agent: Words
    user: Words
    project: Words
    slug: Words
    number: Any
    title: Words
    title_source: Words
    status: Words
    model: Words
    provider: Words
    seq: Any
    message_count: Any
    user_message_count: Any
    exchange_count: Any
    entry_count: Any
    error_count: Any
    attachment_count: Any
    persona: Words
    workspace: Words
    reasoning_effort: Words
    schedule_id: Words
    schedule_run_id: Words
    run_id: Words
    lifecycle: Words
    plan_mode: Any
    permission_mode: Words
    at_least: Mapping[str, float]
    at_most: Mapping[str, float]
    has_question: bool
    has_attachments: bool
    pinned: bool
    damaged: bool
    empty: bool
    fork: bool
    has_error: bool
    labels: Mapping[str, Json]
    metadata: Mapping[str, Json]
    config: Mapping[str, Json]
    state: Mapping[str, Json]
    fields: Mapping[str, Json]
    created_after: When
    created_before: When
    updated_after: When
    updated_before: When
    activity_after: When
    activity_before: When
    updated_since: When
    touched_after: When
    touched_before: When
    all_kinds: bool
