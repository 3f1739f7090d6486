"""
The kubelet's own Node: registered at the start, reported when it changes and every five minutes; and its heartbeat.

Source:   the kubelet's kubelet_node_status and nodestatus; component-helpers' lease controller.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from reconcile.api import coordination_v1, core_v1, meta_v1
from reconcile.api.kinds import KUBERNETES_VERSION
from reconcile.api.quantity import NANO
from reconcile.api.scalars import MicroTime, Quantity, Time
from reconcile.components.kubelet.node import registering
from reconcile.components.kubelet.state import OwnNode, State, Trouble
from reconcile.components.kubelet.volume.holding import in_use
from reconcile.effects import Call, Effect, Record, SetTimer
from reconcile.lib.dice import Dice
from reconcile.lib.instant import MILLISECOND, SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import copier, replace
from reconcile.model.hosts import Host
from reconcile.model.kubelets import quantity_of, settings_of
from reconcile.model.kubelets.settings import WHOLES
from reconcile.model.patches.ofstatus import StatusPatch
from reconcile.model.requests import Request, Response

LEASES: Final = "leases.coordination.k8s.io"
NAMESPACE: Final = "kube-node-lease"
RENEWALS: Final = 4
"""How often a Lease is renewed while it holds."""
PATIENCE: Final = 40 * SECOND
"""How long an answer is waited for before the same is asked once more."""
_FIRST_TRY: Final = 200 * MILLISECOND
_LAST_TRY: Final = 7 * SECOND

_PRESSURES: Final = (
    ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)
_READY: Final = ("Ready", "KubeletReady", "kubelet is posting ready status")
_SHORT: Final = (
    ("MemoryPressure", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    ("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure"),
    ("PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
)
_PRESSED: Final = tuple([(row, "False") for row in _PRESSURES])
_SAID_OF: Final = {
    ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
    ("MemoryPressure", "False"): "NodeHasSufficientMemory",
    ("DiskPressure", "True"): "NodeHasDiskPressure",
    ("DiskPressure", "False"): "NodeHasNoDiskPressure",
    ("PIDPressure", "True"): "NodeHasInsufficientPID",
    ("PIDPressure", "False"): "NodeHasSufficientPID",
    ("Ready", "True"): "NodeReady",
    ("Ready", "False"): "NodeNotReady",
}
_SHUTS_DOWN: Final = ("Ready", "KubeletNotReady", "node is shutting down")
_MINE: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")


def start(state: State, now: Instant, out: list[Effect]) -> State:
    """Say that the kubelet starts, and register its Node."""
    name = state.host.name
    node = _about(name)
    trouble = state.seldom.trouble
    words = [_SAID_OF[row[0], status] for row, status in (_PRESSED if trouble is None else _pressures(trouble))]
    out.append(Record(node, "Normal", "Starting", "Starting kubelet."))
    out += [Record(node, "Normal", word, f"Node {name} status is now: {word}") for word in words]
    out.append(Record(node, "Normal", "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods"))
    return register(state, now, out)


def register(state: State, now: Instant, out: list[Effect]) -> State:
    """Ask for the Node to be created."""
    out.append(Call(Request(verb="create", resource="nodes", body=_node(state, now)), ("register",)))
    return state


def register_answered(state: State, response: Response, now: Instant, out: list[Effect]) -> State:
    """Go on from there: the Node is new, or was there before, or it is tried again."""
    if response.ok:
        state = _registered(state, response.body, now, out)
        if not (response.body.status and response.body.status.conditions):
            return report(state, now, out)  # what was sent as status did not count
        return replace(state, node=replace(state.node, reported_at=now))
    if response.reason == "AlreadyExists":
        out.append(Call(Request(verb="get", resource="nodes", name=state.host.name), ("registered",)))
        return state
    return _later(state, ("register",), now, out)


def found_answered(state: State, response: Response, now: Instant, out: list[Effect]) -> State:
    """Bring the Node that was there before up to date: labels, then status."""
    if not response.ok:
        return _later(state, ("register",), now, out)
    node = response.body
    state = _registered(state, node, now, out)
    labels = Map.of(node.metadata.labels or ()).merge(labels_of(state.host))
    if labels != (node.metadata.labels or Map()):
        patch = Map({"metadata": Map({"labels": labels})})
        out.append(Call(Request(verb="patch", resource="nodes", name=state.host.name, body=patch), ("relabelled",)))
    return report(state, now, out)


def seen(state: State, node: Any, now: Instant, out: list[Effect]) -> State:
    """Take in the Node as the API shows it; what another says in its conditions is put right at the next update."""
    own = state.node
    if node is None:
        return replace(state, node=replace(own, seen=None))  # it is not made again, as long as this kubelet lives
    state = _with_node(state, copier(OwnNode, "seen")(own, node))
    waits = own.reporting and now - own.reported_at < PATIENCE  # for what was made of its last report
    if own.registered and not waits and not own.dirty and _misjudged(state, node):
        return changed(state, now, out)
    return state


def changed(state: State, now: Instant, out: list[Effect]) -> State:
    """Note that the Node's status has changed: it is reported at the next update, some ten seconds after the last."""
    own = state.node
    if own.dirty or not own.registered:
        return state
    every = settings_of(state.host.kubelet).update_every
    passed = (now - own.reported_at) // every + 1
    out.append(SetTimer(("node",), own.reported_at + passed * every))
    return _with_node(state, replace(own, dirty=True))


