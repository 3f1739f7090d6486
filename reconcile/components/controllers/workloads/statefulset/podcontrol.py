"""
Pod control: how a StatefulSet's pods and their claims are made, corrected and taken away, and what is told of it.

Takes:    what was seen.
Gives:    calls, events; why something could not be done.
Source:   pkg/controller/statefulset/stateful_pod_control.go.
Left out: a conflict comes back with back-off and is not told; upstream reads the pod anew, and tells the fourth.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.answers import NOT_FOUND, message_of
from reconcile.components.controllers.workloads.sittings import Notes, Steps
from reconcile.components.controllers.workloads.statefulset import identity, storage
from reconcile.components.controllers.workloads.statefulset.seeing import CLAIMS, Seen
from reconcile.effects import Record
from reconcile.model.requests import Request

_CONFLICT: Final = "Conflict"


class PodControl:
    """What one look does to pods and claims; it lives for one step."""

    def __init__(self, found: Seen, notes: Notes) -> None:
        self._stateful = found.stateful
        self._volumes = found.volumes
        self._notes = notes

    def created(self, pod: Any) -> Steps[str]:
        """Create a pod, its claims before it."""
        error = yield from self._claims_created(pod)
        if error:
            self._pod_told("Create", pod, error)
            return error
        call = Request(verb="create", resource="pods", namespace=pod.metadata.namespace, body=pod)
        (answer,) = yield (call,)
        error = "" if answer.ok else message_of(answer)
        if answer.reason == "AlreadyExists":
            return error
        refused = yield from self._owners_set(pod)
        if refused:
            self._pod_told("Update", pod, refused)
            return refused
        self._pod_told("Create", pod, error)
        return error

    def supplied(self, pod: Any) -> Steps[str]:
        """Create the claims that a pod which waits lacks."""
        error = yield from self._claims_created(pod)
        if error:
            return error
        return (yield from self.reclaimed(pod))

    def deleted(self, pod: Any) -> Steps[str]:
        """Delete a pod; one that is gone is as good as deleted."""
        metadata = pod.metadata
        call = Request(verb="delete", resource="pods", namespace=metadata.namespace, name=metadata.name)
        (answer,) = yield (call,)
        error = "" if answer.ok or answer.code == NOT_FOUND else message_of(answer)
        self._pod_told("Delete", pod, error)
        return error

    def corrected(self, pod: Any) -> Steps[str]:
        """Let a pod have its identity, its volumes and the owners of its claims."""
        wanted = identity.corrected(self._stateful, pod)
        if not storage.matches(self._stateful, pod, identity.ordinal_of(pod)):
            error = yield from self._claims_created(pod)
            if error:
                self._pod_told("Update", pod, error)
                return error
        is_owned = not self._wrongly_owned(pod)
        if not is_owned:
            error = yield from self._owners_set(pod)
            if error:
                self._pod_told("Update", pod, error)
                return error
        if wanted is pod and is_owned:
            return ""
        metadata = pod.metadata
        call = Request(verb="update", resource="pods", namespace=metadata.namespace, name=metadata.name, body=wanted)
        (answer,) = yield (call,)
        error = "" if answer.ok else message_of(answer)
        if answer.ok or answer.reason != _CONFLICT:  # then it is tried again, and nothing has failed yet
            self._pod_told("Update", pod, error)
        return error

    def reclaimed(self, pod: Any) -> Steps[str]:
        """Let the claims of a pod have the owners that the retention policy wants."""
        return (yield from self._owners_set(pod))

    def is_blocked(self, pod: Any) -> bool:
        """Tell whether the pod, which is to be made, has to wait until a claim has gone with a former one."""
        return any(storage.blocks(self._stateful, claim, pod) for claim in self._claims_of(pod))

    def _claims_of(self, pod: Any) -> list[Any]:
        ordinal = identity.ordinal_of(pod)
        templates = self._stateful.spec.volume_claim_templates or ()
        names = [storage.claim_name(self._stateful, template, ordinal) for template in templates]
        return [self._volumes[name] for name in names if name in self._volumes]

    def _is_scaled_away(self, pod: Any) -> bool:
        return identity.ordinal_of(pod) not in identity.ordinals(self._stateful)

    def _wrongly_owned(self, pod: Any) -> list[Any]:
        away = self._is_scaled_away(pod)
        return [
            claim
            for claim in self._claims_of(pod)
            if not storage.is_owned_rightly(self._stateful, claim, pod, scaled_away=away)
        ]

    def _claims_created(self, pod: Any) -> Steps[str]:
        errors: list[str] = []
        for claim in storage.wanted(self._stateful, identity.ordinal_of(pod)):
            name = claim.metadata.name
            there = self._volumes.get(name)
            if there is not None:
                if there.metadata.deletion_timestamp is not None:
                    errors.append(f"pvc {name} is being deleted")
                continue
            (answer,) = yield (Request(verb="create", resource=CLAIMS, namespace=claim.metadata.namespace, body=claim),)
            error = "" if answer.ok else message_of(answer)
            if error:
                errors.append(f"failed to create PVC {name}: {error}")
            if answer.reason != "AlreadyExists":
                self._claim_told(pod, name, error)
        return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]" if errors else ""

    def _owners_set(self, pod: Any) -> Steps[str]:
        away = self._is_scaled_away(pod)
        for claim in self._claims_of(pod):
            name = claim.metadata.name
            if storage.has_other_controller(self._stateful, claim, pod):
                self._told(
                    "Warning",
                    "ConflictingController",
                    f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, "
                    "the retention policy is ignored for this claim",
                )
            if storage.is_owned_rightly(self._stateful, claim, pod, scaled_away=away):
                continue
            wanted = storage.rightly_owned(self._stateful, claim, pod, scaled_away=away)
            namespace = claim.metadata.namespace
            (answer,) = yield (Request(verb="update", resource=CLAIMS, namespace=namespace, name=name, body=wanted),)
            if not answer.ok:
                return f"could not update claim {name} for delete policy ownerRefs: {message_of(answer)}"
        return ""

    # What is told ----------------------------------------------------------------------------------------------------

    def _pod_told(self, verb: str, pod: Any, error: str) -> None:
        whole, name = self._stateful.metadata.name, pod.metadata.name
        if error:
            said = f"{verb} Pod {name} in StatefulSet {whole} failed error: {error}"
            self._told("Warning", f"Failed{verb}", said)
        else:
            self._told("Normal", f"Successful{verb}", f"{verb} Pod {name} in StatefulSet {whole} successful")

    def _claim_told(self, pod: Any, claim: str, error: str) -> None:
        whole, name = self._stateful.metadata.name, pod.metadata.name
        if error:
            said = f"Create Claim {claim} for Pod {name} in StatefulSet {whole} failed error: {error}"
            self._told("Warning", "FailedCreate", said)
        else:
            said = f"Create Claim {claim} Pod {name} in StatefulSet {whole} success"
            self._told("Normal", "SuccessfulCreate", said)

    def _told(self, kind: Any, reason: str, message: str) -> None:
        self._notes.record(Record(self._stateful, kind, reason, message))
