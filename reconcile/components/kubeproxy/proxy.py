"""
kube-proxy: watches services and endpoints, and keeps its node's packet filter as they say.

What changes is noted at once and installed together: at once if the last installation is a second ago, else when it is.

Takes:    Started, Watched (services, endpoint slices, its own node), TimerFired.
Gives:    Install, SetTimer, Record.
Source:   pkg/proxy/iptables, pkg/proxy/runner (BoundedFrequencyRunner), cmd/kube-proxy.
Left out: see docs/limits.md, "Services and kube-proxy".
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import core_v1, meta_v1
from reconcile.components.kubeproxy.chains import INDEXES, RuleSet
from reconcile.components.kubeproxy.ports import Backed, is_proxied, is_used
from reconcile.effects import Effect, Install, Record, SetTimer
from reconcile.events import Hears, Started, TimerFired, Watched
from reconcile.lib.dice import Dice
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.watches import Watch

_MIN_SYNC_PERIOD: Final[Duration] = SECOND

_SERVICES: Final = "services"
_SLICES: Final = "endpointslices.discovery.k8s.io"
_NODES: Final = "nodes"

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_ZONE: Final = "topology.kubernetes.io/zone"
_SYNC: Final = ("kube-proxy", "sync")


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class State:
    """
    One node's proxy.

    Args:
        node_name: whose packet filter it keeps.
        cluster_cidr: where the pods of the cluster are; empty to go by the CIDR of the node's own pods.
        addresses: the node's own.
        pod_cidr: of the node's own pods.
        zone: the node's, by its label.
        services: what is known of each service.
        heard: the watches that have brought their first objects.
        dirty: something is known that is not installed.
        waiting: the timer for the next installation is set.
        synced_at: when the rules were installed last; None if never.
        rules: what is installed; None if nothing is.
    """

    node_name: str
    cluster_cidr: str = ""
    addresses: tuple[str, ...] = ()
    pod_cidr: str = ""
    zone: str = ""
    services: Table[str, Backed] = attrs.field(factory=lambda: Table(INDEXES))
    heard: tuple[str, ...] = ()
    dirty: bool = True
    waiting: bool = False
    synced_at: Instant | None = None
    rules: RuleSet | None = None


Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def begin(node_name: str, dice: Dice, *, cluster_cidr: str = "") -> State:  # noqa: ARG001  # it leaves nothing to chance
    """
    Give a proxy that knows nothing yet.

    Args:
        node_name: its node's.
        dice: as every component gets them.
        cluster_cidr: the flag --cluster-cidr; empty stands for --detect-local-mode=NodeCIDR.
    """
    return State(node_name=node_name, cluster_cidr=cluster_cidr)


def step(state: State, event: Hears) -> Step:
    """Take *event* in; what does not concern a proxy changes nothing."""
    match event:
        case Watched():
            return _on_watched(state, event)
        case TimerFired():
            return _synced(replace(state, waiting=False), event.now) if event.key == _SYNC else (state, ())
        case Started():
            return state, (_starting(state),)
        case _:
            return state, ()


def watches(state: State) -> tuple[Watch, ...]:
    """Declare the three watches."""
    return (Watch(_SERVICES, _SERVICES), Watch(_SLICES, _SLICES), Watch(_NODES, _NODES, state.node_name))


def rules_of(state: State) -> RuleSet | None:
    """Give the rules that are installed, None before the first time."""
    return state.rules


def _on_watched(state: State, event: Watched) -> Step:
    if event.watch == _NODES:
        after = _with_node(state, event)
    elif event.watch == _SERVICES:
        after = _with_services(state, event)
    else:
        after = _with_slices(state, event)
    if event.watch not in state.heard:
        after = replace(after, heard=(*state.heard, event.watch))
    return _synced(after, event.now) if after.dirty and not after.waiting else (after, ())


def _synced(state: State, now: Instant) -> Step:
    """Install what is known, unless it is too soon, or services or endpoints are not known yet."""
    if not state.dirty or _SERVICES not in state.heard or _SLICES not in state.heard:
        return state, ()
    if state.synced_at is not None and now - state.synced_at < _MIN_SYNC_PERIOD:
        return replace(state, waiting=True), (SetTimer(_SYNC, state.synced_at + _MIN_SYNC_PERIOD),)
    rules = RuleSet(
        node=state.node_name,
        addresses=state.addresses,
        local_cidr=state.cluster_cidr or state.pod_cidr,
        services=state.services,
        zone=state.zone,
    )
    return replace(state, dirty=False, synced_at=now, rules=rules), (Install(rules),)


def _with_node(state: State, event: Watched) -> State:
    node = event.changes[-1].new if event.changes else None
    if node is None:
        return state
    found = (node.status.addresses if node.status else None) or ()
    addresses = tuple([entry.address for entry in found if entry.type in ("InternalIP", "ExternalIP")])
    pod_cidr = (node.spec.pod_cidr if node.spec else None) or ""
    zone = (node.metadata.labels or {}).get(_ZONE, "")
    if addresses == state.addresses and pod_cidr == state.pod_cidr and zone == state.zone:
        return state
    return replace(state, addresses=addresses, pod_cidr=pod_cidr, zone=zone, dirty=True)


def _with_services(state: State, event: Watched) -> State:
    services = state.services
    for change in event.changes:
        service = change.new if change.new is not None and is_proxied(change.new) else None
        known = services.get(change.key, _UNKNOWN)
        if not _same_service(known.service, service):
            services = _filed(services, change.key, Backed(service, known.slices))
    return state if services is state.services else replace(state, services=services, dirty=True)


def _with_slices(state: State, event: Watched) -> State:
    services = state.services
    concerned = [change.new if change.new is not None else change.old for change in event.changes]
    for key in dict.fromkeys([key for piece in concerned if (key := _service_key(piece))]):
        namespace, _, name = key.partition("/")
        slices = tuple([piece for piece in event.view.under("service", (namespace, name)) if is_used(piece)])
        known = services.get(key, _UNKNOWN)
        if not _same_slices(known.slices, slices):
            services = _filed(services, key, Backed(known.service, slices))
    return state if services is state.services else replace(state, services=services, dirty=True)


_UNKNOWN: Final = Backed()


def _filed(services: Table[str, Backed], key: str, backed: Backed) -> Table[str, Backed]:
    if backed.service is not None or backed.slices:
        return services.set(key, backed)
    return services.remove(key) if key in services else services


def _same_service(old: core_v1.Service | None, new: core_v1.Service | None) -> bool:
    """Tell that nothing changed that packets depend on; only the same object is sure to be the same, at this price."""
    if old is None or new is None:
        return old is new
    return old.spec is new.spec and old.status is new.status


def _same_slices(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    return len(old) == len(new) and all(
        before.endpoints is after.endpoints and before.ports is after.ports
        for before, after in zip(old, new, strict=True)
    )


def _service_key(piece: Any) -> str:
    name = (piece.metadata.labels or {}).get(_SERVICE_NAME)
    return f"{piece.metadata.namespace}/{name}" if name else ""


def _starting(state: State) -> Record:
    # Upstream does not read its node for this: it uses the name as uid.
    node = core_v1.Node(metadata=meta_v1.ObjectMeta(name=state.node_name, uid=state.node_name))
    return Record(node, "Normal", "Starting", "")
