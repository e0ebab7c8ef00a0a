"""A label is found in one way where few sessions have it, in another where thousands do, and in a third where most do."""

from __future__ import annotations

import pytest

import hansard
from hansard.backends.postgres import listing

MANY = 60


@pytest.fixture
def store(url):
    """Sessions of which each second and each third has a label, twelve of them in one span of time."""
    now = [1_790_000_000_000_000]
    store = hansard.open(url, clock=lambda: now[0])
    for number in range(MANY):
        now[0] += 800_000
        labels = {f"by{step}": "yes" for step in (2, 3) if number % step == 0}
        store.create(id=f"s{number:02}", user=f"u{number % 4}", labels=labels).append(hansard.user("words"))
    with store:
        yield store


@pytest.fixture(params=["few", "some", "some long ago", "most"])
def held_by(request, monkeypatch):
    """How many sessions have a label, as the listing takes it."""
    rare, some = {"few": (MANY, MANY), "most": (0, 0)}.get(request.param, (0, MANY))
    monkeypatch.setattr(listing, "_RARE_MAX", rare)
    monkeypatch.setattr(listing, "_SOME_MAX", some)
    if request.param == "some long ago":
        monkeypatch.setattr(listing, "_WALKED_MAX", 20)


def paged(store, **asked):
    found, cursor = [], None
    while True:
        page = store.find(**asked, limit=7, after=cursor)
        found += [info.id for info in page]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.usefixtures("held_by")
@pytest.mark.parametrize("order", ["-activity", "activity", "-created", "title", "-updated"])
def test_all_who_have_labels_are_listed_once_in_order_page_by_page(store, order):
    whole = [info.id for info in store.find(limit=200, order=order)]
    assert len(whole) == MANY
    expected = [name for name in whole if int(name[1:]) % 6 == 0]
    assert paged(store, labels={"by2": "yes", "by3": "yes"}, order=order) == expected


@pytest.mark.usefixtures("held_by")
def test_other_conditions_beside_a_label_hold_too(store):
    found = paged(store, labels={"by3": "yes"}, user="u1")
    assert found == [f"s{number:02}" for number in reversed(range(MANY)) if number % 3 == 0 and number % 4 == 1]


@pytest.mark.usefixtures("held_by")
def test_a_label_of_another_tenant_is_nobodys(store):
    other = store.tenant("other")
    other.create(id="alone", labels={"by2": "yes"})
    assert paged(other, labels={"by2": "yes"}) == ["alone"]
    assert len(paged(store, labels={"by2": "yes"})) == MANY // 2
