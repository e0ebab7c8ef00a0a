from __future__ import annotations

from collections import Counter

from hansard.testing import BackendContract


def test_no_test_of_the_contract_hides_another():
    names = Counter(name for kind in BackendContract.__mro__ for name in vars(kind) if name.startswith("test_"))
    assert [name for name, times in names.items() if times > 1] == []
