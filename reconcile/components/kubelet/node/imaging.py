"""
Imaging: which images a kubelet removes from its host: from a disk that is too full those that nobody needs, the one
first that was not needed for longest; and what was not needed for longer than it may, where that is said.

When images are looked at, those that are needed are marked; so how old one is is known from the first look on that
found it. Where no image can be in the way nobody looks.

Takes:    the timer `images`, an image that was pulled.
Gives:    RemoveImage, SetTimer, Record.
Source:   the kubelet's images/image_gc_manager.
Left out: see docs/limits.md, "Kubelet".
"""

from __future__ import annotations

from typing import Final

from reconcile.api.quantity import Quantity
from reconcile.components.kubelet.node import measuring, nodes
from reconcile.components.kubelet.state import State, with_seldom
from reconcile.effects import Effect, Record, RemoveImage, SetTimer
from reconcile.lib.instant import MINUTE, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.kubelets import settings_of

COLLECT_EVERY: Final = 5 * MINUTE
_HUNDRED: Final = 100
_AGELESS: Final = (0, 0)


def start(state: State, now: Instant, out: list[Effect]) -> State:
    """Look at images from now on if one may be too old."""
    if not settings_of(state.host.kubelet).images_old:
        return state
    out.append(SetTimer(("images",), (now // COLLECT_EVERY + 1) * COLLECT_EVERY, periodic=True))
    return detected(state, now)


def detected(state: State, now: Instant) -> State:
    """Note which images there are by now, and which of them are needed."""
    needed, known = _needed(state), state.seldom.ages
    ages = {}
    for name in state.images:
        first, last = known.get(name, (now, now))
        ages[name] = (first, now if name in needed else last)
    return with_seldom(state, ages=Map(ages))


def matters(state: State) -> bool:
    """Tell whether images may fill the disk: they take a quarter of it, or something else takes of it."""
    disk = Quantity.parse(state.host.capacity.get("ephemeral-storage", "0")).whole
    return bool(state.seldom.strain) or 4 * sum(state.images.values()) > disk


def collect_later(state: State, now: Instant, out: list[Effect]) -> State:
    """Have images removed at the next round if they fill the disk."""
    if _overfull(state) > 0:
        out.append(SetTimer(("images",), (now // COLLECT_EVERY + 1) * COLLECT_EVERY))
    return state


def collect(state: State, now: Instant, out: list[Effect]) -> State:
    """Remove images that were not needed for too long, and others until the disk is as free as it should be."""
    oldest = settings_of(state.host.kubelet).images_old
    if oldest:
        state = detected(state, now)
        out.append(SetTimer(("images",), (now // COLLECT_EVERY + 1) * COLLECT_EVERY, periodic=True))
        old = [name for name in _idle(state) if now - state.seldom.ages[name][1] > oldest]
        state = _without(state, old, now, out)
    wanted = _overfull(state)
    if wanted <= 0:
        return state
    available, capacity = measuring.observed(state)["imagefs.available"]
    state, freed = removed(state, wanted, now, out)
    if freed < wanted:
        used = _HUNDRED - max(available, 0) * _HUNDRED // capacity
        said = (
            f"Insufficient free disk space on the node's image filesystem ({used}% of {_size(capacity)} used). "
            f"Failed to free sufficient space by deleting unused images (freed {freed} bytes). "
            "Investigate disk usage, as it could be used by active images, logs, volumes, or other data."
        )
        out.append(Record(nodes.about(state), "Warning", "FreeDiskSpaceFailed", said))
    return state


def _overfull(state: State) -> int:
    """Give how many bytes of images are to be removed; 0 if the disk is not too full."""
    found = measuring.observed(state).get("imagefs.available")
    if found is None:
        return 0
    settings = settings_of(state.host.kubelet)
    available, capacity = max(found[0], 0), found[1]
    if _HUNDRED - available * _HUNDRED // capacity < settings.images_high:
        return 0
    return capacity * (_HUNDRED - settings.images_low) // _HUNDRED - available


def removed(state: State, wanted: int, now: Instant, out: list[Effect]) -> tuple[State, int]:
    """Remove images that no container needs, until *wanted* bytes are free, or all of them if that is 0."""
    state = detected(state, now)
    young, ages = settings_of(state.host.kubelet).images_young, state.seldom.ages
    going: list[str] = []
    freed = 0
    for name in _idle(state):
        if wanted and freed >= wanted:
            break
        if now - ages.get(name, _AGELESS)[0] >= young:
            going.append(name)
            freed += state.images[name]
    return _without(state, going, now, out), freed


def _idle(state: State) -> list[str]:
    """Name the images that no container needs: those first that were not needed for longest."""
    needed = _needed(state)

    def rank(name: str) -> tuple[Instant, Instant, str]:
        first, last = state.seldom.ages.get(name, _AGELESS)
        return last, first, name

    return sorted([name for name in state.images if name not in needed], key=rank)


def _needed(state: State) -> set[str]:
    return {container.spec.image for pod in state.pods.values() for container in pod.containers}


def _without(state: State, going: list[str], now: Instant, out: list[Effect]) -> State:
    if not going:
        return state
    images, ages, pulled = state.images, state.seldom.ages, state.seldom.pulled
    for name in going:
        out.append(RemoveImage(name))
        images = images.remove(name)
        ages = ages.remove(name) if name in ages else ages
        pulled = pulled.remove(name) if name in pulled else pulled
    return nodes.changed(with_seldom(replace(state, images=images), ages=ages, pulled=pulled), now, out)


def _size(amount: int) -> str:
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if amount >= 1 << power:
            tenths = (amount * 10 + (1 << power - 1)) >> power
            return f"{tenths // 10}.{tenths % 10} {unit}"
    return f"{amount} B"