def report(state: State, now: Instant, out: list[Effect]) -> State:
    """Write the Node's status."""
    own = state.node
    seen: Any = own.seen
    if seen is None or not own.registered:
        return replace(state, node=replace(own, dirty=False))
    if own.reporting and now - own.reported_at < PATIENCE:
        out.append(SetTimer(("node",), now + settings_of(state.host.kubelet).update_every, periodic=True))
        return state
    name = state.host.name
    before = {kept.type: kept for kept in (seen.status.conditions if seen.status else None) or ()}
    status = _status(state, now, before)
    for row in status.conditions or ():
        was = before.get(row.type)
        if was is not None and was.status != row.status:
            word = _SAID_OF[row.type, row.status]
            out.append(Record(_about(name), "Normal", word, f"Node {name} status is now: {word}"))
    machine: Any = status.node_info
    if seen.status is not None:
        booted = seen.status.node_info
        if booted is not None and booted.boot_id not in ("", machine.boot_id):
            said = f"Node {name} has been rebooted, boot id: {machine.boot_id}"
            out.append(Record(_about(name), "Warning", "Rebooted", said))
        foreign = tuple([kept for kept in seen.status.conditions or () if kept.type not in _MINE])
        status = replace(
            status,
            conditions=(*foreign, *(status.conditions or ())),
            volumes_attached=seen.status.volumes_attached,
            volumes_in_use=in_use(state) if state.seldom.holds or seen.status.volumes_in_use else None,
            config=seen.status.config,
        )
        if seen.status.capacity and not seen.status.capacity.keys() <= state.host.capacity.keys():
            status = _with_foreign_resources(status, seen.status.capacity)
    request = Request(
        verb="patch",
        resource="nodes",
        name=state.host.name,
        subresource="status",
        body=StatusPatch("", seen.status, status),
        patch_type="strategic",
    )
    out.append(Call(request, ("node",)))
    _again(state, ("node",), now + settings_of(state.host.kubelet).report_every, out)
    return _with_node(state, replace(own, reported_at=now, dirty=False, reporting=True))


def report_answered(state: State, response: Response, now: Instant, out: list[Effect]) -> State:
    """Try again at the next update if the status was not taken, or another's word stands beside it."""
    state = _with_node(state, replace(state.node, reporting=False))
    # A patch says nothing of what had not changed when it was made: it may have come late, and another was before it.
    return state if response.ok and not _misjudged(state, response.body) else changed(state, now, out)


