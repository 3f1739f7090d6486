"""
Pods: each is brought a step nearer to what it should be when something about it changes, and then reported: when it is
first seen, when a container ends, and when there is nothing more to start. One pod's steps follow each other: sandbox,
then container by container its image and its start.

Source:   the kubelet's pod workers (syncPod, syncTerminatingPod, syncTerminatedPod) and its status manager.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api.scalars import Time
from reconcile.components.kubelet.admission import admission, aligning, preemption
from reconcile.components.kubelet.container import containers, credentials, hooks
from reconcile.components.kubelet.node import checkpoints
from reconcile.components.kubelet.pod import choosing, ending, recalling, recreating, resizing, restarting
from reconcile.components.kubelet.pod.allotting import NOTHING, UNTOLD, Allotted, allotted, told
from reconcile.components.kubelet.pod.reporting import drifted, keep, keep_pulling, report, write
from reconcile.components.kubelet.state import UNLABELLED, LocalPod, State, container_of, with_seldom
from reconcile.components.kubelet.volume import following, mounting, preparing
from reconcile.effects import Call, Effect, Record, RunPodSandbox, SetTimer
from reconcile.events import Hooked
from reconcile.lib.instant import SECOND, Instant
from reconcile.lib.replacing import copier, replace
from reconcile.model.pods.hostnames import hostname_fault
from reconcile.model.pods.running import RunningPod
from reconcile.model.requests import Request

_TRY_AGAIN: Final = 10 * SECOND
NETWORK_NOT_READY: Final = (
    "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)


def seen(state: State, api: Any, now: Instant, out: list[Effect]) -> State:
    """Take in a pod of the API as it is now."""
    pod = state.pods.get(api.metadata.uid, None)
    if pod is None:
        trouble = state.seldom.trouble
        if trouble is not None and api.metadata.uid in trouble.critical:
            return with_seldom(state, trouble=replace(trouble, critical=trouble.critical.set(api.metadata.uid, api)))
        if api.metadata.uid in state.seldom.doubted:
            return with_seldom(state, doubted=state.seldom.doubted.set(api.metadata.uid, api))
        return add(state, api, checkpoints.allocated(state, api) if state.seldom.recalled else api, now, out)
    old: Any = pod.api
    if old is None:  # it was gone, and a view that lags shows it again: it goes on ending
        return keep(state, replace(pod, pod=api, api=api))
    if api.status is pod.written and _differs_in_status_alone(old, api):
        return state  # the echo of what was written
    wanted = api if pod.resize is None else resizing.as_allocated(pod, api)
    if api.metadata.deletion_timestamp is not None:
        grace = ending.grace_of(api)
        deleted = copier(LocalPod, "pod", "api", "life", "grace")
        if pod.life != "ending":
            return sync(state, deleted(pod, wanted, api, _ending(pod), grace), now, out)
        if grace < pod.grace:
            return ending.end(state, deleted(pod, wanted, api, pod.life, grace), now, out, sooner=True)
    if state.seldom.following and not _differs_in_status_alone(old, api):
        state = following.looked(state, replace(pod, pod=wanted), now, out)
    if api.spec is old.spec or pod.life != "running":
        pod = copier(LocalPod, "pod", "api")(pod, wanted, api)
    else:
        grace = ending.grace_of(api)
        state, pod = resizing.considered(state, replace(pod, api=api), grace, now, out)
        _time(pod, now, out)
        pod = containers.respecified(pod, grace, now, out)
        state = sync(state, resizing.settled(pod, out), now, out)
        pod = state.pods[pod.uid]
    return compared(state, pod, old, now, out)


def _differs_in_status_alone(old: Any, new: Any) -> bool:
    before, after = old.metadata, new.metadata
    return (
        new.spec is old.spec
        and after.labels is before.labels
        and after.annotations is before.annotations
        and after.owner_references is before.owner_references
        and after.finalizers is before.finalizers
        and after.generation == before.generation
        and after.deletion_timestamp is before.deletion_timestamp
    )


def compared(state: State, pod: LocalPod, old: Any, now: Instant, out: list[Effect]) -> State:
    """Write the status again if the API shows another one, which is neither *old* nor on its way."""
    api: Any = pod.api
    if api.status is not pod.written and api.status is not old.status:
        if api.status.phase in ending.FINISHED and pod.life in {"running", "restarting"}:
            # Somebody else says that it has ended.
            return sync(state, replace(pod, life="ending", grace=ending.grace_of(api)), now, out)
        if pod.calling:
            # Whether that is older than what is being written, or stands beside it, shows with the answer.
            return keep(state, replace(pod, version=-1))
        if drifted(pod, api):
            pod = report(state, replace(pod, written=None), now, out)
        elif api.spec.readiness_gates:
            pod = report(state, pod, now, out)
    return keep(state, pod)


def removed(state: State, uid: str, now: Instant, out: list[Effect]) -> State:
    """Take in that the pod is gone from the API: what still runs of it is stopped, and then it is forgotten."""
    pod = state.pods.get(uid, None)
    if pod is None:
        state = forgotten(state, uid)
        return with_seldom(state, doubted=state.seldom.doubted.remove(uid)) if uid in state.seldom.doubted else state
    # What goes without more ado was deleted with no grace, and so gets the least.
    ended = replace(pod, api=None, life=_ending(pod), grace=ending.LEAST_GRACE)
    if pod.life == "ending" and pod.grace > ending.LEAST_GRACE:
        return ending.end(state, ended, now, out, sooner=True)
    return sync(state, ended, now, out)


def forgotten(state: State, uid: str) -> State:
    """Let a pod go that waits for others to make room."""
    trouble = state.seldom.trouble
    if trouble is None or uid not in trouble.critical:
        return state
    return with_seldom(state, trouble=replace(trouble, critical=trouble.critical.remove(uid)))


def judged(state: State, uid: str, response: Any, now: Instant, out: list[Effect]) -> State:
    """Judge a pod anew, by the Node as the API server has it."""
    api = state.seldom.doubted.get(uid)
    if api is None:
        return state
    own = replace(state.node, seen=response.body) if response.ok else state.node
    state = with_seldom(replace(state, node=own), doubted=state.seldom.doubted.remove(uid))
    return add(state, api, checkpoints.allocated(state, api), now, out, sure=True)


def dismissed(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """End a static pod whose manifest is gone."""
    if pod.life == "ending":
        return state
    return sync(state, replace(pod, life=_ending(pod), grace=ending.grace_of(pod.pod)), now, out)


def roomier(state: State, now: Instant, out: list[Effect]) -> State:
    """Judge the critical pods anew that wait for others to make room, now that one has ended."""
    trouble = state.seldom.trouble
    for uid, api in () if trouble is None else trouble.critical.items():
        state = forgotten(state, uid)
        if uid in state.seldom.static.values():
            state = add(state, None, api, now, out, static=uid)
            out.append(SetTimer(("mirror", uid), now))
        elif uid not in state.pods:
            state = add(state, api, checkpoints.allocated(state, api), now, out)
    return resized(state, now, out)


def resized(state: State, now: Instant, out: list[Effect]) -> State:
    """Try the resizes again that wait, in their order."""
    for uid in resizing.waiting(state):
        state = _resized(state, state.pods[uid], now, out)
    return state


def _resized(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Try a resize again that was deferred."""
    known = state.seldom.trouble
    assert known is not None, "there was trouble"
    deferred = tuple([uid for uid in known.deferred if uid != pod.uid])
    state = with_seldom(state, trouble=replace(known, deferred=deferred))
    if pod.life != "running" or pod.api is None:
        return state
    grace = ending.grace_of(pod.api)
    state, pod = resizing.considered(state, pod, grace, now, out)
    return sync(state, resizing.settled(containers.respecified(pod, grace, now, out), out), now, out)


