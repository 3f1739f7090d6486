"""
Resolving: what a pod's /etc/hosts and /etc/resolv.conf say, and which names are tried for one that is looked up.

Takes:    a pod, its IP, its node, and where the cluster's DNS is.
Gives:    the files' texts; names, ready to be asked for, in the order in which they are.
Source:   the kubelet's managedHostsFileContent and dns.Configurer; containerd's resolv.conf; resolv.conf(5);
          https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
Left out: see docs/limits.md, "Applications".
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any, Final

import attrs

from reconcile.model.pods.hostnames import DOMAIN, host_and_domain

_MOST_SERVERS: Final = 3
_MOST_SEARCHES: Final = 32
_LONGEST_SEARCH: Final = 253
_LONGEST_LINE: Final = 2048
_LOCALS: Final = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
)


@attrs.frozen
class Resolver:
    """
    How a pod looks names up.

    Args:
        servers: the addresses that it asks.
        searches: domains that are put behind a name.
        options: `NAME` or `NAME:VALUE`.
    """

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def ndots(self) -> int:
        """From so many dots on a name is first asked for as it is."""
        found = [option.partition(":")[2] for option in self.options if option.startswith("ndots:")]
        return int(found[-1]) if found and found[-1].isdigit() else 1

    def written(self) -> str:
        """Give it as the text of a resolv.conf."""
        lines = [f"search {' '.join(self.searches)}"] if self.searches else []
        lines += [f"nameserver {server}" for server in self.servers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join([f"{line}\n" for line in lines])

    def tried(self, name: str) -> tuple[str, ...]:
        """Give what is asked for, one after the other, when *name* is looked up; none ends with a dot."""
        if name.endswith("."):
            return (name.rstrip("."),)
        longer = [f"{name}.{search.rstrip('.')}" for search in self.searches if search.rstrip(".")]
        return (name, *longer) if name.count(".") >= self.ndots else (*longer, name)


def dns_in(service_cidr: str) -> str:
    """Give the address of a cluster's DNS: the tenth of its services'."""
    return str(ip_network(service_cidr.partition(",")[0])[10])


def resolver_of(pod: Any, dns: str) -> Resolver:
    """Give how a pod looks names up, in a cluster whose DNS is at *dns*; a host itself asks nobody."""
    spec = pod.spec
    found = Resolver()
    policy = spec.dns_policy or "ClusterFirst"
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.host_network):
        namespace = pod.metadata.namespace or "default"
        found = Resolver((dns,), (f"{namespace}.svc.{DOMAIN}", f"svc.{DOMAIN}", DOMAIN), ("ndots:5",))
    said = spec.dns_config
    if said is None:
        return found
    options = dict(option.partition(":")[::2] for option in found.options)
    options |= {row.name: row.value or "" for row in said.options or ()}
    return Resolver(
        _first((*found.servers, *(said.nameservers or ())))[:_MOST_SERVERS],
        _fitting(_first((*found.searches, *(said.searches or ())))),
        tuple([f"{name}:{value}" if value else name for name, value in sorted(options.items())]),
    )


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _fitting(searches: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out what does not fit into a search line."""
    kept = [search for search in searches[:_MOST_SEARCHES] if len(search) <= _LONGEST_SEARCH]
    while len(" ".join(kept)) > _LONGEST_LINE:
        kept.pop()
    return tuple(kept)


def hosts_of(pod: Any, ip: str) -> str:
    """Give the text of a pod's /etc/hosts; of a host's own there is nothing but localhost."""
    spec = pod.spec
    aliases = [(row.ip, *(row.hostnames or ())) for row in spec.host_aliases or ()]
    if spec.host_network:
        lines = ["# Kubernetes-managed hosts file (host network).", *_LOCALS]
    else:
        name, domain = host_and_domain(pod)
        lines = ["# Kubernetes-managed hosts file.", *_LOCALS, "\t".join([ip, *_own(name, domain)])]
    if aliases:
        lines += ["", "# Entries added by HostAliases.", *["\t".join(row) for row in aliases]]
    return "".join([f"{line}\n" for line in lines])


def _own(name: str, domain: str) -> tuple[str, ...]:
    return (f"{name}.{domain}", name) if domain else (name,)


def in_hosts(hosts: str, name: str) -> tuple[str, ...]:
    """Give the IPv4 addresses that the text of an /etc/hosts has for a name."""
    name = name.rstrip(".").lower()
    rows = [line.partition("#")[0].split() for line in hosts.splitlines()]
    return _first([row[0] for row in rows if row and ":" not in row[0] and name in [each.lower() for each in row[1:]]])