# Heartbeat ------------------------------------------------------------------------------------------------------------


def renew(state: State, now: Instant, out: list[Effect]) -> State:
    """Send a heartbeat: renew the Lease, or make it."""
    own = state.node
    lease = own.lease
    seconds = settings_of(state.host.kubelet).lease_seconds
    _again(state, ("lease",), now + seconds * SECOND // RENEWALS, out)
    if own.asked_at and now - own.asked_at < PATIENCE:
        return state
    renewed = coordination_v1.LeaseSpec(
        holder_identity=state.host.name, lease_duration_seconds=seconds, renew_time=MicroTime.at(now)
    )
    if lease is None:
        body = coordination_v1.Lease(metadata=_lease_metadata(state), spec=renewed)
        request = Request(verb="create", resource=LEASES, namespace=NAMESPACE, body=body)
    else:
        body = coordination_v1.Lease(metadata=lease.metadata, spec=renewed)
        request = Request(verb="update", resource=LEASES, namespace=NAMESPACE, name=state.host.name, body=body)
    out.append(Call(request, ("lease",)))
    return _with_lease(state, lease, now)


def renew_answered(state: State, response: Response, now: Instant, out: list[Effect]) -> State:
    """Remember the Lease as it is now; look it up if it is not what it was thought to be."""
    own = state.node
    if response.ok:
        return _with_lease(state, response.body, 0)
    state = _with_lease(state, own.lease, 0)
    if response.reason in {"Conflict", "AlreadyExists"}:
        out.append(Call(Request(verb="get", resource=LEASES, namespace=NAMESPACE, name=state.host.name), ("leased",)))
        return state
    if own.lease is not None and response.reason != "NotFound" and state.seldom.heartbeats:
        return state  # the next heartbeat tries again
    return _later(_with_lease(state, None, 0), ("lease",), now, out)


def lease_found(state: State, response: Response, now: Instant, out: list[Effect]) -> State:
    """Renew the Lease that was found."""
    if not response.ok:
        return state
    return renew(_with_lease(state, response.body, 0), now, out)


def _with_lease(state: State, lease: Any, asked_at: Instant) -> State:
    return _with_node(state, copier(OwnNode, "lease", "asked_at")(state.node, lease, asked_at))


_with_node: Final[Callable[[State, OwnNode], State]] = copier(State, "node")


def _lease_metadata(state: State) -> meta_v1.ObjectMeta:
    node: Any = state.node.seen
    owner = (
        meta_v1.OwnerReference(api_version="v1", kind="Node", name=state.host.name, uid=node.metadata.uid)
        if node
        else None
    )
    return meta_v1.ObjectMeta(
        name=state.host.name, namespace=NAMESPACE, owner_references=None if owner is None else (owner,)
    )


# What the Node says ---------------------------------------------------------------------------------------------------


def allocatable_of(host: Host) -> Map[Quantity]:
    """Give what pods may use: the capacity without what is reserved, and what hard thresholds keep free."""
    return _allocatable(host.capacity, host.reserved, host.kubelet)


def capacity_of(host: Host) -> Map[Quantity]:
    """Give what there is of each resource, as the Node says it: of pods what the kubelet takes."""
    return _capacity(host.capacity, host.kubelet)


@lru_cache(maxsize=256)
def _capacity(written: Map[str], configured: Map[str]) -> Map[Quantity]:
    found = {name: Quantity.parse(text) for name, text in written.items()}
    settings = settings_of(configured)
    most = settings.most_pods
    if settings.pods_per_core and "cpu" in found:
        each = found["cpu"].nanos // NANO * settings.pods_per_core
        most = min(each, found["pods"].whole if most is None and "pods" in found else most or _MOST_PODS)
    if most is not None:
        found["pods"] = Quantity.of(nanos=most * NANO)
    return Map(found)


@lru_cache(maxsize=256)
def _allocatable(written: Map[str], reserved: Map[str], configured: Map[str]) -> Map[Quantity]:
    """Give what is left of a capacity: what a host says that it lacks counts for whatever its kubelet keeps."""
    settings, capacity = settings_of(configured), _capacity(written, configured)
    kept = dict(settings.reserved)
    for row in settings.thresholds:
        name = _KEPT_FREE.get(row.signal)
        if row.hard and name is not None and name in capacity:
            kept[name] = kept.get(name, 0) + quantity_of(row, capacity[name].whole) * NANO
    kept.update({name: Quantity.parse(text).nanos for name, text in reserved.items()})
    return Map(
        {
            name: each if not kept.get(name) else Quantity.of(nanos=max(each.nanos - kept[name], 0), form=each.form)
            for name, each in capacity.items()
        }
    )


_KEPT_FREE: Final = {"memory.available": "memory", "nodefs.available": "ephemeral-storage"}
_MOST_PODS: Final = 110


def _registered(state: State, node: Any, now: Instant, out: list[Effect]) -> State:
    first = state.node.lease is None
    state = replace(state, node=replace(state.node, seen=node, registered=True, tries=0))
    _again(state, ("node",), now + settings_of(state.host.kubelet).report_every, out)
    if not first:
        return state
    registering.begin(state, out)
    return renew(state, now, out)


def _again(state: State, key: tuple[str, ...], at: Instant, out: list[Effect]) -> None:
    """Set the timer of a heartbeat, where there are any."""
    if state.seldom.heartbeats:
        out.append(SetTimer(key, at, periodic=True))


def _later(state: State, key: tuple[str, ...], now: Instant, out: list[Effect]) -> State:
    own = state.node
    wait = min(_FIRST_TRY << min(own.tries, 10), _LAST_TRY)
    out.append(SetTimer(key, now + wait, periodic=key == ("lease",)))
    return replace(state, node=replace(own, tries=own.tries + 1))


def about(state: State) -> core_v1.Node:
    """Give what events about the Node are about."""
    return _about(state.host.name)


def _about(name: str) -> core_v1.Node:
    # Upstream's kubelet does not read its Node for what it records: it takes the name for the uid.
    return core_v1.Node(metadata=meta_v1.ObjectMeta(name=name, uid=name))


def _misjudged(state: State, node: Any) -> bool:
    conditions = (node.status.conditions if node.status else None) or ()
    rows = {kept.type: kept.status for kept in conditions}
    trouble = state.seldom.trouble
    if trouble is not None:
        wanted = {row[0]: status for row, status in _pressures(trouble)}
        wanted["Ready"] = "False" if trouble.shuts_down else "True"
        return any(rows.get(name) != status for name, status in wanted.items())
    return rows.get("Ready") != "True" or any(rows.get(name) != "False" for name in _MINE[:3])


def _pressures(trouble: Trouble) -> list[tuple[tuple[str, str, str], str]]:
    rows = zip(_PRESSURES, _SHORT, strict=True)
    return [(short, "True") if short[0] in trouble.conditions else (calm, "False") for calm, short in rows]


def _node(state: State, now: Instant) -> core_v1.Node:
    host = state.host
    return core_v1.Node(
        metadata=meta_v1.ObjectMeta(
            name=host.name,
            labels=labels_of(host),
            annotations=Map({"volumes.kubernetes.io/controller-managed-attach-detach": "true"}),
        ),
        spec=core_v1.NodeSpec(
            pod_cidr=host.pod_cidr or None,
            pod_cidrs=(host.pod_cidr,) if host.pod_cidr else None,
            taints=(*host.taints, *_configured_taints(host)) or None,
        ),
        status=_status(state, now, {}),
    )


def _configured_taints(host: Host) -> list[core_v1.Taint]:
    rows = settings_of(host.kubelet).taints
    return [core_v1.Taint(key=key, value=value or None, effect=effect) for key, value, effect in rows]


def labels_of(host: Host) -> Map[str]:
    """Give the labels that the host's Node has from its kubelet."""
    usual = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": host.name,
        "kubernetes.io/os": "linux",
    }
    return host.labels.merge(usual)


