"""
The PersistentVolume binder: claims get their volumes, and volumes that are free again are reclaimed.

Takes:    changes of PersistentVolumeClaims, PersistentVolumes and StorageClasses, and of the pods that empty volumes.
Gives:    updates of claims and volumes, deletions of volumes, pods that empty them, event records.
Source:   pkg/controller/volume/persistentvolume.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from typing import Final

from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Later,
    Outcome,
    Source,
    Views,
    service_account,
)
from reconcile.components.controllers.volumes.binder import claims, recycling, volumes
from reconcile.components.controllers.volumes.newest import Newest, World, observe
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import CLAIMS, CLASSES, VOLUMES, claim_named_by, class_of, is_default
from reconcile.store import Change

NAME: Final = "persistentvolume-binder"
_CLAIM: Final = "claim"
_VOLUME: Final = "volume"


def keys_of_claim(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the claim; if it is gone, the volumes that it leaves."""
    found: tuple[Key, ...] = ((_CLAIM, change.key),)
    if change.new is None:
        named = (change.old.spec.volume_name,) if change.old.spec.volume_name else ()
        names = (*named, *views.table(VOLUMES).keys_under("claim", change.key))
        found = (*found, *[(_VOLUME, name) for name in dict.fromkeys(names)])
    return found


def keys_of_volume(change: Change, views: Views) -> tuple[Key, ...]:
    """
    Give the volume, and the claims that wait for it: those that may have it if it is free.

    Its own hears of it too if it is gone, or may be mounted in other ways.
    """
    old, new = change.old, change.new
    found: tuple[Key, ...] = ((_VOLUME, change.key),)
    if new is None or (old is not None and old.spec.access_modes != new.spec.access_modes):
        key = claim_named_by(old)
        return (*found, (_CLAIM, key)) if key else found
    if _is_free(new) and not (old is not None and _is_free(old)):
        key = claim_named_by(new)
        table = views.table(CLAIMS)
        keys = (*table.keys_under("volume", change.key), *table.keys_under("unbound", class_of(new)))
        found = (*found, *[(_CLAIM, each) for each in dict.fromkeys((key, *keys) if key else keys)])
    return found


def _is_free(volume: object) -> bool:
    status = getattr(volume, "status", None)
    return status is not None and status.phase == "Available"


def keys_of_class(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the claims that wait for a class, or for there to be a default one."""
    if change.new is None:
        return ()
    names = (change.key, "") if is_default(change.new) else (change.key,)
    table = views.table(CLAIMS)
    return tuple([(_CLAIM, key) for name in names for key in table.keys_under("unbound", name)])


def reconcile(ask: Ask) -> Outcome:
    """
    Do the next write that a claim or a volume needs.

    Each is decided anew from what is known after the one before, so a binder that is stopped between two of them goes
    on where it was.
    """
    newest: Newest = ask.memory
    gone, refused, tried = False, "", False
    for request, response in ask.answers:
        found = recycling.noted(newest, request, response)
        if found is not None and (response.ok or request.verb == "create" or response.code == NOT_FOUND):
            newest, tried = found, True
            refused = refused or recycling.refusal_of(request, response)
        elif response.ok:
            newest = newest.noted(request, response)
        elif request.verb == "get" and response.code == NOT_FOUND:
            gone = True
        elif request.verb != "delete" or response.code != NOT_FOUND:
            return Outcome(error=text_of(response))
    asked = bool(ask.answers) and ask.answers[0][0].verb == "get"
    world = World(ask.views, newest, asked=asked, gone=gone, refused=refused, tried=tried)
    kind, key = ask.key
    if kind == recycling.TOLD:
        return recycling.told(world, key)
    outcome = claims.sync(world, key) if kind == _CLAIM else volumes.sync(world, key)
    return outcome if newest is ask.memory else replace(outcome, memory=newest)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source(CLAIMS, keys_of_claim),
        Source(VOLUMES, keys_of_volume),
        Source(CLASSES, keys_of_class, observed=False),
        Source("pods", recycling.keys_of_pod, observed=False),
    ),
    later=(Later(VOLUMES, recycling.is_recycled, Source("events", recycling.keys_of_event, observed=False)),),
    reconcile=reconcile,
    memory=Newest,
    observe=observe,
    workers=1,
    component="persistentvolume-controller",
    user=service_account("persistent-volume-binder"),
    awaits=(CLAIMS, VOLUMES),
)
