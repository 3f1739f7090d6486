"""
Hypothesis strategies for what befalls a cluster with several masters: partitions, clocks, disks, processes that stop
where they are, calls and caches that are late.

    @given(programs(hosts, themes=("plain",), masters=hosts[:3]))

Takes:    the names of hosts, and which of them are masters.
Gives:    moves.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from reconcile.events import (
    CutLink,
    DriftClock,
    FillDisk,
    Freeze,
    HoldCache,
    MendLink,
    MoveLeader,
    ReleaseCache,
    SetClock,
    SlowDisk,
    Thaw,
)
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND
from reconcile.testing.moves import Replace, Strike, Wait

__all__ = ["mishaps"]

_JUMPS: Final = (-5 * MINUTE, -61 * SECOND, -3 * SECOND, 0, 0, 3 * SECOND, 16 * SECOND, 61 * SECOND, 5 * MINUTE)
_RATES: Final = (-100_000, -500, 0, 0, 500, 100_000)
_DELAYS: Final = (0, 0, 20 * MILLISECOND, 400 * MILLISECOND, 2 * SECOND)
_BEHIND: Final = (0, 0, 300 * MILLISECOND, 5 * SECOND)
_OF_MASTERS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_OF_ALL: Final = ("kubelet", "kube-proxy")


def mishaps(hosts: tuple[str, ...], masters: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Draw what befalls a cluster, a move or several that belong together; what cannot happen in it does not."""
    of_hosts, of_masters = st.sampled_from(hosts), st.sampled_from(masters)
    pairs = [(one, other) for one in masters for other in hosts if other != one]
    names = [f"{kind}/{host}" for kind in _OF_MASTERS for host in masters]
    names += [f"{kind}/{host}" for kind in _OF_ALL for host in hosts]
    links, processes = st.sampled_from(pairs), st.sampled_from(names)
    servers = of_masters.map("kube-apiserver/{}".format)
    return st.one_of(
        links.map(lambda pair: CutLink(*pair)),
        st.builds(lambda host: _alone(host, masters), of_masters),
        links.map(lambda pair: MendLink(*pair)),
        st.builds(SetClock, of_hosts, st.sampled_from(_JUMPS)),
        st.builds(DriftClock, of_hosts, st.sampled_from(_RATES)),
        st.builds(SlowDisk, of_masters, st.sampled_from(_DELAYS)),
        st.builds(FillDisk, of_masters, st.sampled_from((True, False))),
        st.builds(lambda host, time: (FillDisk(host), Wait(time), FillDisk(host, full=False)), of_masters, _TIMES),
        st.builds(Replace, of_masters),
        st.builds(MoveLeader, of_masters),
        processes.map(Freeze),
        processes.map(Thaw),
        st.builds(lambda name, time: (Freeze(name), Wait(time), Thaw(name)), processes, _TIMES),
        st.builds(HoldCache, servers, st.sampled_from(_BEHIND)),
        servers.map(ReleaseCache),
        st.builds(Strike, st.sampled_from(("reset", "delay", "delay")), st.integers(0, 200)),
    )


_TIMES: Final = st.sampled_from((SECOND, 5 * SECOND, 20 * SECOND, 60 * SECOND))


def _alone(host: str, masters: tuple[str, ...]) -> tuple[CutLink, ...]:
    """Cut a master off from all others; who is no master still reaches it."""
    return tuple([CutLink(host, other) for other in masters if other != host])
