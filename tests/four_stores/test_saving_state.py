"""What saving a large state over and over costs, at the size that programs have."""

from __future__ import annotations

import pytest

import hansard

MIB = 1024 * 1024


@pytest.mark.parametrize("saves", [500, pytest.param(10_000, marks=pytest.mark.torture)])
def test_saves_of_a_state_in_which_a_counter_changes_cost_about_a_kilobyte_each(tmp_path, saves):
    state = {f"part{number}": "x" * 1000 for number in range(50)}
    with hansard.open(tmp_path / "store") as store:
        session = store.create(id="s", state={**state, "count": 0})
        before = session.info.size
        for number in range(1, saves + 1):
            session.append(state={**state, "count": number})
        assert session.state == {**state, "count": saves}
        assert session.info.size - before <= 10 * MIB * saves / 10_000
    on_disk = sum(path.stat().st_size for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert on_disk <= 10 * MIB
