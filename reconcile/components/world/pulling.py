"""
Pulling: images that come to a host: as long as each takes, or from a registry of which behaviours say how fast it is.

What comes to one host from one registry shares its bandwidth, in equal parts, as long as it comes at the same time.

Takes:    PullImage, TimerFired.
Gives:    Report, SetTimer.
Source:   containerd's pulls; processor sharing for what they have of a line.
Left out: layers that images share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from reconcile.effects import Effect, PullImage, Report, SetTimer
from reconcile.events import ImagePulled, ImagePullFailed
from reconcile.lib.instant import SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.behaviours.registries import Registry, found, refusal
from reconcile.model.kubelets import VERIFICATION
from reconcile.model.pods.images import full_name
from reconcile.model.pods.pullsecrets import digest

if TYPE_CHECKING:
    from reconcile.components.world.state import State

TIMERS: Final = frozenset({"asked", "arrival"})
_ARRIVAL: Final = ("arrival", "")


@quick
@attrs.frozen(weakref_slot=False)
class Download:
    """An image on its way: for whom, since when, and what is missing of it, in bytes times nanoseconds a second."""

    uid: str
    container: str
    image: str
    began: Instant
    left: int


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Traffic:
    """
    What comes to a host from registries.

    Args:
        downloads: what is on its way.
        seen: as of when that is so.
        tried: how often each image was asked for.
        logins: which login is used for a pull that is under way, by `UID/CONTAINER`: its number, and its digest.
        pulled: images of which it is noted how they were pulled -> digests of the logins; none if nobody needs one.
    """

    downloads: tuple[Download, ...] = ()
    seen: Instant = 0
    tried: Map[int] = Map()
    logins: Map[tuple[int, str]] = Map()
    pulled: Map[tuple[str, ...]] = Map()


def pull(state: State, order: PullImage, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Begin to pull an image, or to find out that it is there."""
    behaviour = state.behaviours.of(order.image)
    if order.logins or state.traffic is not None:
        state = _with_login(state, order, 1 if order.logins else 0)
    if state.behaviours.registries and (registry := registry_of(state, order.image)) is not None:
        return begin(state, order, registry, now)
    there = order.image in state.images or behaviour.preloaded
    span = behaviour.again if there else behaviour.pull
    took = span.low
    if took != span.high:
        took, _ = span.draw(state.dice.named(f"{order.uid}/{order.container}/pull/{now}"))
    if took:
        return state, (SetTimer(("pull", order.uid, order.container, order.image, took), now + took),)
    return pulled(state, order, took)


def pulled(state: State, order: PullImage, took: Duration) -> tuple[State, tuple[Effect, ...]]:
    """Let an image be there, if there is such an image."""
    behaviour = state.behaviours.of(order.image)
    if behaviour.absent and order.image not in state.images:
        message = refusal("manifest unknown", full_name(order.image))
        return state, (Report(ImagePullFailed(order.uid, order.container, order.image, message)),)
    if order.image not in state.images:
        state = replace(state, images=state.images.set(order.image, behaviour.size))
    size, there = state.images[order.image], behaviour.preloaded
    # One that came for another pod meanwhile is pulled again: a kubelet looks what is there before it waits its turn.
    if state.traffic is None and not state.host.kubelet:
        return state, (Report(ImagePulled(order.uid, order.container, order.image, there, took, size)),)
    state, login = _noted(state, order.uid, order.container, order.image)
    return state, (Report(ImagePulled(order.uid, order.container, order.image, there, took, size, login)),)


def _with_login(state: State, order: PullImage, number: int) -> State:
    """Remember which login a pull uses, from 1 on; 0 for none."""
    traffic = state.traffic or Traffic()
    key = f"{order.uid}/{order.container}"
    logins = traffic.logins
    if number:
        logins = logins.set(key, (number, digest(order.logins[number - 1])))
    elif key in logins:
        logins = logins.remove(key)
    return replace(state, traffic=replace(traffic, logins=logins))


def _noted(state: State, uid: str, container: str, image: str) -> tuple[State, int]:
    """Note how an image was pulled, if with a login, or if its kubelet goes by that; give the login's number."""
    traffic = state.traffic or Traffic()
    key = f"{uid}/{container}"
    used = traffic.logins.get(key)
    if used is None:
        if image in traffic.pulled or VERIFICATION in state.host.kubelet:
            state = replace(state, traffic=replace(traffic, pulled=traffic.pulled.set(image, ())))
        return state, 0
    number, mark = used
    known = traffic.pulled.get(image)
    marks = known if known is not None and (not known or mark in known) else (*(known or ()), mark)
    traffic = replace(traffic, logins=traffic.logins.remove(key), pulled=traffic.pulled.set(image, marks))
    return replace(state, traffic=traffic), number