def container_resized(state: State, pod: LocalPod, name: str, now: Instant, out: list[Effect]) -> State:
    """Take in that a container has the resources that it was to get."""
    return sync(state, resizing.settled(resizing.resized(pod, name), out), now, out)


def add(
    state: State, api: Any, wanted: Any, now: Instant, out: list[Effect], *, static: str = "", sure: bool = False
) -> State:
    """
    Take a pod on: one that is new, or that an earlier life of this kubelet or host had.

    Args:
        state: the kubelet's.
        api: as the API shows it; None of a static pod.
        wanted: what is to run.
        now: the host's time.
        out: takes what is to be done.
        static: the uid of a static pod.
        sure: the Node's labels are known as they are, so a pod may be refused for them.
    """
    uid = static or wanted.metadata.uid
    metadata, spec = wanted.metadata, wanted.spec
    old = api.status if api is not None else None
    found = state.seldom.found.get(uid)
    started_at = (old.start_time if old is not None else None) or Time.at(now)
    made = recalling.containers_of(spec, old, found, now)
    asked = admission.requests_of(spec)
    begun = found is not None and any(kept.kind == "main" and kept.stage != "new" for kept in made)
    pod = LocalPod(
        uid,
        f"{metadata.namespace}/{metadata.name}",
        wanted,
        api,
        made,
        started_at,
        bool(static),
        initialised=begun or not spec.init_containers,
        written=old,
        allotted=_whole_of(state, spec, asked) if state.seldom.wholes else UNTOLD,
        restartable=choosing.may_restart_all(made),
    )
    if found is not None:
        state = recalling.claimed(state, found)
    elif old is not None and old.phase in ending.FINISHED:
        return sync(state, replace(pod, containers=(), life="ended", status=old), now, out)
    if found is not None:
        state, pod = _resumed(state, pod, found, now, out)
    elif metadata.deletion_timestamp is not None:
        return sync(state, replace(pod, life="ending", grace=ending.grace_of(wanted)), now, out)
    if metadata.deletion_timestamp is None:
        refused = admission.refusal(state, wanted, asked, static=bool(static))
        if state.host.kubelet:
            state, refused = aligning.judged(state, uid, spec, refused)
        if refused is not None and found is not None:
            return _readmitted(state, pod, refused, now, out)
        if refused is not None and refused[0].startswith("OutOf") and (static or admission.critical(wanted)):
            state, refused = preemption.make_room(state, uid, api or wanted, asked, now, out)
            if refused is None:
                return state
        if refused is not None:
            reason, message = refused
            if reason == "NodeAffinity" and not sure and not static:  # the labels may have changed meanwhile
                out.append(Call(Request(verb="get", resource="nodes", name=state.host.name), ("doubted", uid)))
                return with_seldom(state, doubted=state.seldom.doubted.set(uid, api))
            out.append(Record(wanted, "Warning", reason, message))
            pod = replace(pod, containers=(), life="ended", verdict=(reason, f"Pod was rejected: {message}"))
            return _rejected(state, pod, now, out)
        if found is None and any(container.runs for container in made):
            out.append(Record(wanted, "Normal", "SandboxChanged", recreating.SANDBOX_CHANGED))
    state = admission.admitted(state, pod, asked)
    if state.seldom.recalled:
        state, pod = resizing.resumed(state, pod, now, out)
    if metadata.deletion_timestamp is not None:
        pod = replace(pod, life="ending", grace=ending.grace_of(wanted))
    else:
        _time(pod, now, out)
    return sync(state, pod, now, out)


