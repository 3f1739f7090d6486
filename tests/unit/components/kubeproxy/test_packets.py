from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.components.kubeproxy import Packet, route
from reconcile.components.kubeproxy.addresses import inside, parsed
from reconcile.components.kubeproxy.packets import walk
from reconcile.lib.dice import Dice
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import SECOND
from reconcile.lib.table import Table

POD, OUTSIDE, NODE_IP = "10.1.2.3", "8.8.8.8", "192.168.1.1"
DICE = Dice(7, "packets")


def sent(rules, source, destination, port=80, protocol="tcp"):
    """Route one packet; say in short what became of it: where to, or why not, and `masqueraded`."""
    packet = Packet(source=source, destination=destination, port=port, protocol=protocol)
    verdict, _ = route(rules, packet, DICE)
    if verdict.action != "ACCEPT":
        return verdict.action
    return f"{verdict.destination}:{verdict.port}{' masqueraded' if verdict.masqueraded else ''}"


@pytest.mark.parametrize(
    ("source", "destination", "port", "becomes"),
    [
        (POD, "172.30.0.41", 80, "10.180.0.1:80"),
        (OUTSIDE, "172.30.0.41", 80, "10.180.0.1:80 masqueraded"),  # not from a pod
        ("10.180.0.1", "172.30.0.41", 80, "10.180.0.1:80 masqueraded"),  # a pod that asks itself
        (POD, "172.30.0.41", 81, "172.30.0.41:81"),  # nobody's port
        (POD, "172.30.0.43", 80, "REJECT"),  # no endpoints
        (OUTSIDE, NODE_IP, 3003, "REJECT"),
        (OUTSIDE, NODE_IP, 3001, "DROP"),  # none on this node, to which it must come
        (OUTSIDE, "1.2.3.4", 80, "DROP"),
        (POD, "1.2.3.4", 80, "10.180.0.2:80"),  # but a pod goes anywhere
        (NODE_IP, "192.168.99.22", 80, "10.180.0.2:80 masqueraded"),
        (OUTSIDE, NODE_IP, 30000, f"{NODE_IP}:30000"),  # the health check
        (OUTSIDE, NODE_IP, 3002, "10.180.0.3:80 masqueraded"),
        (OUTSIDE, "5.6.7.8", 80, "DROP"),  # not from the ranges that may
        ("203.0.113.9", "5.6.7.8", 80, "10.180.0.3:80 masqueraded"),
        (OUTSIDE, "127.0.0.1", 80, "DROP"),  # nobody may come from outside to a loopback address
        ("127.0.0.1", "127.0.0.1", 3002, "10.180.0.3:80 masqueraded"),
        (POD, "10.9.9.9", 80, "10.9.9.9:80"),  # no service at all
    ],
)
def test_where_a_packet_goes(five, source, destination, port, becomes):
    assert sent(five, source, destination, port) == becomes


def test_its_way_is_told(five):
    verdict, dice = route(five, Packet(source=POD, destination="172.30.0.41", port=80), DICE)
    assert verdict.path[:3] == ("KUBE-SERVICES", "KUBE-SVC-XPGD46QRK7WJZT7O", "KUBE-SEP-SXIVWICOYRO3J4NJ")
    assert dice == DICE, "one endpoint needs no dice"


def test_another_protocol_is_another_service(five):
    assert sent(five, POD, "172.30.0.44", 53, "tcp") == "172.30.0.44:53"
    assert sent(five, POD, "172.30.0.44", 53, "udp").startswith("10.180.0.")


def test_a_client_comes_back_to_its_endpoint_until_it_stays_away_too_long(five):
    dice, recent, seen = DICE, Table(), []
    packet = Packet(source=POD, destination="172.30.0.44", port=53, protocol="udp")
    for at in (0, 10_000, 20_000, 30_000):  # each time less than three hours later
        verdict, dice = route(five, attrs.evolve(packet, at=at * SECOND), dice, recent)
        recent = verdict.recent
        seen.append(verdict.destination)
    assert len(set(seen)) == 1
    away = set()
    for _ in range(50):
        verdict, dice = route(five, attrs.evolve(packet, at=(30_000 + 10_801) * SECOND), dice, recent)
        away.add(verdict.destination)
    assert away == {"10.180.0.4", "10.180.0.5", "10.180.0.6"}


