"""
The properties of Kubernetes itself that hold at every step, whatever is late, lost, stopped or stale.

Source: the API's own guarantees (https://kubernetes.io/docs/reference/using-api/api-concepts/), the scheduler's
contract that a node's allocatable is never exceeded, and the election's contract as client-go's leaderelection states
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.api import core_v1
from reconcile.api.kinds import resource_for
from reconcile.cluster.cluster import Cluster
from reconcile.cluster.components import FROZEN
from reconcile.cluster.pending import Sent
from reconcile.components import election, world
from reconcile.lib.errors import ReconcileError
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.requests import joined
from reconcile.model.resources import allocatable, requests_of
from reconcile.properties import identities
from reconcile.properties.budgets import ALLOWED
from reconcile.properties.ownership import HOUSED
from reconcile.properties.pods import PODS
from reconcile.properties.property import Passage, Property, broken
from reconcile.properties.services import DISTINCT
from reconcile.properties.volumes import STORAGE
from reconcile.store import Change, mod_revision

_FINISHED: Final = ("Succeeded", "Failed")
_RECENT: Final = 64  # so many of a resource's last changes are looked at where only one cluster is given
_ELECTED_WITHOUT_LEADING: Final = ("election", "recorder")  # the calls of a candidate


def violations(cluster: Cluster, properties: tuple[Property, ...] | None = None) -> tuple[str, ...]:
    """Give `name: sentence` for everything that is wrong in *cluster*; all of `ALWAYS` is checked by default."""
    return broken(cluster, ALWAYS if properties is None else properties)


# No pod on two nodes --------------------------------------------------------------------------------------------------


def _one_node_a_pod(cluster: Cluster) -> Iterator[str]:
    """A pod's containers run on the one node that its spec names."""
    pods = {pod.metadata.uid: pod for pod in cluster.store.table("pods").values()}
    homes: dict[str, str] = {}
    for host, uid in running(cluster):
        if uid in homes and homes[uid] != host:
            yield f"pod {uid} runs on {homes[uid]} and on {host}"
        homes[uid] = host
        pod = pods.get(uid)
        if pod is not None and pod.spec.node_name != host:
            key = joined(pod.metadata.namespace, pod.metadata.name)
            yield f"pod {key} is bound to {pod.spec.node_name}, runs on {host}"


def _ran_on_one_node(passage: Passage) -> Iterator[str]:
    before, after = passage.before, passage.after
    moved = any(change.resource == "pods" and _is_moved(change) for change in passage.changes)
    if moved or any(before.states.get(name) is not after.states.get(name) for name in _runtimes(after)):
        yield from _one_node_a_pod(after)


def _is_moved(change: Change) -> bool:
    return change.old is not None and change.new is not None and change.old.spec is not change.new.spec


def _runtimes(cluster: Cluster) -> list[str]:
    return [f"runtime/{host}" for host in cluster.hosts]