def _status(state: State, now: Instant, before: dict[str, Any]) -> core_v1.NodeStatus:
    host, trouble = state.host, state.seldom.trouble
    ready, is_ready = (_READY, "True") if trouble is None or not trouble.shuts_down else (_SHUTS_DOWN, "False")
    images = sorted(state.images.items(), key=lambda row: (-row[1], row[0]))
    settings = settings_of(host.kubelet)
    most = settings.most_images
    images = images if most < 0 else images[:most]
    return core_v1.NodeStatus(
        addresses=(
            core_v1.NodeAddress(type="InternalIP", address=host.ip),
            core_v1.NodeAddress(type="Hostname", address=host.name),
        ),
        allocatable=allocatable_of(host),
        capacity=capacity_of(host),
        conditions=(
            *[
                _condition(row, status, _since(row[0], status, before, now), now)
                for row, status in (_PRESSED if trouble is None else _pressures(trouble))
            ],
            _condition(ready, is_ready, _since("Ready", is_ready, before, now), now),
        ),
        daemon_endpoints=core_v1.NodeDaemonEndpoints(kubelet_endpoint=core_v1.DaemonEndpoint(port=10250)),
        declared_features=_FEATURES if settings.tells_wholes else _FEWER_FEATURES,
        images=tuple([core_v1.ContainerImage(names=(name,), size_bytes=size) for name, size in images]) or None,
        node_info=_machine(state.seldom.dice.seed, host.name, state.seldom.boots),
    )


