"""
Following: the files that show ConfigMaps, Secrets and the pod itself are brought up to date while the pod runs.

Each ConfigMap and Secret that a volume names is watched, unless it is immutable. Once one has changed, its volumes are
set up again when the kubelet next looks at the pod: that is every minute, up to half of one later by chance, and at
once when the pod itself is changed or a container of it ends. What cannot be set up stays as it is and is told, and is
tried again, later each time.

Takes:    the answers with which a pod's volumes were mounted; Watched of what they name; the timer `follow`.
Gives:    WriteVolume, OpenWatch, CloseWatch, Call, SetTimer, CancelTimer, Record.
Source:   the kubelet's managers of ConfigMaps and Secrets that watch; its volume manager: MarkRemountRequired;
          https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import meta_v1
from reconcile.components.kubelet.awaited import Following
from reconcile.components.kubelet.state import LocalPod, State, with_seldom
from reconcile.components.kubelet.volume import asking, files, volumes
from reconcile.effects import Call, CancelTimer, CloseWatch, Effect, OpenWatch, SetTimer, WriteVolume
from reconcile.events import Watched
from reconcile.lib.instant import MILLISECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import settings_of
from reconcile.model.requests import Response

_WATCHED: Final = (f"{volumes.CONFIG_MAPS}/", f"{volumes.SECRETS}/")
_NOT_FOUND: Final = Response(404, meta_v1.Status(code=404, reason="NotFound"))
_OK: Final = 200


def begin(state: State, pod: LocalPod, answers: Mapping[str, Response], now: Instant, out: list[Effect]) -> State:
    """Write what a pod's volumes show, now that they can be mounted, and follow it from now on."""
    named = _named(pod)
    if not files.shown(pod) or (pod.static and named):  # a static pod names no object of the API
        return state
    found = Map([(key, answers[key]) for key in named])
    for key, response in found.items():
        state = _watch(state, pod, key, response, out)
    return _written(state, pod, Following(found=found), now, out)


