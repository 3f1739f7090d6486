"""
Balancer: what stands between API servers and those who call them.

Source:   kubeadm's "Options for Software Load Balancing" (HAProxy in front, or keepalived's floating address);
          HAProxy's `inter`, `rise`, `fall` and their defaults; keepalived's advertisements.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import attrs

from reconcile.lib.given import as_tuple
from reconcile.lib.instant import SECOND, Duration

Kind: TypeAlias = Literal["none", "round-robin", "least-connections", "source-hash", "floating-address"]

KINDS: Final[tuple[Kind, ...]] = ("none", "round-robin", "least-connections", "source-hash", "floating-address")

_USUAL: Final = 2 * SECOND
_TAKEOVER: Final = 4 * SECOND  # three advertisements, one a second, are missed; and then a bit less than a second more
_AT_HOME: Final = ("kube-controller-manager", "kube-scheduler")


@attrs.frozen(kw_only=True)
class Balancer:
    """
    What stands before the API servers, and how it finds out which of them are ready.

    Args:
        kind: how a new connection is given to a server: to one ready server after the other, to that with the fewest
            connections, to one by the caller's address, or all to the master that holds the floating address. `none`:
            there is no balancer and no connection either: whoever calls reaches a server that can be reached, and waits
            while there is none.
        interval: from one health check (GET /readyz) to the next.
        rise: how many checks in a row a server that is down has to pass to be up.
        fall: how many checks in a row a server that is up has to fail to be down.
        takeover: how long after its holder's host falls silent the floating address is with another.
        address: by which it is called, at port 6443.
        straight: the kinds of process that call the API server of their own host, if one is meant to run there, past
            the balancer. As kubeadm has it, controller-manager and scheduler.
    """

    kind: Kind = "round-robin"
    interval: Duration = _USUAL
    rise: int = 2
    fall: int = 3
    takeover: Duration = _TAKEOVER
    address: str = "172.18.255.254"
    straight: tuple[str, ...] = attrs.field(default=_AT_HOME, converter=as_tuple)


def usual(masters: int) -> Balancer | None:
    """Give what stands before so many masters where a command line says nothing of it: before several, a balancer."""
    return Balancer() if masters > 1 else None
