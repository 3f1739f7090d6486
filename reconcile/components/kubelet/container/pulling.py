"""
Pulling: what follows when an image has been pulled, or could not be.

Takes:    ImagePulled, ImagePullFailed.
Gives:    PullImage for the next of the queue, and what the container that waited gives.
Source:   the kubelet's image manager: serial and parallel pulls.
"""

from __future__ import annotations

from reconcile.components.kubelet.container import containers, credentials
from reconcile.components.kubelet.node import imaging, nodes, pressure
from reconcile.components.kubelet.pod import pods, reporting
from reconcile.components.kubelet.state import LocalPod, Pull, State, container_of
from reconcile.effects import Effect, PullImage
from reconcile.events import ImagePulled, ImagePullFailed
from reconcile.lib.instant import Instant
from reconcile.lib.replacing import copier, replace


def reported(state: State, report: ImagePulled | ImagePullFailed, now: Instant, out: list[Effect]) -> State:
    """Take in that an image is there, or cannot be had; go on with who waits for it, and with the next pull."""
    since, pulls = now, state.pulls
    if isinstance(report, ImagePulled) and report.image not in state.images:
        images = state.images.set(report.image, report.size)
        state = nodes.changed(copier(State, "images")(state, images), now, out)
        if imaging.matters(state):
            state = pressure.look(imaging.collect_later(imaging.detected(state, now), now, out), now, out)
    if pulls and pulls[0].uid == report.uid and pulls[0].container == report.container:
        since, pulls = pulls[0].since, pulls[1:]
        if pulls:
            pulls = _next_pulls(state, pulls, out)
    elif len(pulls) > 1 and state.seldom.parallel > 1:
        since, pulls = _one_of_several(state, report, out) or (since, pulls)
    pod = state.pods.get(report.uid, None)
    container = None if pod is None else container_of(pod, report.container)
    if pod is None or container is None or pod.life not in {"running", "restarting"} or container.stage != "pulling":
        return replace(state, pulls=pulls)
    if report.image != container.spec.image:
        return pods.sync(replace(state, pulls=pulls), containers.pulled_in_vain(pod, container), now, out)
    if isinstance(report, ImagePulled):
        if report.login or state.seldom.pulled or state.host.kubelet:
            state = credentials.noted(state, pod, report.image, report.login)
        started = containers.pulled(state, pod, container, report, out, waited=now - since, now=now)
        return reporting.keep_pulling(state, started, pulls)
    state = credentials.ask(replace(state, pulls=pulls), pod, out)
    return pods.sync(state, containers.pull_failed(pod, container, report, now, out), now, out)


def _one_of_several(
    state: State, report: ImagePulled | ImagePullFailed, out: list[Effect]
) -> tuple[Instant, tuple[Pull, ...]] | None:
    """Give since when the pull was wanted that has ended, and those that are left."""
    pulls = state.pulls
    for place, pull in enumerate(pulls[: state.seldom.parallel]):
        if pull.uid == report.uid and pull.container == report.container:
            return pull.since, _next_pulls(state, (*pulls[:place], *pulls[place + 1 :]), out)
    return None


def _next_pulls(state: State, pulls: tuple[Pull, ...], out: list[Effect]) -> tuple[Pull, ...]:
    """Begin the next pull, now that one has ended; give what is left to be pulled."""
    under_way = state.seldom.parallel - 1
    waiting = pulls[under_way:]
    while waiting and not _pulling(state.pods.get(waiting[0].uid, None), waiting[0].container):
        waiting = waiting[1:]  # that pod has gone in the meantime
    if waiting:
        order = PullImage(waiting[0].uid, waiting[0].container, waiting[0].image)
        out.append(credentials.with_logins(state, state.pods[order.uid], order) if state.seldom.secrets else order)
    return (*pulls[:under_way], *waiting)


def _pulling(pod: LocalPod | None, name: str) -> bool:
    container = None if pod is None or pod.life not in {"running", "restarting"} else container_of(pod, name)
    return container is not None and container.stage == "pulling"
