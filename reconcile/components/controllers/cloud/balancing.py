"""
Load balancers: the cloud makes one for each service of type LoadBalancer, and takes it down before the service goes.

Takes:    changes of services and nodes.
Gives:    finalizer and status of services; Kubernetes Events about them.
Source:   k8s.io/cloud-provider/controllers/service.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import convert
from reconcile.components.controllers.answers import is_done, message_of
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.effects import Record
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model.clouds import Cloud
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "service-controller"
FINALIZER: Final = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"
TO_BE_DELETED: Final = "ToBeDeletedByClusterAutoscaler"

# minRetryDelay and maxRetryDelay.
FIRST_RETRY: Final[Duration] = 5 * SECOND
LAST_RETRY: Final[Duration] = 300 * SECOND

HOSTS: Final[Key] = ""
"""The key of the nodes behind all load balancers."""

_FALSE: Final = ("0", "f", "F", "false", "FALSE", "False")
_ENSURING: Final = "ensuring"
_DELETING: Final = "deleting"

# Nodes behind a load balancer: (name, provider id).
Hosts: TypeAlias = tuple[tuple[str, str | None], ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Balancer:
    """
    What is known of one service's load balancer.

    Args:
        service: the service as it was when the cloud was last asked.
        stage: what the cloud is at: ensuring, deleting; empty for nothing.
        due: when it is done with that; 0 if it has not begun.
        failures: how often the cloud has failed.
        tries: how often in a row it came to nothing, whatever the reason.
        exists: it is there.
        hosts: the nodes behind it.
    """

    service: Any
    stage: str = ""
    due: Instant = 0
    failures: int = 0
    tries: int = 0
    exists: bool = False
    hosts: Hosts = ()


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What is known of all load balancers.

    Args:
        balancers: by the service's key.
        taken: address -> key of the service that has it.
    """

    balancers: Table[Key, Balancer] = attrs.field(factory=Table)
    taken: Table[str, Key] = attrs.field(factory=Table)


