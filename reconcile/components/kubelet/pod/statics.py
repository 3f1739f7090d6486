"""
Static pods: those of the manifests on the host's disk, which run without an API server, and their mirrors in the API.

Source:   the kubelet's config (file source, applyDefaults) and pod (mirror client) packages.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.api.scalars import Time
from reconcile.components.kubelet import calls
from reconcile.components.kubelet.pod import pods, recalling, recreating, reporting
from reconcile.components.kubelet.state import MIRROR, Container, LocalPod, State, with_seldom
from reconcile.effects import Call, Effect, Record, SetTimer
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.hosts import Host
from reconcile.model.requests import Request, key_of, split_key

TRY_AGAIN: Final = 10 * SECOND
_HASH: Final = "kubernetes.io/config.hash"
_SEEN: Final = "kubernetes.io/config.seen"
_SOURCE: Final = "kubernetes.io/config.source"


def start(state: State, now: Instant, out: list[Effect]) -> State:
    """Take every static pod on."""
    for manifest in state.host.manifests:
        wanted = static_pod(manifest, state.host, now)
        uid = wanted.metadata.uid
        state = with_seldom(state, static=state.seldom.static.set(key_of(wanted), uid))
        state = pods.add(state, None, wanted, now, out, static=uid)
    return state


def changed(state: State, manifests: tuple[Any, ...], now: Instant, out: list[Effect]) -> State:
    """Take in that the manifests on the disk are others: pods of those that are gone or changed end, new ones begin."""
    state = replace(state, host=replace(state.host, manifests=manifests))
    wanted = {key_of(pod): pod for pod in [static_pod(manifest, state.host, now) for manifest in manifests]}
    old = state.seldom.static
    static = Map([(key, str(pod.metadata.uid)) for key, pod in wanted.items()])
    state = with_seldom(state, static=static)
    for key, uid in old.items():
        pod = state.pods.get(uid, None)
        if static.get(key) != uid:
            state = pods.forgotten(state, uid) if pod is None else pods.dismissed(state, pod, now, out)
    for key in static:
        state = begun(state, key, now, out)
    return state


def begun(state: State, key: str, now: Instant, out: list[Effect]) -> State:
    """Take a static pod on that is not there yet, unless the one of its name before it has not ended."""
    uid = state.seldom.static.get(key)
    if uid is None or uid in state.pods or any(pod.static and pod.key == key for pod in state.pods.values()):
        return state
    for manifest in state.host.manifests:
        wanted = static_pod(manifest, state.host, now)
        if wanted.metadata.uid == uid:
            state = pods.add(state, None, wanted, now, out, static=uid)
            pod = state.pods.get(uid, None)
            return state if pod is None else mirror(state, pod, out)
    return state


def static_pod(manifest: Any, host: Host, now: Instant) -> Any:
    """Give the pod that a manifest makes on this host."""
    metadata, spec = manifest.metadata or meta_v1.ObjectMeta(), manifest.spec
    uid = blake2b(f"{host.name}\n{metadata!r}\n{spec!r}".encode(), digest_size=16).hexdigest()
    annotations = {_HASH: uid, _SEEN: Time.at(now).text, _SOURCE: "file"}
    made = replace(
        metadata,
        name=f"{metadata.name}-{host.name}",
        namespace=metadata.namespace or "default",
        uid=uid,
        annotations=Map.of(metadata.annotations or ()).merge(annotations),
    )
    forever = core_v1.Toleration(effect="NoExecute", operator="Exists")
    tolerations = (*(spec.tolerations or ()), forever)
    return core_v1.Pod(metadata=made, spec=replace(spec, node_name=host.name, tolerations=tolerations))


def mirror_seen(state: State, api: Any, now: Instant, out: list[Effect]) -> State:
    """Take in a mirror as the API shows it: one that is being deleted, or shows another manifest, is removed."""
    pod = _of(state, api)
    metadata = api.metadata
    if pod is None or metadata.deletion_timestamp is not None or metadata.annotations.get(MIRROR) != pod.uid:
        out.append(calls.delete(api, ("unmirrored", key_of(api))))
        return state
    old = pod.api
    if old is not None and _uid(old) == metadata.uid:
        return pods.compared(state, replace(pod, api=api), old, now, out)
    since = api.status.start_time if api.status is not None else None
    pod = replace(pod, api=api, started_at=since or pod.started_at, written=api.status, calling="", version=0)
    if old is None and api.status is not None:
        pod = _recalled(pod, api.status, now, out)
    return reporting.keep(state, reporting.report(state, pod, now, out))


def _recalled(pod: LocalPod, status: core_v1.PodStatus, now: Instant, out: list[Effect]) -> LocalPod:
    """Count on from what the mirror says: of the starts before its host was off it alone knows."""
    made: list[Container] = []
    was_off = False
    for container in pod.containers:
        fresh = Container(container.spec, container.kind)
        shown = recalling.remembered(fresh, status, now, lost=False)
        ended = container.last.terminated if container.last is not None else None
        if shown.id and shown.id == container.id:
            known = replace(container, runs=max(container.runs, shown.runs), last=container.last or shown.last)
        elif shown.runs >= max(container.runs, 1) and (ended is None or ended.container_id != shown.id):
            lost = recalling.remembered(fresh, status, now, lost=True)
            known = replace(container, runs=shown.runs + container.runs, last=container.last or lost.state or lost.last)
            was_off = True
        else:
            known = container
        made.append(known)
    if was_off:
        out.append(Record(pod.pod, "Normal", "SandboxChanged", recreating.SANDBOX_CHANGED))
    return replace(pod, containers=tuple(made))


def mirror_gone(state: State, api: Any, out: list[Effect]) -> State:
    """Take in that a mirror is gone from the API: it is made again."""
    pod = _of(state, api)
    if pod is None or (pod.api is not None and _uid(pod.api) != api.metadata.uid):
        return state
    pod = replace(pod, api=None, written=None, calling="")
    return mirror(reporting.keep(state, pod), pod, out)


def mirror_all(state: State, out: list[Effect]) -> State:
    """Ask for every mirror that is not there, once the Node is registered and the API's pods are known."""
    for uid in state.seldom.static.values():
        pod = state.pods.get(uid, None)
        if pod is not None:
            state = mirror(state, pod, out)
    return state