def resume(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Follow what a pod's volumes show that ran before this kubelet started: it is asked for anew."""
    if not files.shown(pod):
        return state
    named = _named(pod)
    if not named:
        return begin(state, pod, {}, now, out)
    out += [Call(asking.request_of(pod, key), ("follow", pod.uid, key)) for key in named]
    return _keep(state, pod, Following(asked=named))


def answered(state: State, pod: LocalPod, answer: dict[str, Response], now: Instant, out: list[Effect]) -> State:
    """Take the answer about one object in."""
    known = state.seldom.following.get(pod.uid)
    if known is None or not set(known.asked).issuperset(answer):
        return state
    asked = tuple([each for each in known.asked if each not in answer])
    known = replace(known, asked=asked, found=known.found.merge(answer))
    for key, response in answer.items():
        state = _watch(state, pod, key, response, out)
    return _keep(state, pod, known) if asked else _written(state, pod, known, now, out)


def watched(state: State, event: Watched, now: Instant, out: list[Effect]) -> State:
    """Take in that a ConfigMap or a Secret has changed: the pods that show it are to be looked at."""
    resource, _, full = event.watch.partition("/")
    namespace, _, name = full.partition("/")
    if event.watch not in state.seldom.shown:
        return state
    obj: Any = event.view.get(full)
    state = with_seldom(state, shown=state.seldom.shown.set(event.watch, obj))
    if obj is not None and obj.immutable:
        out.append(CloseWatch(event.watch))  # it never changes again
    for uid, known in state.seldom.following.items():
        pod = state.pods.get(uid, None)
        if pod is None or pod.key.partition("/")[0] != namespace:
            continue
        had = known.found.get(f"{resource}/{name}")
        if had is not None and not _is_same(had, obj):
            state = _due(state, pod, known, now, out)
    return state


def looked(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Bring a pod's volumes up to date, as the kubelet looks at the pod for another reason."""
    known = state.seldom.following.get(pod.uid)
    if known is None or known.asked or known.delay:
        return state
    return due(state, pod, now, out)


def due(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Set a pod's volumes up again with what is known by now."""
    known = state.seldom.following.get(pod.uid)
    if known is None or known.asked or pod.life not in {"running", "restarting"}:
        return state
    if known.due > now:
        out.append(CancelTimer(("follow", pod.uid)))
    namespace = pod.key.partition("/")[0]
    found = known.found
    for key, had in found.items():
        full = _full(namespace, key)
        if full in state.seldom.shown and not _is_same(had, obj := state.seldom.shown[full]):
            found = found.set(key, _NOT_FOUND if obj is None else Response(_OK, obj))
    refused = tuple([key for key, had in found.items() if not had.ok and not key.startswith(_WATCHED)])
    if refused:
        out += [Call(asking.request_of(pod, key), ("follow", pod.uid, key)) for key in refused]
        return _keep(state, pod, replace(known, asked=refused, found=found, due=0))
    return _written(state, pod, replace(known, found=found), now, out)


def released(state: State, pod: LocalPod, out: list[Effect]) -> State:
    """Follow what a pod's volumes show no more: it ends."""
    known = state.seldom.following.get(pod.uid)
    if known is None:
        return state
    if known.due:
        out.append(CancelTimer(("follow", pod.uid)))
    state = with_seldom(state, following=state.seldom.following.remove(pod.uid))
    needed = {_full(other.key.partition("/")[0], key) for other, row in _others(state) for key in row.found}
    for key in known.found:
        full = _full(pod.key.partition("/")[0], key)
        if full in state.seldom.shown and full not in needed:
            obj = state.seldom.shown[full]
            if obj is None or not obj.immutable:
                out.append(CloseWatch(full))
            state = with_seldom(state, shown=state.seldom.shown.remove(full))
    return state


def _others(state: State) -> list[tuple[LocalPod, Following]]:
    rows = [(state.pods.get(uid, None), row) for uid, row in state.seldom.following.items()]
    return [(pod, row) for pod, row in rows if pod is not None]


def _named(pod: LocalPod) -> tuple[str, ...]:
    """Name what the volumes show."""
    return tuple(dict.fromkeys([key for volume in files.shown(pod) for key in volumes.named_in(pod.pod.spec, volume)]))


def _watch(state: State, pod: LocalPod, key: str, response: Response, out: list[Effect]) -> State:
    """Watch an object from now on, if it is not watched and may change."""
    full = _full(pod.key.partition("/")[0], key)
    if not key.startswith(_WATCHED) or full in state.seldom.shown:
        return state
    obj: Any = response.body if response.ok else None
    if obj is None or not obj.immutable:
        resource, _, name = full.partition("/")
        out.append(OpenWatch(resource, name))
    return with_seldom(state, shown=state.seldom.shown.set(full, obj))


def _full(namespace: str, key: str) -> str:
    resource, _, name = key.partition("/")
    return f"{resource}/{namespace}/{name}"


def _is_same(had: Response, obj: Any) -> bool:
    if obj is None or not had.ok:
        return obj is None and not had.ok
    return bool(had.body.metadata.resource_version == obj.metadata.resource_version)


def _due(state: State, pod: LocalPod, known: Following, now: Instant, out: list[Effect]) -> State:
    """Set a pod's volumes up again when the kubelet next looks at it, or when what failed may be tried again."""
    if known.asked or (known.due and not known.delay):
        return state
    at = known.due or now + _until_next_look(state, pod, now)
    out.append(SetTimer(("follow", pod.uid), at))
    return _keep(state, pod, replace(known, due=at))


def _until_next_look(state: State, pod: LocalPod, now: Instant) -> Duration:
    """Give how long it is until the kubelet looks at a pod that nothing happens to: some part of the time between."""
    every = settings_of(state.host.kubelet).sync_every // MILLISECOND
    longer, dice = state.seldom.dice.named(f"{pod.uid}/look/{now}").below(every // 2 + 1)
    return (1 + dice.below(every + longer)[0]) * MILLISECOND


def _written(state: State, pod: LocalPod, known: Following, now: Instant, out: list[Effect]) -> State:
    """Write those of the pod's volumes anew that show something else by now; tell of those that cannot be set up."""
    faults: list[volumes.Fault] = []
    written = known.files
    for volume in files.shown(pod):
        why = tuple(volumes.faults_in(state, pod, volume, known.found, {}))
        if why:
            faults += why
            continue
        made = files.files_of(state, pod, volume, known.found)
        if written.get(volume.name) != made:
            out.append(WriteVolume(pod.uid, volume.name, made))
            written = written.set(volume.name, made)
    if not faults:
        return _keep(state, pod, replace(known, files=written, delay=0, due=0))
    out += asking.told(pod, tuple(faults))
    delay = asking.next_delay(known.delay)
    out.append(SetTimer(("follow", pod.uid), now + delay, periodic=True))  # nothing changes until somebody helps
    return _keep(state, pod, replace(known, files=written, delay=delay, due=now + delay))


def _keep(state: State, pod: LocalPod, known: Following) -> State:
    return with_seldom(state, following=state.seldom.following.set(pod.uid, known))
