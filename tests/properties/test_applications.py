"""
The example of a replicated store, under whatever fails: no acknowledged write is lost, and a mistake in it is found.

Each run is a schedule drawn from its number: processes are killed and frozen, links are cut, nodes lose power, and time
goes by between. The mistaken store, which acknowledges what it alone has, loses a write in some of the same runs.
"""

import random
from contextlib import suppress

import pytest

from docs.examples import ledger
from reconcile import Cluster, Topology, apply, run, settle, step
from reconcile.adapters.manifests import read_text
from reconcile.events import CutLink, Freeze, MendLink, StartHost, StopHost, StopProcess, Thaw
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.model.drivers import Driver

BEHAVIOURS = {
    "ledger:*": "component ledger, start 2s",
    "elector:*": "component elector",
    "client:*": "component ledger-client",
}
HOSTS = ("node-2", "node-3", "node-4")
LINKS = [("node-2", "node-3"), ("node-2", "node-4"), ("node-3", "node-4")]


def begun(applications, root):
    topology = Topology(
        nodes=4, heartbeats=False, drivers=(Driver(name="csi.example.com"),), behaviours={"images": BEHAVIOURS}
    )
    cluster = settle(Cluster.boot(topology, seed=1, controllers=applications)).cluster
    for manifest in read_text((root / "docs/examples/ledger/ledger.yaml").read_text(), "ledger.yaml"):
        content = manifest.content
        if content["kind"] == "Pod":  # the client is beside the API server, so that it is never cut off
            content["spec"]["nodeName"] = "node-1"
        cluster, response = apply(cluster, content)
        assert response.ok, response
    return run(cluster, until=cluster.now + 20 * SECOND).cluster


def strikes(cluster, dice):
    """Draw what fails next: as often as not it is where the leader is, for that is what matters."""
    leading = [place.host for _, place, state in cluster.applications("ledger") if state.serves]
    host = leading[-1] if leading and dice.random() < 0.5 else dice.choice(HOSTS)
    here = [name for name in cluster.processes if name.startswith("default/ledger-") and name.endswith(host)]
    drawn = [[CutLink(*link) for link in LINKS if host in link], [StopHost(host)]]
    if here:
        drawn += [[StopProcess(dice.choice(here))], [Freeze(dice.choice(here))]]
    return dice.choice(drawn)


def lost(cluster, number):
    """Play a schedule; give what the property says, first."""
    dice = random.Random(number)
    for _ in range(3):
        for _ in range(2):
            cluster = happened(cluster, strikes(cluster, dice))
            cluster = run(cluster, until=cluster.now + dice.randrange(1, 7) * SECOND).cluster
            if list(ledger.kept.check(cluster)):
                return next(ledger.kept.check(cluster))
        # Long enough for another to lead, with what failed still broken or not.
        cluster = cluster if dice.random() < 0.5 else mended(cluster)
        cluster = run(cluster, until=cluster.now + 25 * SECOND).cluster
        if list(ledger.kept.check(cluster)):
            return next(ledger.kept.check(cluster))
        cluster = mended(cluster)
    return None


def happened(cluster, events):
    for event in events:
        with suppress(ReconcileError):  # it cannot happen now
            cluster, _ = step(cluster, event)
    return cluster


def mended(cluster):
    frozen = [Thaw(name) for name, process in cluster.processes.items() if process.kind == "frozen"]
    return happened(cluster, [*[MendLink(*link) for link in LINKS], *map(StartHost, HOSTS), *frozen])


@pytest.fixture(scope="module")
def sound(root):
    return begun(ledger.applications, root)


def test_no_acknowledged_write_is_lost(sound):
    for number in range(4):
        assert lost(sound, number) is None, number


def test_in_the_end_the_client_goes_on(sound):
    before = sound.applications("ledger-client")[0][2].acknowledged
    cluster, _ = step(sound, StopHost("node-3"))
    cluster = run(cluster, until=cluster.now + 60 * SECOND).cluster
    assert cluster.applications("ledger-client")[0][2].acknowledged > before + 20


def test_the_mistake_is_found(root):
    mistaken = begun((ledger.hasty, ledger.elector, ledger.client), root)
    assert any(lost(mistaken, number) for number in range(20))