def _resumed(state: State, pod: LocalPod, found: RunningPod, now: Instant, out: list[Effect]) -> tuple[State, LocalPod]:
    """Give a pod that ran before this kubelet started as it goes on."""
    pod = recalling.resumed(replace(pod, sandbox="ready", ip=found.ip), pod.written, now, out)
    if state.seldom.claims:
        pod = preparing.shown(state, pod)
    state = credentials.ask(state, pod, out)
    if state.seldom.follows:
        state = following.resume(state, pod, now, out)
    metadata: Any = pod.pod.metadata
    return recreating.begun(state, pod, out) if found.lost and metadata.deletion_timestamp is None else (state, pod)


def _readmitted(state: State, pod: LocalPod, refused: tuple[str, str], now: Instant, out: list[Effect]) -> State:
    """Judge a pod that ran before this kubelet started as if it were new: if there is no place for it, it ends."""
    reason = refused[0]
    state = admission.admitted(state, pod, admission.requests_of(pod.pod.spec))
    if reason == "NodeAffinity":  # the labels may have changed since the Node was last seen
        out.append(Call(Request(verb="get", resource="nodes", name=state.host.name), ("rejudged", pod.uid)))
        state, pod = resizing.resumed(state, pod, now, out)
        _time(pod, now, out)
        return sync(state, pod, now, out)
    return _evicted(state, pod, refused, now, out)


