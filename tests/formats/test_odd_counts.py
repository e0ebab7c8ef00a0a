"""Counts that can't be in directories of other programs: left out of the sums, told, and kept where they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hansard
from hansard.formats import import_paths
from support import a3s, oxios
from support.directories import bamboo_home, crabtalk_home

MADE = {
    "bamboo": (bamboo_home, '"output_tokens": ', "4", "token-usage.jsonl:1: "),
    "crabtalk": (crabtalk_home, '"output_tokens":', "2", "step 2: "),
    "oxios": (oxios.build, '"tokens_output": ', "212", ""),
    "a3s": (lambda folder: a3s.build(folder, a3s.legacy()), '"completion_tokens": ', "12", ""),
}
"""How a directory is made, and in which of its files a count of tokens stands after which words."""


@pytest.mark.parametrize("odd", ["-7", "true", "1.5", "99999999999999999999"])
@pytest.mark.parametrize("made", MADE)
def test_a_count_that_can_not_be_is_left_out_and_told_and_the_rest_is_as_ever(tmp_path, made, odd):
    make, name, count, place = MADE[made]
    usual, strange = make(tmp_path / "usual"), make(tmp_path / "strange")
    for path in filter(Path.is_file, strange.rglob("*")):
        path.write_bytes(re.sub(rf"{name}{count}\b".encode(), f"{name}{odd}".encode(), path.read_bytes()))
    with hansard.open(tmp_path / "one") as one, hansard.open(tmp_path / "other") as other:
        expected, report = import_paths(one, [usual]), import_paths(other, [strange])
        assert report.totals == {**expected.totals, "added": report.added}
        notes = [note for file in report.files for note in file.notes]
        assert any(note.startswith(place) and name.split('"')[1] in note for note in notes), notes
        assert [note for file in expected.files for note in file.notes if "not counted" in note] == []
        (before,), (after,) = one.usage(), other.usage()
        missing = before.usage.output - after.usage.output
        assert missing > 0 == missing % int(count)
        assert before.usage.input == after.usage.input
        assert import_paths(other, [strange]).added == 0
        assert other.check() == []