def removed(state: State, image: str) -> State:
    """Let an image be gone, and how it was pulled be forgotten."""
    if image not in state.images:
        return state
    state = replace(state, images=state.images.remove(image))
    traffic = state.traffic
    if traffic is None or image not in traffic.pulled:
        return state
    return replace(state, traffic=replace(traffic, pulled=traffic.pulled.remove(image)))


def registry_of(state: State, image: str) -> Registry | None:
    """Give the registry of an image, if anything is said of it."""
    return found(state.behaviours.registries, full_name(image))


def begin(state: State, order: PullImage, registry: Registry, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Ask a registry for an image: it answers, or refuses, when its latency is over."""
    traffic = state.traffic or Traffic()
    tried = traffic.tried.get(order.image, 0)
    state = replace(state, traffic=replace(traffic, tried=traffic.tried.set(order.image, tried + 1)))
    dice = state.dice.named(f"{order.uid}/{order.container}/registry/{now}")
    error = registry.fails(tried, dice.named("fails"))
    if registry.accounts:
        login = registry.admits(order.logins)
        error = error or ("unauthorized" if login is None else "")
        state = _with_login(state, order, login or 0)
    took, _ = registry.latency.draw(dice)
    key = ("asked", order.uid, order.container, order.image, now, error)
    if took:
        return state, (SetTimer(key, now + took),)
    return due(state, key, now)


def due(state: State, key: tuple[Any, ...], now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Let a registry answer, or what has come be there."""
    if key == _ARRIVAL:
        return _arrived(state, now)
    _, uid, container, image, began, error = key
    name = full_name(image)
    behaviour = state.behaviours.of(image)
    there = image in state.images or behaviour.preloaded
    error = error or ("manifest unknown" if behaviour.absent and not there else "")
    if error:
        return state, (Report(ImagePullFailed(uid, container, image, refusal(error, name))),)
    registry = registry_of(state, image)
    if there or registry is None or not registry.bandwidth:
        took, _ = (behaviour.again if there else behaviour.pull).draw(state.dice.named(f"{uid}/{container}/pull/{now}"))
        key = ("pull", uid, container, image, now + took - began)
        return state, (SetTimer(key, now + took),)
    traffic = _as_of(state, now)
    download = Download(uid, container, image, began, behaviour.size * SECOND)
    others = [each for each in traffic.downloads if (each.uid, each.container) != (uid, container)]
    return _going_on(replace(state, traffic=replace(traffic, downloads=(*others, download))), now)


def _as_of(state: State, now: Instant) -> Traffic:
    """Give what comes as it is now."""
    traffic: Traffic = state.traffic or Traffic()
    span = now - traffic.seen
    downloads = [
        replace(each, left=each.left - span * bandwidth // sharing) for each, bandwidth, sharing in _shares(state)
    ]
    return replace(traffic, downloads=tuple(downloads), seen=now)


def _shares(state: State) -> list[tuple[Download, int, int]]:
    """Give each download with its registry's bandwidth, and among how many that is shared."""
    downloads = state.traffic.downloads if state.traffic is not None else ()
    lines = [registry_of(state, each.image) for each in downloads]
    shares = []
    for download, line in zip(downloads, lines, strict=True):
        assert line is not None, "what comes has a registry"
        hosts = [full_name(each.image).partition("/")[0] for each in downloads]
        host = full_name(download.image).partition("/")[0]
        shares.append((download, line.bandwidth, hosts.count(host)))
    return shares


def _going_on(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    """Wait for the next one to be there."""
    waits = [-(-max(each.left, 0) * sharing // bandwidth) for each, bandwidth, sharing in _shares(state)]
    return state, ((SetTimer(_ARRIVAL, now + min(waits)),) if waits else ())


def _arrived(state: State, now: Instant) -> tuple[State, tuple[Effect, ...]]:
    traffic = _as_of(state, now)
    whole = {each.image for each in traffic.downloads if each.left <= 0}
    effects: list[Effect] = []
    left = tuple([each for each in traffic.downloads if each.image not in whole])
    state = replace(state, traffic=replace(traffic, downloads=left))
    images = state.images
    for each in traffic.downloads:
        if each.image in whole:
            images = images.set(each.image, state.behaviours.of(each.image).size)
            size, took = images[each.image], now - each.began
            state, login = _noted(state, each.uid, each.container, each.image)
            report = ImagePulled(each.uid, each.container, each.image, present=False, took=took, size=size, login=login)
            effects.append(Report(report))
    state, further = _going_on(replace(state, images=images), now)
    return state, (*effects, *further)