def rejudged(state: State, uid: str, response: Any, now: Instant, out: list[Effect]) -> State:
    """Judge a pod that runs by the Node's labels as the API server has them."""
    pod = state.pods.get(uid, None)
    if not response.ok or pod is None or pod.life != "running":
        return state
    state = replace(state, node=replace(state.node, seen=response.body))
    refused = admission.unselected(state, pod.pod.spec)
    return state if refused is None else _evicted(state, pod, refused, now, out)


def _evicted(state: State, pod: LocalPod, refused: tuple[str, str], now: Instant, out: list[Effect]) -> State:
    reason, message = refused
    out.append(Record(pod.pod, "Warning", reason, message))
    verdict = (reason, f"Pod was rejected: {message}")
    return sync(state, replace(pod, life="ending", grace=ending.grace_of(pod.pod), verdict=verdict), now, out)


def _rejected(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    state, wait = admission.rejected(state, now)
    if not wait:
        return sync(state, pod, now, out)
    out.append(SetTimer(("retry", pod.uid), now + wait))
    return keep(state, pod)


def _time(pod: LocalPod, now: Instant, out: list[Effect]) -> None:
    spec: Any = pod.pod.spec
    if spec.active_deadline_seconds is not None:
        deadline = pod.started_at.instant + spec.active_deadline_seconds * SECOND
        out.append(SetTimer(("deadline", pod.uid), max(deadline, now)))


def sync(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Do for the pod what can be done now."""
    if pod.life != "running":
        if pod.life == "ending":
            return ending.end(state, pod, now, out)
        if pod.life == "ended":
            return ending.finish(state, pod, now, out)
        pod = restarting.advanced(state, pod, now, out)
        if pod.life != "running":
            return keep(state, pod)
    if pod.sandbox != "ready":
        if pod.sandbox != "none":
            return _recreated(state, pod, now, out) if pod.sandbox == "lost" else keep(state, pod)
        spec: Any = pod.pod.spec
        if (
            spec.volumes
            or spec.image_pull_secrets
            or spec.resource_claims
            or state.seldom.careful
            or spec.set_hostname_as_fqdn
        ):
            return _with_care(state, pod, now, out)
        labels: Any = pod.pod.metadata and pod.pod.metadata.labels
        out.append(RunPodSandbox(pod.key, pod.uid, bool(spec.host_network), labels or UNLABELLED))
        pod = copier(LocalPod, "sandbox")(pod, "asked")
        return keep(state, pod if pod.ip else report(state, pod, now, out))
    if choosing.under_way(pod):
        return keep(state, pod)
    if choosing.finished(pod):
        pod = report(state, pod, now, out)
        return ending.end(state, replace(pod, life="ending", grace=ending.grace_of(pod.pod)), now, out)
    wanted, initialised = choosing.startable(pod)
    if pod.containers[-1].kind == "ephemeral":
        wanted = (*choosing.added(pod), *wanted)
    if initialised and not pod.initialised:
        pod = replace(pod, initialised=True)
    for container in wanted:
        pod, pull = containers.launch(state, pod, container, now, out)
        if pull is not None:
            return keep_pulling(state, pod, (*state.pulls, pull))
        if choosing.under_way(pod):
            return keep(state, pod)
    return keep(state, report(state, pod, now, out))


def _recreated(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Bring a pod a step nearer to its next sandbox, or to its end if it is to have none."""
    state, pod = recreating.advanced(state, pod, now, out)
    if pod.sandbox == "none":
        return sync(state, pod, now, out)
    if choosing.finished(pod):
        pod = report(state, pod, now, out)
        return ending.end(state, replace(pod, life="ending", grace=ending.grace_of(pod.pod)), now, out)
    return keep(state, pod)


def unboxed(state: State, pod: LocalPod, why: str, now: Instant, out: list[Effect]) -> State:
    """Take in that a pod's sandbox could not be made: it is tried again."""
    if pod.sandbox != "asked":
        return state
    out += (
        Record(pod.pod, "Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {why}"),
        SetTimer(("due", pod.uid), now + _TRY_AGAIN),
    )
    return keep(state, copier(LocalPod, "sandbox")(pod, "none"))


def restart_all(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Begin to start all containers of the pod again, in place, and say so."""
    return sync(state, report(state, replace(pod, life="restarting"), now, out), now, out)


def _with_care(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Have a sandbox made, once all is there that the pod may wait for: its volumes, its devices, its network."""
    # What had a sandbox has its volumes and devices.
    state, waits = _awaits(state, pod, now, out) if not pod.ip else (state, False)
    if waits:
        return keep(state, report(state, pod, now, out))
    spec: Any = pod.pod.spec
    network, host_network = "", bool(spec.host_network)
    if not state.host.pod_cidr:
        node = state.node.seen
        network = (node.spec.pod_cidr if node is not None and node.spec is not None else None) or ""
        if not network and not host_network:
            if pod.status is None:
                out.append(Record(pod.pod, "Warning", "NetworkNotReady", NETWORK_NOT_READY))
            return keep(state, report(state, pod, now, out))
    if spec.set_hostname_as_fqdn and (fault := hostname_fault(pod.pod)):
        return unboxed(state, report(state, replace(pod, sandbox="asked"), now, out), fault, now, out)
    labels: Any = pod.pod.metadata and pod.pod.metadata.labels
    out.append(RunPodSandbox(pod.key, pod.uid, host_network, labels or UNLABELLED, network))
    pod = copier(LocalPod, "sandbox")(pod, "asked")
    # Of one that had a sandbox before there is no news until it runs again.
    return keep(state, pod if pod.ip else report(state, pod, now, out))


def networked(state: State, now: Instant, out: list[Effect]) -> State:
    """Go on with the pods that wait for the node to be given addresses, now that it is."""
    for uid, pod in state.pods.items():
        if pod.life == "running" and pod.sandbox == "none":
            state = sync(state, state.pods[uid], now, out)
    return state


def _awaits(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> tuple[State, bool]:
    """Tell whether a pod waits for what its volumes are made of, or for its devices, before it has a sandbox."""
    spec: Any = pod.pod.spec
    if spec.volumes or spec.image_pull_secrets:
        state, waits = mounting.awaits(state, pod, now, out)
        if waits:
            return state, True
    return preparing.awaits(state, pod, now, out) if preparing.wants(pod) else (state, False)


def expired(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Fail the pod, because its activeDeadlineSeconds are over."""
    if pod.life not in {"running", "restarting"}:
        return state
    said = "Pod was active on the node longer than the specified deadline"
    out.append(Record(pod.pod, "Normal", "DeadlineExceeded", said))
    verdict = ("DeadlineExceeded", said)
    return sync(state, replace(pod, life="ending", grace=ending.grace_of(pod.pod), verdict=verdict), now, out)


def _whole_of(state: State, spec: Any, asked: Any) -> Allotted:
    if state.host.kubelet:
        return told(state.host, spec)
    return allotted(spec) if asked else NOTHING


def _ending(pod: LocalPod) -> Any:
    return "ended" if pod.life == "ended" else "ending"


def hooked(state: State, pod: LocalPod, report: Hooked, now: Instant, out: list[Effect]) -> State:
    """Take in how a lifecycle hook ended."""
    container = container_of(pod, report.container)
    if container is None:
        return state
    return sync(state, hooks.answered(pod, container, report, now, out), now, out)


# Status ---------------------------------------------------------------------------------------------------------------


def answered(state: State, pod: LocalPod, response: Any, now: Instant, out: list[Effect]) -> State:
    """Take the answer to the pod's call in, and go on to the next."""
    call = pod.calling
    if not response.ok:
        pod = replace(pod, calling="", written=None if call == "status" else pod.written)
        if response.reason not in {"NotFound", "Conflict"}:
            out.append(SetTimer(("retry", pod.uid), now + _TRY_AGAIN))
        # Of what is gone, or another's, the watch will tell.
        return keep(state, pod)
    if call == "delete":
        return state
    seen, version = pod.version, int(response.body.metadata.resource_version or 0)
    pod = copier(LocalPod, "calling", "version")(pod, "", version)
    if pod.life == "ended":
        return ending.finish(state, pod, now, out)
    if seen < 0 and pod.api is not None and drifted(pod, pod.api):
        return keep(state, report(state, replace(pod, written=None), now, out))
    return keep(state, write(pod, out))


def retry(state: State, pod: LocalPod, now: Instant, out: list[Effect]) -> State:
    """Make the call again that was refused."""
    if pod.calling:
        return state
    return ending.finish(state, pod, now, out) if pod.life == "ended" else keep(state, write(pod, out))


# What a pod starts from -----------------------------------------------------------------------------------------------
