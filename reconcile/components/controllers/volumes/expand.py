"""
Expand: says of a claim that asks for more than it has that its driver has to see to it.

Takes:    changes of PersistentVolumeClaims.
Gives:    event records.
Source:   pkg/controller/volume/expand; no volume that it could let grow itself is left in Kubernetes.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.model.pods.volumes import CLAIMS, VOLUMES, size_asked
from reconcile.store import Change

NAME: Final = "persistentvolume-expander"


def keys_of_claim(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a claim that is bound and asks for more than before."""
    old, new = change.old, change.new
    if old is None or new is None or new.status is None or new.status.phase != "Bound":
        return ()
    return (change.key,) if size_asked(new).nanos > size_asked(old).nanos else ()


def _no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


def reconcile(ask: Ask) -> Outcome:
    """Say who is waited for."""
    claim = ask.views.get(CLAIMS, ask.key)
    volume = None if claim is None else ask.views.get(VOLUMES, claim.spec.volume_name or "")
    if volume is None or not _grows(claim):
        return Outcome()
    said = "waiting for an external controller to expand this PVC"
    # A volume of a driver is left to it on purpose; of any other kind none can grow.
    kind: Any = "Normal" if volume.spec.csi is not None else "Warning"
    return Outcome(records=(Record(claim, kind, "ExternalExpanding", said),))


def _grows(claim: Any) -> bool:
    capacity = claim.status.capacity if claim.status is not None else None
    had = capacity.get("storage") if capacity is not None else None
    return had is None or size_asked(claim).nanos > had.nanos


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source(CLAIMS, keys_of_claim), Source(VOLUMES, _no_keys)),
    reconcile=reconcile,
    component="volume_expand",
    user=service_account("expand-controller"),
    awaits=(CLAIMS,),
)