SERVICES = st.lists(
    st.tuples(
        st.sampled_from(["ready", "not ready", "fading", "gone"]),
        st.booleans(),  # on this node
    ),
    max_size=5,
)


@given(
    drawn=SERVICES,
    internal_local=st.booleans(),
    external_local=st.booleans(),
    source=st.sampled_from([POD, OUTSIDE, NODE_IP]),
    to_node=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_every_endpoint_gets_its_share_and_no_other_gets_anything(
    *, make, drawn, internal_local, external_local, source, to_node, seed
):
    endpoints = [
        make.endpoint(
            f"10.200.0.{n}",
            node="node-1" if local else "node-2",
            ready=standing == "ready",
            serving=standing in ("ready", "fading"),
            terminating=standing in ("fading", "gone"),
        )
        for n, (standing, local) in enumerate(drawn)
    ]
    service = make.service(
        "ns",
        "svc",
        "172.30.0.9",
        make.port(node_port=30009),
        type="NodePort",
        internal_traffic_policy="Local" if internal_local else "Cluster",
        external_traffic_policy="Local" if external_local else "Cluster",
    )
    rules = make.rules(make.backed(service, make.slice("ns/svc", *endpoints, port=8080)))
    # What should be, in words: those on this node if they must be; of these the ready ones, or else the fading ones.
    only_here = (external_local and source == OUTSIDE) if to_node else internal_local
    anywhere = [n for n, (standing, _) in enumerate(drawn) if standing in ("ready", "fading")]
    right = [n for n in anywhere if drawn[n][1] or not only_here]
    expected = [n for n in right if drawn[n][0] == "ready"] or right
    draws = 60 * max(len(expected), 1)
    dice, found = Dice(seed, "packets"), Counter()
    packet = Packet(source=source, destination=NODE_IP if to_node else "172.30.0.9", port=30009 if to_node else 80)
    for _ in range(draws):
        verdict, dice = route(rules, packet, dice)
        found[verdict.destination if verdict.action == "ACCEPT" else verdict.action] += 1
    if not expected:
        assert set(found) == {"DROP" if anywhere else "REJECT"}
    else:
        assert set(found) == {f"10.200.0.{n}" for n in expected}
        assert min(found.values()) > 20, "60 on average: fewer than 20 comes once in 10**9"


PACKETS = st.builds(
    Packet,
    source=st.sampled_from([POD, OUTSIDE, NODE_IP, "127.0.0.1", "10.180.0.4"]),
    destination=st.sampled_from(
        ["172.30.0.41", "172.30.0.43", "172.30.0.44", "1.2.3.4", "5.5.5.5", "5.6.7.8", NODE_IP, "9.9.9.9"]
    ),
    port=st.sampled_from([80, 53, 3001, 3002, 3003, 30000]),
    protocol=st.sampled_from(["tcp", "udp"]),
)


@given(packet=PACKETS, seed=st.integers(0, 2**32))
def test_leaving_out_what_cannot_matter_does_not_matter(five, packet, seed):
    dice = Dice(seed, "packets")
    assert route(five, packet, dice) == walk(five, packet, dice, Table(), everything=True)


@pytest.mark.parametrize(
    ("ip", "cidr", "expected"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.2/31", True),
        ("10.1.2.3", "0.0.0.0/0", True),
        ("10.1.2.3", "10.1.2.4/32", False),
    ],
)
def test_inside(ip, cidr, expected):
    assert inside(ip, cidr) == expected


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.256", "10.0.0.0/33", "a.b.c.d", "10.0.0.0/", "::1", "1.2.3.4.5"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ReconcileError, match="is not an IPv4 address"):
        parsed(text)