# Source: component-helpers' nodedeclaredfeatures/features, of which the gates are on in 1.36.
_FEWER_FEATURES: Final = (
    "ExtendWebSocketsToKubelet",
    "InPlacePodVerticalScalingInitContainers",
    "RestartAllContainersOnContainerExits",
)
_FEATURES: Final = tuple(sorted((*_FEWER_FEATURES, WHOLES)))


def _with_foreign_resources(status: core_v1.NodeStatus, seen: Map[Quantity]) -> core_v1.NodeStatus:
    """Keep what others say that a node has, such as extended resources, which no device plugin of its own brought."""
    own, allocatable = status.capacity or Map(), status.allocatable or Map()
    foreign = {name: amount for name, amount in seen.items() if name not in own}
    return replace(status, capacity=Map({**own, **foreign}), allocatable=Map({**allocatable, **foreign}))


def _since(type: str, status: str, before: dict[str, Any], now: Instant) -> Instant:
    old = before.get(type)
    since = old.last_transition_time if old is not None and old.status == status else None
    return now if since is None else int(since.instant)


@lru_cache(maxsize=1024)
def _condition(row: tuple[str, str, str], status: str, since: Instant, now: Instant) -> core_v1.NodeCondition:
    type, reason, message = row
    return core_v1.NodeCondition(
        type=type,
        status=status,
        reason=reason,
        message=message,
        last_heartbeat_time=Time.at(now),
        last_transition_time=Time.at(since),
    )


@lru_cache(maxsize=8192)
def _machine(seed: int, name: str, boots: int) -> core_v1.NodeSystemInfo:
    # By the host's name alone, so that a machine is the same one in each life of its kubelet; each boot draws anew.
    dice = Dice(seed, f"machine/{name}")
    machine, dice = dice.uuid()
    system, dice = dice.uuid()
    boot, _ = replace(dice, count=dice.count + boots).uuid()
    return core_v1.NodeSystemInfo(
        architecture="amd64",
        boot_id=boot,
        container_runtime_version="containerd://2.2.0",
        kernel_version="6.12.0",
        kube_proxy_version="",
        kubelet_version=f"v{KUBERNETES_VERSION}",
        machine_id=machine.replace("-", ""),
        operating_system="linux",
        os_image="Debian GNU/Linux 13 (trixie)",
        system_uuid=system,
    )
