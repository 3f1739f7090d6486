import pytest

from reconcile.cluster import Cluster, Topology
from reconcile.driver.client import create
from reconcile.driver.log.chain import DamagedLog, TruncatedLog
from reconcile.driver.log.forking import continued
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import state_digest
from reconcile.events import StopHost, Submit

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}


@pytest.fixture(scope="module")
def run():
    lines = []
    recorder = Recorder(Cluster.boot(Topology(nodes=2), seed=3), lines.append)
    recorder.settle()
    recorder.settle((Submit(request=create(POD)),))
    recorder.run(until=recorder.cluster.now + 1_234_567_890)
    recorder.settle((StopHost("node-2"),))
    recorder.end()
    return [line.encode() for line in lines], recorder.cluster


def forked(lines, **where):
    written = []
    recorder = continued(lines, written.append, **where)
    recorder.end()
    return recorder.cluster, [line.encode() for line in written]


def test_fork_at_the_end_is_the_same_run(run):
    lines, cluster = run
    again, written = forked(lines)
    assert state_digest(again) == state_digest(cluster)
    assert replay(written).identical


def test_fork_anywhere_is_what_a_replay_finds_there(run):
    lines, cluster = run
    for until in range(0, cluster.steps, cluster.steps // 7):
        there, written = forked(lines, until=until)
        assert there.steps == until
        assert state_digest(there) == state_digest(replay(lines, until=until).cluster)
        assert replay(written).identical


def test_fork_goes_another_way(run):
    lines, cluster = run
    recorder = continued(lines, lambda _: None, until=cluster.steps // 2)
    recorder.settle((StopHost("node-1"),))
    assert state_digest(recorder.cluster) != state_digest(cluster)


def test_damage_anywhere_is_refused(run):
    lines, _ = run
    with pytest.raises(TruncatedLog):
        forked(lines[:-1], until=1)
    with pytest.raises(DamagedLog):
        forked([*lines[:-1], lines[-1].replace(b"revision", b"revisiom")], until=1)