def running(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Give (host, pod uid) for every pod that has a container that lives."""
    for host in cluster.hosts:
        state = cluster.states.get(f"runtime/{host}")
        if state is None:
            continue
        for pod in world.containers(state).pods:
            if any(container.code is None for container in pod.containers):
                yield host, pod.uid


# A binding is for ever ------------------------------------------------------------------------------------------------


def _bound_once(cluster: Cluster) -> Iterator[str]:
    """A binding is for ever: no kept change moves a pod from one node to another."""
    yield from _rebound(_recent(cluster, "pods"))


def _stayed_bound(passage: Passage) -> Iterator[str]:
    yield from _rebound(passage.changes)


def _rebound(changes: Iterable[Change]) -> Iterator[str]:
    for change in changes:
        old, new = change.old, change.new
        if change.resource != "pods" or old is None or new is None or old.metadata.uid != new.metadata.uid:
            continue
        if old.spec.node_name and old.spec.node_name != new.spec.node_name:
            yield f"pod {change.key} moved from {old.spec.node_name} to {new.spec.node_name}"


def _recent(cluster: Cluster, resource: str) -> tuple[Change, ...]:
    history = cluster.store.history(resource)
    return history.between(max(history.start, history.end - _RECENT), history.end)


# No node over its allocatable -----------------------------------------------------------------------------------------


def _within_allocatable(cluster: Cluster) -> Iterator[str]:
    """
    The pods bound to a node request no more than it can allocate.

    One that its user gave a node counts once the node's kubelet has taken it: until then nobody has judged it.
    """
    for node in cluster.store.table("nodes").values():
        yield from _over(cluster, node)


def _filled_within_allocatable(passage: Passage) -> Iterator[str]:
    # What a node can allocate may shrink under the pods that it has; only who comes then is one too many.
    nodes = dict.fromkeys([change.new.spec.node_name for change in passage.changes if _fills(change)])
    for name in nodes:
        node = passage.after.store.get("nodes", name)
        if node is not None:
            yield from _over(passage.after, node)


def _over(cluster: Cluster, node: Any) -> Iterator[str]:
    if node.status is None or not node.status.allocatable:
        return
    room = allocatable(node)
    bound = [pod for pod in cluster.store.table("pods").under("node", node.metadata.name) if _counts(pod)]
    if "pods" in room and len(bound) > room["pods"]:
        yield f"node {node.metadata.name} has {len(bound)} pods of at most {room['pods']}"
    used: dict[str, int] = {}
    for pod in bound:
        for name, amount in requests_of(_allocated(pod)).items():
            used[name] = used.get(name, 0) + amount
    for name, amount in sorted(used.items()):
        if amount > room.get(name, 0):
            yield f"node {node.metadata.name} has {amount} of {name} requested, of {room.get(name, 0)}"


def _allocated(pod: Any) -> Any:
    """Give a pod's spec with the requests that its kubelet has allocated: a resize counts when it is taken."""
    spec = pod.spec
    rows = {row.name: row.allocated_resources for row in pod.status.container_statuses or () if row.allocated_resources}
    if not rows or all(rows.get(each.name) == (each.resources and each.resources.requests) for each in spec.containers):
        return spec
    has = [
        replace(each, resources=core_v1.ResourceRequirements(requests=rows[each.name])) if each.name in rows else each
        for each in spec.containers
    ]
    return replace(spec, containers=tuple(has))


def _fills(change: Change) -> bool:
    """Tell whether a change puts a pod on a node, or lets one there ask for more."""
    old, new = change.old, change.new
    if change.resource != "pods" or new is None or not new.spec.node_name:
        return False
    return old is None or old.spec is not new.spec or _placed(old) != _placed(new)


def _counts(pod: Any) -> bool:
    return _placed(pod) and pod.status.phase not in _FINISHED


def _placed(pod: Any) -> bool:
    """Tell whether the scheduler bound a pod to its node, or the node's kubelet took it."""
    return pod.status is not None and conditions.is_true(pod.status.conditions, "PodScheduled")


# Owner references valid -----------------------------------------------------------------------------------------------


def _owners_valid(cluster: Cluster) -> Iterator[str]:
    """
    An object has at most one controller, and an owner that exists has the uid that the reference says, or is not the
    one meant.
    """
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            if obj.metadata.owner_references:
                yield from _badly_owned(cluster, resource, key, obj)


def _owned_validly(passage: Passage) -> Iterator[str]:
    for change in passage.changes:
        old, new = change.old, change.new
        if new is None or not new.metadata.owner_references:
            continue
        if old is None or old.metadata.owner_references is not new.metadata.owner_references:
            yield from _badly_owned(passage.after, change.resource, change.key, new)


def _badly_owned(cluster: Cluster, resource: str, key: str, obj: Any) -> Iterator[str]:
    references = obj.metadata.owner_references or ()
    controllers = [reference for reference in references if reference.controller]
    if len(controllers) > 1:
        yield f"{resource} {key} has {len(controllers)} controllers"
    for reference in references:
        if not reference.uid or not reference.name:
            yield f"{resource} {key} has an owner without uid or name"
        yield from _wrong_kind(cluster, f"{resource} {key}", obj, reference)


def _wrong_kind(cluster: Cluster, what: str, obj: Any, reference: Any) -> Iterator[str]:
    try:
        owners = resource_for(reference.api_version, reference.kind)
    except ReconcileError:
        return
    space = obj.metadata.namespace if owners.namespaced else ""
    owner = cluster.store.get(owners.key, joined(space or "", reference.name))
    if owner is not None and owner.metadata.uid == reference.uid and owners.namespaced and not obj.metadata.namespace:
        yield f"{what} is cluster-scoped and owned by {reference.kind} {reference.name} in a namespace"


# resourceVersion strictly grows ---------------------------------------------------------------------------------------


def _versions_true(cluster: Cluster) -> Iterator[str]:
    """No object claims a resourceVersion that the store has not reached, and no two changes of a key share one."""
    for resource, table in cluster.store.tables.items():
        last: dict[str, int] = {}
        for change in _recent(cluster, resource):
            if change.revision <= last.get(change.key, 0):
                yield f"{resource} {change.key} went from revision {last[change.key]} to {change.revision}"
            last[change.key] = change.revision
        for key, obj in table.items():
            version = mod_revision(obj)
            if version > cluster.store.revision:
                yield f"{resource} {key} has resourceVersion {version} beyond {cluster.store.revision}"


def _versions_grew(passage: Passage) -> Iterator[str]:
    last = passage.before.store.revision
    for change in passage.changes:
        if change.revision < last:
            yield f"{change.resource} {change.key}: revision {change.revision} came after {last}"
        last = change.revision
        old, new = change.old, change.new
        if new is not None and mod_revision(new) != change.revision:
            yield f"{change.resource} {change.key} has {new.metadata.resource_version} at revision {change.revision}"
        if old is not None and mod_revision(old) >= change.revision:
            yield f"{change.resource} {change.key} went from {mod_revision(old)} to {change.revision}"


# No uid twice ---------------------------------------------------------------------------------------------------------


def uids_of(cluster: Cluster) -> Table[str, tuple[str, str]]:
    """Give whose each uid is, as (resource, key)."""
    found: Table[str, tuple[str, str]] = Table()
    return found.updated(dict(_uids(cluster)))


def uids_after(uids: Table[str, tuple[str, str]], changes: Iterable[Change]) -> Table[str, tuple[str, str]]:
    """Give whose each uid is after *changes*, if it was *uids* before; it costs what was made and deleted."""
    written: dict[str, tuple[str, str] | None] = {}
    for change in changes:
        old, new = _uid(change.old), _uid(change.new)
        if old != new:
            if old:
                written[old] = None
            if new:
                written[new] = (change.resource, change.key)
    return uids.updated(written) if written else uids


def _unlike(cluster: Cluster) -> Iterator[str]:
    """No two objects share a uid."""
    seen: dict[str, tuple[str, str]] = {}
    for uid, owner in _uids(cluster):
        if uid in seen:
            yield _shared(uid, seen[uid], owner)
        seen[uid] = owner


def _made_unlike(passage: Passage) -> Iterator[str]:
    if all(_uid(change.old) == _uid(change.new) for change in passage.changes):
        return
    uids = uids_of(passage.before) if passage.uids is None else passage.uids
    for change in passage.changes:
        uid, owner = _uid(change.new), (change.resource, change.key)
        other = uids.get(uid)
        if uid and other is not None and other != owner:
            yield _shared(uid, other, owner)
        uids = uids_after(uids, (change,))


def _uids(cluster: Cluster) -> Iterator[tuple[str, tuple[str, str]]]:
    for resource, table in cluster.store.tables.items():
        for key, obj in table.items():
            uid = _uid(obj)
            if uid:
                yield uid, (resource, key)


def _uid(obj: Any) -> str:
    return "" if obj is None else obj.metadata.uid or ""


def _shared(uid: str, one: tuple[str, str], other: tuple[str, str]) -> str:
    return f"{' '.join(one)} and {' '.join(other)} have one uid, {uid}"


# At most one leader ---------------------------------------------------------------------------------------------------


def _one_leader(cluster: Cluster) -> Iterator[str]:
    """
    Of the replicas of an elected component, at most one works; but for one that is paused, and one whose lease is over
    by its own clock, or that has read so, and that goes on until its deadline, as upstream lets it.
    """
    leading: dict[str, list[str]] = {}
    for name in cluster.elections:
        process = cluster.processes.get(name)
        if process is None or not process.leading or process.kind == FROZEN:
            continue
        state = cluster.elections[name]
        if not election.lost(state) and not election.overdue(state, cluster.now + process.skew):
            leading.setdefault(process.kind, []).append(name)
    for kind, names in leading.items():
        if len(names) > 1:
            yield f"{kind} is led by {' and '.join(names)}"


def _acts_for_its_lock(cluster: Cluster) -> Iterator[str]:
    """A candidate that does not lead sends nothing but what the election itself takes."""
    if all(process is None or process.leading for process in map(cluster.processes.get, cluster.elections)):
        return
    for item in cluster.pending.values():
        if not isinstance(item, Sent) or item.process not in cluster.elections:
            continue
        process = cluster.processes.get(item.process)
        if process is None or process.life != item.life or process.leading:
            continue
        if item.tag is not None and item.tag[0] not in _ELECTED_WITHOUT_LEADING:
            yield f"{item.process} does not lead and sends {item.request.verb} {item.request.resource}"


# No quota exceeded ----------------------------------------------------------------------------------------------------


def _within_quota(cluster: Cluster) -> Iterator[str]:
    """
    What was stored never took more of a quota than it limits.

    A limit may be lowered beneath what is used, and a count may find more than was known: neither stores anything else.
    """
    for change in _recent(cluster, "resourcequotas"):
        if any(True for _ in _exceeded(change)):
            others = [resource for resource in cluster.store.tables if resource != change.resource]
            stored = [each for resource in others for each in _recent(cluster, resource)]
            yield from _overdrawn([change, *stored])


def _stayed_within_quota(passage: Passage) -> Iterator[str]:
    if any(change.resource == "resourcequotas" for change in passage.changes):
        yield from _overdrawn(passage.changes)


def _overdrawn(changes: Iterable[Change]) -> Iterator[str]:
    found = list(changes)
    stored = {change.revision for change in found if change.resource != "resourcequotas" and change.new is not None}
    for change in found:
        if change.revision in stored:
            yield from _exceeded(change)


def _exceeded(change: Change) -> Iterator[str]:
    """Say of what a change of a quota takes more than that limits."""
    old, new = change.old, change.new
    if change.resource != "resourcequotas" or old is None or new is None or old.status is None or new.status is None:
        return
    before, hard = old.status.used or {}, new.status.hard or {}
    for name, amount in (new.status.used or {}).items():
        if name in hard and amount > hard[name] and (name not in before or amount > before[name]):
            yield f"resourcequotas {change.key} has {amount.text} of {name} used, of {hard[name].text}"


ALWAYS: Final[tuple[Property, ...]] = (
    Property("no pod on two nodes", _one_node_a_pod, _ran_on_one_node),
    Property("a binding is for ever", _bound_once, _stayed_bound, ("pods",)),
    Property("no node over its allocatable", _within_allocatable, _filled_within_allocatable, ("pods",)),
    Property("owner references valid", _owners_valid, _owned_validly),
    Property("resourceVersion strictly grows", _versions_true, _versions_grew),
    Property("no uid twice", _unlike, _made_unlike),
    Property("no quota exceeded", _within_quota, _stayed_within_quota, ("resourcequotas",)),
    Property("at most one leader", _one_leader),
    Property("only the leader acts", _acts_for_its_lock),
    Property("a stateful pod is itself", identities.identified, identities.stayed_identified, ("pods",)),
    *STORAGE,
    *PODS,
    HOUSED,
    ALLOWED,
    DISTINCT,
)
"""What holds at every step, whatever happens."""
