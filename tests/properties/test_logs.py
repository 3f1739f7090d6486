"""Whatever a run was made of, its log plays it again; and so do the logs of its forks, and of theirs."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.cluster import Cluster, Topology
from reconcile.driver import Shuffled
from reconcile.driver.client import create, watch
from reconcile.driver.log.forking import continued
from reconcile.driver.log.recording import Recorder
from reconcile.driver.log.replay import replay
from reconcile.driver.wire import state_digest
from reconcile.events import Disconnect, Reconnect, StartHost, StopHost, Submit
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.hosts import Host
from reconcile.testing.strikes import KINDS, candidates
from tests.unit.driver.lab import deployment

FEW = settings(max_examples=max(settings.default.max_examples // 20, 3), suppress_health_check=list(HealthCheck))
SKEWS = {1: 0, 2: 7 * SECOND, 3: -90 * SECOND}
HOSTS = tuple(
    [
        Host(name=f"node-{n}", ip=f"172.18.0.{n}", pod_cidr=f"10.128.{n}.0/24", clock_skew=skew)
        for n, skew in SKEWS.items()
    ]
)
TOPOLOGY = Topology(hosts=HOSTS, masters=2)
NUMBERS = st.integers(0, 1000)
MOVES = st.one_of(
    st.tuples(st.just("shuffle"), st.integers(1, 60), NUMBERS),
    st.tuples(st.just("steps"), st.integers(1, 80)),
    st.tuples(st.just("wait"), st.integers(0, 3 * SECOND)),
    st.tuples(st.just("strike"), st.sampled_from(KINDS), NUMBERS),
    st.tuples(
        st.just("power"),
        st.sampled_from((StopHost, StartHost, Disconnect, Reconnect)),
        st.sampled_from([host.name for host in HOSTS]),
    ),
)


def move(recorder, what, *details):
    now = recorder.cluster.now
    match what:
        case "shuffle":
            recorder.run(steps=details[0], until=now + SECOND, policy=Shuffled.of(details[1]))
        case "steps":
            recorder.run(steps=details[0], until=now + 9 * SECOND)
        case "wait":
            recorder.run(until=now + details[0])
        case "strike":
            found = candidates(recorder.cluster, details[0])
            for event in found[details[1] % len(found)] if found else ():
                recorder.step(event)
        case "power":
            try:
                recorder.step(details[0](details[1]))
            except ReconcileError:
                return


def ended(recorder, moves):
    for each in moves:
        move(recorder, *each)
    return recorder.end()


@FEW
@given(st.data(), st.integers(0, 9), st.sampled_from(("steps", "changes")), st.sampled_from((0, 50, 500)))
def test_a_log_and_the_forks_of_its_forks_play_again(data, seed, detail, checkpoint):
    lines = []
    cluster = Cluster.boot(TOPOLOGY, seed=seed)
    recorder = Recorder(cluster, lambda line: lines.append(line.encode()), detail=detail, checkpoint=checkpoint)
    recorder.settle((Submit(request=watch("pods"), tag="w"),))
    recorder.step(Submit(request=create(deployment(3))))
    end = ended(recorder, data.draw(st.lists(MOVES, max_size=15)))
    for _ in range(3):
        again = replay(lines)
        assert again.identical, again.divergence
        assert state_digest(again.cluster) == state_digest(end)
        until, forked = data.draw(st.integers(1, end.steps)), []
        there = replay(lines, until=until).cluster
        recorder = continued(lines, lambda line, forked=forked: forked.append(line.encode()), until=until)
        assert state_digest(recorder.cluster) == state_digest(there)
        end, lines = ended(recorder, data.draw(st.lists(MOVES, max_size=3))), forked