def keys_of_service(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a service whose load balancer is to be made, changed or deleted."""
    old, new = change.old, change.new
    if new is None:
        return () if _asked(old) is None else (change.key,)
    before = None if old is None else _asked(old)
    return (change.key,) if before != _asked(new) or _needs_cleanup(new) else ()


def keys_of_node(change: Change, _: Views) -> tuple[Key, ...]:
    """Give `HOSTS` if a node came or went, or is another one to load balancers."""
    old, new = change.old, change.new
    if old is None or new is None:
        return (HOSTS,)
    same = _is_included(old) is _is_included(new) and old.spec.provider_id == new.spec.provider_id
    return () if same else (HOSTS,)


def observe(memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Note which addresses are taken."""
    if change.resource != "services":
        return memory
    before, after = _addresses(change.old), _addresses(change.new)
    if before == after:
        return memory
    taken = memory.taken
    for address in before:
        taken = taken.remove(address) if taken.get(address) == change.key else taken
    for address in after:
        taken = taken.set(address, change.key)
    return replace(memory, taken=taken)


def reconcile(cloud: Cloud, ask: Ask) -> Outcome:
    """Bring one service's load balancer in line with the service, or all of them with the nodes."""
    if ask.key == HOSTS:
        return _with_hosts(ask)
    service = ask.views.get("services", ask.key)
    known: Balancer | None = ask.memory.balancers.get(ask.key, None)
    if service is None:
        return _gone(ask, known)
    known = known or Balancer(service=service, exists=bool(_addresses(service)))
    if ask.answers:
        return _answered(cloud, ask, service, known)
    if known.due > ask.now:
        return Outcome(after=known.due - ask.now)
    if known.stage == _ENSURING and known.due:
        return _ensured(cloud, ask, service, known)
    if known.stage == _DELETING:
        return _deleted(ask, service, known)
    if _needs_cleanup(service) or _asked(service) is None:
        return _deleting(cloud, ask, service, known)
    return _ensuring(cloud, ask, service, known)


def _remembered(ask: Ask, known: Balancer) -> Memory:
    return replace(ask.memory, balancers=ask.memory.balancers.set(ask.key, known))  # type: ignore[no-any-return]


def _forgotten(ask: Ask) -> Memory:
    memory: Memory = ask.memory
    return replace(memory, balancers=memory.balancers.remove(ask.key)) if ask.key in memory.balancers else memory


def _gone(ask: Ask, known: Balancer | None) -> Outcome:
    """Take down the load balancer of a service that went without waiting for that."""
    if known is None or known.stage == _DELETING or _asked(known.service) is None:
        return Outcome(memory=_forgotten(ask))
    said = (("DeletingLoadBalancer", "Deleting load balancer"), ("DeletedLoadBalancer", "Deleted load balancer"))
    records = tuple([Record(known.service, "Normal", reason, message) for reason, message in said])
    return Outcome(memory=_forgotten(ask), records=records)


def _ensuring(cloud: Cloud, ask: Ask, service: Any, known: Balancer) -> Outcome:
    """Hold the service with the finalizer, then let the cloud begin."""
    records = (Record(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer"),)
    known = replace(known, service=service, stage=_ENSURING, due=0)
    if FINALIZER in (service.metadata.finalizers or ()):
        return _begun(cloud, ask, service, known, records)
    held = (*(service.metadata.finalizers or ()), FINALIZER)
    return Outcome(calls=(_finalizers(service, held),), records=records, memory=_remembered(ask, known), again=True)


def _begun(cloud: Cloud, ask: Ask, service: Any, known: Balancer, records: tuple[Record, ...] = ()) -> Outcome:
    hosts = _hosts(ask.views)
    if not hosts:
        said = "There are no available nodes for LoadBalancer"
        records = (*records, Record(service, "Warning", "UnAvailableLoadBalancer", said))
    known = replace(known, due=ask.now + max(cloud.balance, 1), hosts=hosts)
    return Outcome(records=records, memory=_remembered(ask, known), after=max(cloud.balance, 1))


def _ensured(cloud: Cloud, ask: Ask, service: Any, known: Balancer) -> Outcome:
    """Say where the load balancer is that the cloud has made; or why it could not."""
    if known.failures < cloud.failures:
        why = "the cloud refuses to make a load balancer"
        return _failed(
            ask, service, replace(known, failures=known.failures + 1), f"failed to ensure load balancer: {why}"
        )
    ingress = _ingress(cloud, ask, service)
    if ingress is None:
        wanted = service.spec.load_balancer_ip
        why = f"address {wanted} is not to be had" if wanted else "no address is left"
        return _failed(ask, service, known, f"failed to ensure load balancer: {why}")
    changed = _asked(known.service) != _asked(service) or _needs_cleanup(service)
    known = replace(known, stage="", due=0, exists=True, tries=0)
    records = (Record(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer"),)
    memory = _remembered(ask, known)
    said = [convert.dump(each) for each in (_balancer_of(service).ingress if _balancer_of(service) else None) or ()]
    if said == [ingress]:
        return Outcome(records=records, memory=memory, again=changed)
    return Outcome(calls=(_status(service, ingress),), records=records, memory=memory, again=True)


def _deleting(cloud: Cloud, ask: Ask, service: Any, known: Balancer) -> Outcome:
    known = replace(known, service=service, stage=_DELETING)
    if not known.exists:
        return _deleted(ask, service, known)
    records = (Record(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer"),)
    known = replace(known, due=ask.now + max(cloud.balance, 1))
    return Outcome(records=records, memory=_remembered(ask, known), after=max(cloud.balance, 1))


def _deleted(ask: Ask, service: Any, known: Balancer) -> Outcome:
    """Let the service go from what held it for its load balancer's sake."""
    known = replace(known, exists=False, due=0)
    held = service.metadata.finalizers or ()
    if FINALIZER not in held:
        return _said_deleted(ask, service)
    kept = tuple([each for each in held if each != FINALIZER])
    return Outcome(calls=(_finalizers(service, kept),), memory=_remembered(ask, known), again=True)


def _said_deleted(ask: Ask, service: Any) -> Outcome:
    records = (Record(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer"),)
    memory = _forgotten(ask)
    if not _addresses(service) or service.metadata.deletion_timestamp is not None:
        return Outcome(records=records, memory=memory)
    return Outcome(calls=(_status(service, None),), records=records, memory=memory, again=True)


def _answered(cloud: Cloud, ask: Ask, service: Any, known: Balancer) -> Outcome:
    request, answer = ask.answers[0]
    about_finalizers = "metadata" in request.body
    if not is_done(answer):
        what = "failed to update load balancer status"
        if about_finalizers:
            verb = "remove" if known.stage == _DELETING else "add"
            what = f"failed to {verb} load balancer cleanup finalizer"
        return _failed(ask, service, known, f"{what}: {message_of(answer)}")
    if about_finalizers and known.stage == _DELETING:
        return _said_deleted(ask, service)
    if about_finalizers and known.stage == _ENSURING:
        return _begun(cloud, ask, service, known)
    if ask.key not in ask.memory.balancers:
        return Outcome()
    changed = _asked(known.service) != _asked(service) or _needs_cleanup(service)
    return _deleting(cloud, ask, service, known) if changed and _needs_cleanup(service) else Outcome(again=changed)


def _failed(ask: Ask, service: Any, known: Balancer, why: str) -> Outcome:
    """Say why it came to nothing, and try again after five seconds, which double."""
    record = Record(service, "Warning", "SyncLoadBalancerFailed", f"Error syncing load balancer: {why}")
    delay = min(FIRST_RETRY << min(known.tries, 20), LAST_RETRY)
    memory = _remembered(ask, replace(known, stage="", due=0, tries=known.tries + 1))
    return Outcome(records=(record,), memory=memory, after=delay)


def _with_hosts(ask: Ask) -> Outcome:
    """Let all load balancers lead to the nodes that there are."""
    balancers: Table[Key, Balancer] = ask.memory.balancers
    if not len(balancers):
        return Outcome()
    hosts, records = _hosts(ask.views), []
    for key, known in balancers.items():
        service = ask.views.get("services", key)
        if service is None or _asked(service) is None or not known.exists or known.hosts == hosts:
            continue
        balancers = balancers.set(key, replace(known, hosts=hosts))
        if hosts:
            records.append(Record(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts"))
        else:
            said = "There are no available nodes for LoadBalancer"
            records.append(Record(service, "Warning", "UnAvailableLoadBalancer", said))
    return Outcome(memory=replace(ask.memory, balancers=balancers), records=tuple(records))


def _asked(service: Any) -> tuple[Any, ...] | None:
    """Give all of a service that its load balancer is made by; None if it wants none of this cloud."""
    spec = service.spec
    if spec.type != "LoadBalancer" or spec.load_balancer_class is not None:
        return None
    return (
        service.metadata.uid,
        service.metadata.annotations or None,
        spec.ports,
        spec.load_balancer_source_ranges,
        spec.session_affinity,
        spec.session_affinity_config,
        spec.load_balancer_ip,
        spec.external_ips,
        spec.external_traffic_policy,
        spec.health_check_node_port,
        len(spec.ip_families or ()),
    )


def _needs_cleanup(service: Any) -> bool:
    if FINALIZER not in (service.metadata.finalizers or ()):
        return False
    return service.metadata.deletion_timestamp is not None or service.spec.type != "LoadBalancer"


def _is_included(node: Any) -> bool:
    excluded = (node.metadata.labels or {}).get(EXCLUDED)
    return excluded is None or excluded in _FALSE


def _hosts(views: Views) -> Hosts:
    """Give the nodes that load balancers lead to, ready or not."""
    return tuple(
        [
            (node.metadata.name, node.spec.provider_id)
            for node in views.table("nodes").values()
            if node.metadata.deletion_timestamp is None
            and _is_included(node)
            and not any(taint.key == TO_BE_DELETED for taint in node.spec.taints or ())
        ]
    )


def _balancer_of(service: Any) -> Any:
    return None if service is None or service.status is None else service.status.load_balancer


def _addresses(service: Any) -> tuple[str, ...]:
    """Give the addresses and names at which the service's load balancer is."""
    balancer = _balancer_of(service)
    found = (balancer.ingress if balancer else None) or ()
    return tuple([each.ip or each.hostname for each in found if each.ip or each.hostname])


def _ingress(cloud: Cloud, ask: Ask, service: Any) -> dict[str, str] | None:
    """Give where the service's load balancer is to be reached; None if there is no place for it."""
    uid = service.metadata.uid.replace("-", "")
    if cloud.hostnames:
        return {"hostname": f"a{uid}.{cloud.region or cloud.name}.example.com"}
    network, taken = IPv4Network(cloud.addresses), ask.memory.taken
    wanted = service.spec.load_balancer_ip
    if wanted:
        free = taken.get(wanted, ask.key) == ask.key and ip_address(wanted) in network
        return _at(wanted) if free else None
    for address in _addresses(service):
        if taken.get(address) == ask.key:
            return _at(address)
    size = max(network.num_addresses - 2, 1)  # the first is the network's own, the last its broadcast address
    start = int(uid, 16) % size
    for number in range(size):
        address = str(network[(start + number) % size + (network.num_addresses > 2)])  # noqa: PLR2004
        if address not in taken:
            return _at(address)
    return None


def _at(address: str) -> dict[str, str]:
    return {"ip": address, "ipMode": "VIP"}


def _finalizers(service: Any, wanted: tuple[str, ...]) -> Request:
    metadata = {"finalizers": wanted or None, "resourceVersion": service.metadata.resource_version}
    return _patch(service, Map({"metadata": Map(metadata)}))


def _status(service: Any, ingress: dict[str, str] | None) -> Request:
    balancer = Map({"ingress": None if ingress is None else (Map(ingress),)})
    return _patch(service, Map({"status": Map({"loadBalancer": balancer})}))


def _patch(service: Any, body: Map[Any]) -> Request:
    # What is changed of finalizers goes through the status too: of anything else this controller may change nothing.
    return Request(
        verb="patch",
        resource="services",
        namespace=service.metadata.namespace,
        name=service.metadata.name,
        subresource="status",
        body=body,
    )
