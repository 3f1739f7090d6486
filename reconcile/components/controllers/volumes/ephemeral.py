"""
Ephemeral volumes: a claim for each of a pod's generic ephemeral volumes, owned by the pod and gone with it.

Takes:    changes of Pods, deletions of PersistentVolumeClaims.
Gives:    new claims, event records.
Source:   pkg/controller/volume/ephemeral; https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.controllers.answers import message_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.effects import Record
from reconcile.model.pods.volumes import CLAIMS, claim_of, is_of
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "ephemeral-volume"


def keys_of_pod(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a pod that is new and has an ephemeral volume: its volumes never change."""
    pod = change.new
    if change.old is not None or not pod.spec.volumes:
        return ()
    return (change.key,) if _is_concerned(pod) else ()


def keys_of_claim(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the pods that lack a claim which was deleted."""
    if change.new is not None:
        return ()
    table = views.table("pods")
    return tuple([key for key in table.keys_under("claim", change.key) if _is_concerned(table[key])])


def _is_concerned(pod: Any) -> bool:
    if pod.metadata.deletion_timestamp is not None:
        return False
    return any(volume.ephemeral is not None for volume in pod.spec.volumes or ())


def reconcile(ask: Ask) -> Outcome:
    """Make the next claim that a pod lacks."""
    pod = ask.views.get("pods", ask.key)
    if pod is None or pod.metadata.deletion_timestamp is not None:
        return Outcome()
    made = len([request for request, response in ask.answers if response.ok])
    for volume in pod.spec.volumes or ():
        if volume.ephemeral is None:
            continue
        name = claim_of(pod, volume)
        for request, response in ask.answers:
            if request.body.metadata.name == name and not response.ok:
                return _failed(ask, pod, volume, f"create PVC {name}: {message_of(response)}")
        claim = ask.views.get(CLAIMS, f"{pod.metadata.namespace}/{name}")
        if claim is not None and not is_of(pod, claim):
            space = pod.metadata.namespace
            why = f"PVC {space}/{name} was not created for pod {ask.key} (pod is not owner)"
            return _failed(ask, pod, volume, why)
    if made:
        return Outcome()
    calls = [
        _created(pod, volume)
        for volume in pod.spec.volumes or ()
        if volume.ephemeral is not None
        and ask.views.get(CLAIMS, f"{pod.metadata.namespace}/{claim_of(pod, volume)}") is None
    ]
    return Outcome(calls=tuple(calls), again=bool(calls))


def _failed(ask: Ask, pod: Any, volume: Any, why: str) -> Outcome:
    record = Record(pod, "Warning", "FailedBinding", f"ephemeral volume {volume.name}: {why}")
    return Outcome(records=(record,), error=f"pod {ask.key}, ephemeral volume {volume.name}: {why}")


def _created(pod: Any, volume: Any) -> Request:
    template = volume.ephemeral.volume_claim_template
    given = template.metadata or meta_v1.ObjectMeta()
    owner = meta_v1.OwnerReference(
        api_version="v1",
        kind="Pod",
        name=pod.metadata.name,
        uid=pod.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
    metadata = meta_v1.ObjectMeta(
        name=claim_of(pod, volume),
        namespace=pod.metadata.namespace,
        owner_references=(owner,),
        annotations=given.annotations,
        labels=given.labels,
    )
    body = core_v1.PersistentVolumeClaim(metadata=metadata, spec=template.spec)
    return Request(verb="create", resource=CLAIMS, namespace=metadata.namespace or "", body=body)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("pods", keys_of_pod), Source(CLAIMS, keys_of_claim)),
    reconcile=reconcile,
    component="ephemeral_volume",
    user=service_account("ephemeral-volume-controller"),
)