def mirror(state: State, pod: LocalPod, out: list[Effect]) -> State:
    """Ask for the mirror of a static pod."""
    node = state.node.seen
    if pod.api is not None or not state.seldom.synced or not state.node.registered or node is None:
        return state
    owner = meta_v1.OwnerReference(api_version="v1", kind="Node", name=state.host.name, uid=_uid(node), controller=True)
    wanted: Any = pod.pod
    annotations = wanted.metadata.annotations.set(MIRROR, pod.uid)
    metadata = replace(wanted.metadata, uid=None, annotations=annotations, owner_references=(owner,))
    body = core_v1.Pod(metadata=metadata, spec=wanted.spec)
    namespace, _ = split_key(pod.key)
    out.append(Call(Request(verb="create", resource="pods", namespace=namespace, body=body), ("mirror", pod.uid)))
    return state


def mirror_answered(state: State, uid: str, response: Any, now: Instant, out: list[Effect]) -> State:
    """Take in whether the mirror could be made; the watch will show it."""
    if not response.ok and response.reason != "AlreadyExists":
        out.append(SetTimer(("mirror", uid), now + TRY_AGAIN))
    return state


def is_mirror(api: Any) -> bool:
    """Tell whether a pod of the API is a mirror."""
    annotations = api.metadata.annotations
    return annotations is not None and MIRROR in annotations


def _of(state: State, api: Any) -> LocalPod | None:
    uid = state.seldom.static.get(key_of(api))
    return None if uid is None else state.pods.get(uid, None)


def _uid(obj: Any) -> str:
    return str(obj.metadata.uid)
