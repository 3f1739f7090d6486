"""
Protection of VolumeAttributesClasses: one that claims or volumes name stays, though deleted, until none does.

Takes:    changes of VolumeAttributesClasses, PersistentVolumeClaims and PersistentVolumes.
Gives:    updates of VolumeAttributesClasses.
Source:   pkg/controller/volume/vacprotection.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import is_done, text_of
from reconcile.components.controllers.runtime import (
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    keys_of_itself,
    service_account,
)
from reconcile.lib.replacing import replace
from reconcile.model.pods.volumes import CLAIMS, VOLUMES
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "volumeattributesclass-protection"
CLASSES: Final = "volumeattributesclasses.storage.k8s.io"
FINALIZER: Final = "kubernetes.io/vac-protection"


def keys_of_user(change: Change, _: Views) -> tuple[Key, ...]:
    """Give the classes that a claim or a volume names no more."""
    before = () if change.old is None else classes_of(change.old)
    after = () if change.new is None else classes_of(change.new)
    return tuple([name for name in before if name not in after])


def classes_of(user: Any) -> tuple[str, ...]:
    """Give the classes that a claim or a volume names: that it asks for, that it has, that it is being given."""
    names = [user.spec.volume_attributes_class_name]
    status = user.status
    if status is not None:
        target = getattr(status, "modify_volume_status", None)
        names.append(getattr(status, "current_volume_attributes_class_name", None))
        names.append(None if target is None else target.target_volume_attributes_class_name)
    return tuple(dict.fromkeys([name for name in names if name]))


def reconcile(ask: Ask) -> Outcome:
    """Put the finalizer on a class, or take it off one that is deleted and that nobody names."""
    for _, response in ask.answers:
        return Outcome() if is_done(response) else Outcome(error=text_of(response))
    found = ask.views.get(CLASSES, ask.key)
    if found is None:
        return Outcome()
    had = found.metadata.finalizers or ()
    if found.metadata.deletion_timestamp is None:
        return Outcome() if FINALIZER in had else _update(found, (*had, FINALIZER))
    if FINALIZER not in had or _is_used(ask.key, ask.views):
        return Outcome()
    return _update(found, tuple([each for each in had if each != FINALIZER]))


def _is_used(name: str, views: Views) -> bool:
    # It happens when a class is deleted, or has one user less then, so all of them are looked at.
    return any(name in classes_of(user) for resource in (VOLUMES, CLAIMS) for user in views.table(resource).values())


def _update(found: Any, finalizers: tuple[str, ...]) -> Outcome:
    body = replace(found, metadata=replace(found.metadata, finalizers=finalizers or None))
    return Outcome(calls=(Request(verb="update", resource=CLASSES, name=found.metadata.name, body=body),), again=True)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(CLASSES, keys_of_itself), Source(CLAIMS, keys_of_user), Source(VOLUMES, keys_of_user)),
    reconcile=reconcile,
    workers=1,
    user=service_account("volumeattributesclass-protection-controller"),
    awaits=(CLASSES,),
)
