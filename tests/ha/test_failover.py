"""A primary that dies, stands still or hands over, under eight appending sessions: nothing acknowledged is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from cluster import Cluster, Missing
from writers import Writers, problems

PATRONI = Path(os.environ.get("HANSARD_TEST_PATRONI", Path(__file__).parents[2] / ".build/patroni"))
BEFORE_S = 3.0
AFTER_S = 8.0
GO_ON_S = 5.0

pytestmark = pytest.mark.ha


@pytest.fixture
def cluster(request):
    # The user of the servers must be able to go there, which a folder of pytest's own does not let it.
    folder = Path(tempfile.mkdtemp(prefix="hansard-ha-"))
    try:
        made = Cluster(folder, PATRONI, synchronous=getattr(request, "param", True))
    except Missing as missing:
        pytest.fail(f"{missing}; make torture-ha installs it")
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)


def harmed(cluster, harm, *, new_primary=True):
    """The writers, after they had time to go on; and the seconds from the new primary to the last writer's next answer."""
    writers = Writers(cluster.url)
    writers.start()
    try:
        time.sleep(BEFORE_S)
        before, old = writers.count(), cluster.primary()
        assert before > 0, writers.errors
        harm(old)
        moment = time.monotonic()
        while new_primary and cluster.primary() in (None, old):
            assert time.monotonic() - moment < 180, "there is no new primary"
            time.sleep(0.05)
        led = time.monotonic()
        time.sleep(AFTER_S)
    finally:
        writers.stop()
    return writers, writers.first_after(led) - led


FAULTS = {
    "the primary's machine dies": (lambda cluster, old: cluster.kill_node(old), True),
    "the primary stands still": (lambda cluster, old: cluster.freeze_node(old), True),
    "the primary hands over": (lambda cluster, old: cluster.switch_over(), True),
    "one of three etcd dies": (lambda cluster, old: cluster.kill_etcd(), False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_acknowledged_is_lost_or_doubled_and_writers_go_on(cluster, fault, record_property):
    harm, new_primary = FAULTS[fault]
    writers, seconds = harmed(cluster, lambda old: harm(cluster, old), new_primary=new_primary)
    assert writers.errors == []
    found, lost = problems(cluster.url, writers.acknowledged)
    count = f"{writers.count()} acknowledged, {lost} lost, {writers.unanswered} unanswered"
    record_property("told", f"{fault}: {count}, on after {seconds:.1f} s")
    assert found == []
    assert seconds < GO_ON_S


@pytest.mark.parametrize("cluster", [False], indirect=True)
def test_without_synchronous_replication_the_same_harm_loses_entries(cluster, record_property):
    writers, _ = harmed(cluster, lambda old: lagging_death(cluster, old))
    _, lost = problems(cluster.url, writers.acknowledged)
    record_property("told", f"without synchronous replication: {writers.count()} acknowledged, {lost} lost")
    assert lost > 0


def lagging_death(cluster, old):
    """The primary dies while the standbys have not received its last second."""
    go_on = cluster.stall_standbys()
    time.sleep(1.5)
    cluster.kill_node(old)
    go_on()
