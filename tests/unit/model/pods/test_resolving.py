"""What a pod's /etc/hosts and /etc/resolv.conf say, and which names are tried."""

import pytest

from reconcile.api import core_v1, meta_v1
from reconcile.model.pods.resolving import Resolver, dns_in, hosts_of, in_hosts, resolver_of

DNS = "10.96.0.10"
LOCALS = """\
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
fe00::0	ip6-mcastprefix
fe00::1	ip6-allnodes
fe00::2	ip6-allrouters
"""
SEARCHES = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")


def pod(**spec):
    made = core_v1.PodSpec(containers=(core_v1.Container(name="c"),), **spec)
    return core_v1.Pod(metadata=meta_v1.ObjectMeta(name="web-0", namespace="shop"), spec=made)


def config(options=(), **fields):
    rows = tuple([core_v1.PodDNSConfigOption(name=name, value=value) for name, value in options])
    return core_v1.PodDNSConfig(options=rows or None, **fields)


def test_the_hosts_file_has_the_pod_and_its_aliases():
    aliases = (core_v1.HostAlias(ip="10.1.2.3", hostnames=("db", "db.example")),)
    assert hosts_of(pod(host_aliases=aliases, subdomain="web"), "10.128.0.2") == (
        f"# Kubernetes-managed hosts file.\n{LOCALS}10.128.0.2\tweb-0.web.shop.svc.cluster.local\tweb-0\n"
        "\n# Entries added by HostAliases.\n10.1.2.3\tdb\tdb.example\n"
    )
    assert hosts_of(pod(hostname="w"), "10.128.0.2").endswith(f"{LOCALS}10.128.0.2\tw\n")
    assert hosts_of(pod(host_network=True), "1.2.3.4") == f"# Kubernetes-managed hosts file (host network).\n{LOCALS}"


def test_an_override_has_no_domain():
    made = hosts_of(pod(hostname="a", subdomain="b", hostname_override="my.own.name"), "10.128.0.2")
    assert made.endswith("10.128.0.2\tmy.own.name\n")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("localhost", ("127.0.0.1",)),
        ("DB.", ("10.1.2.3",)),
        ("web-0", ("10.128.0.2",)),
        ("ip6-allnodes", ()),
        ("x", ()),
    ],
)
def test_names_in_the_hosts_file(name, found):
    aliases = (core_v1.HostAlias(ip="10.1.2.3", hostnames=("db",)),)
    assert in_hosts(hosts_of(pod(host_aliases=aliases), "10.128.0.2"), name) == found


def test_a_pod_asks_the_clusters_dns_first():
    made = resolver_of(pod(), DNS)
    assert made == Resolver((DNS,), SEARCHES, ("ndots:5",))
    assert made.written() == f"search {' '.join(SEARCHES)}\nnameserver {DNS}\noptions ndots:5\n"
    assert resolver_of(pod(host_network=True, dns_policy="ClusterFirstWithHostNet"), DNS) == made


@pytest.mark.parametrize("spec", [{"dns_policy": "Default"}, {"dns_policy": "ClusterFirst", "host_network": True}])
def test_a_hosts_own_way_is_nobody(spec):
    assert resolver_of(pod(**spec), DNS) == Resolver()


def test_what_a_pod_says_is_added():
    said = config((("ndots", "2"), ("edns0", None)), nameservers=("1.1.1.1", DNS), searches=("cluster.local", "corp"))
    made = resolver_of(pod(dns_config=said), DNS)
    assert made == Resolver((DNS, "1.1.1.1"), (*SEARCHES, "corp"), ("edns0", "ndots:2"))
    alone = resolver_of(pod(dns_policy="None", dns_config=said), DNS)
    assert alone == Resolver(("1.1.1.1", DNS), ("cluster.local", "corp"), ("edns0", "ndots:2"))


def test_what_is_too_much_is_left_out():
    many = tuple([f"n{number}" for number in range(40)])
    assert len(resolver_of(pod(dns_config=config(searches=many)), DNS).searches) == 32
    long = tuple([f"{chr(97 + number)}{'x' * 240}" for number in range(12)])
    assert len(resolver_of(pod(dns_config=config(searches=long)), DNS).searches) == 3 + 8
    assert resolver_of(pod(dns_config=config(searches=("y" * 254,))), DNS).searches == SEARCHES
    four = resolver_of(pod(dns_config=config(nameservers=("1.1.1.1", "2.2.2.2", "3.3.3.3"))), DNS)
    assert four.servers == (DNS, "1.1.1.1", "2.2.2.2")


@pytest.mark.parametrize(
    ("ndots", "name", "tried"),
    [
        ("5", "db", ("db.a", "db.b", "db")),
        ("5", "db.", ("db",)),
        ("1", "db.shop", ("db.shop", "db.shop.a", "db.shop.b")),
        ("1", "db", ("db.a", "db.b", "db")),
        ("0", "db", ("db", "db.a", "db.b")),
    ],
)
def test_names_are_tried_in_turn(ndots, name, tried):
    assert Resolver((DNS,), ("a", "b."), (f"ndots:{ndots}",)).tried(name) == tried


def test_the_dns_is_the_tenth_address():
    assert dns_in("10.96.0.0/12") == DNS
    assert dns_in("10.43.0.0/16,fd00::/108") == "10.43.0.10"
