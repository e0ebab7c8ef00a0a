"""The update that leads from what a directory said of a session to what it says now."""

from __future__ import annotations

from hansard.formats.bundles import View, changes_between

GENERATED = {"title": "Tides", "title_source": "generated"}
GIVEN = {"title": "Tides", "title_source": "given"}


def test_a_title_is_told_with_who_chose_it_also_where_only_that_changes():
    assert changes_between(View(set=GENERATED), View(set=GIVEN)) == {"set": GIVEN}
    assert changes_between(View(set=GIVEN), View(set=GIVEN)) == {}


def test_a_directory_that_takes_a_given_title_back_is_followed():
    assert changes_between(View(set=GIVEN), View(set=GENERATED)) == {"set": GENERATED, "clear": ["title"]}
    assert changes_between(View(), View(set=GENERATED)) == {"set": GENERATED}


def test_what_is_no_longer_said_is_cleared():
    assert changes_between(View(set=GIVEN), View()) == {"clear": ["title", "title_source"]}
