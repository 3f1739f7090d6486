"""
Attach-detach: a volume of a CSI driver is attached to each node on which a pod needs it, and detached when none does.

A VolumeAttachment asks the driver for it; the Node's status tells its kubelet what is attached.

Takes:    changes of Pods, claims, volumes, VolumeAttachments, CSIDrivers and Nodes.
Gives:    VolumeAttachments; the status of Nodes; event records.
Source:   pkg/controller/volume/attachdetach; pkg/volume/csi: csi_attacher.go.
Left out: see docs/limits.md, "Volumes".
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import attrs

from reconcile.api import meta_v1, storage_v1
from reconcile.api.scalars import freeze
from reconcile.components.controllers.answers import NOT_FOUND, text_of
from reconcile.components.controllers.runtime import (
    KEPT,
    Ask,
    Controller,
    Key,
    Outcome,
    Source,
    Views,
    service_account,
)
from reconcile.effects import Record
from reconcile.lib.instant import MINUTE, Duration, Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions
from reconcile.model.pods.volumes import CLAIMS, VOLUMES, claim_named_by, claims_of, has_ended
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "attachdetach"
ATTACHMENTS: Final = "volumeattachments.storage.k8s.io"
DRIVERS: Final = "csidrivers.storage.k8s.io"
_SHARED: Final = ("ReadWriteMany", "ReadOnlyMany")
_ALREADY: Final = "AlreadyExists"
_NOTHING: Final[Table[tuple[str, str], str]] = Table()
_NOBODY: Final[Table[tuple[str, str], Instant]] = Table()
PATIENCE: Final = 6 * MINUTE
"""How long a volume that is not needed any more waits for a node that is not ready and may have it mounted."""
ATTACH_TIMEOUT: Final = 2 * MINUTE
OUT_OF_SERVICE: Final = "node.kubernetes.io/out-of-service"


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What is remembered of a volume and a node.

    Args:
        said: what was last said about one that the node's pods wait for, by (volume, node).
        since: from when on no pod of the node has needed one that is attached to it.
    """

    said: Table[tuple[str, str], str] = _NOTHING
    since: Table[tuple[str, str], Instant] = _NOBODY


def keys_of_pod(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the volumes of the pod's claims, with its node, when it comes to need them or does so no more."""
    old, new = change.old, change.new
    pod = new or old
    if not pod.spec.volumes or not pod.spec.node_name:
        return ()
    if old is not None and new is not None and old.spec is new.spec and has_ended(old) == has_ended(new):
        return ()
    found = [views.get(CLAIMS, f"{pod.metadata.namespace}/{name}") for name in claims_of(pod)]
    names = [claim.spec.volume_name for claim in found if claim is not None and claim.spec.volume_name]
    return tuple([(name, pod.spec.node_name) for name in names])


def keys_of_claim(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the volume of a claim, with each node on which a pod needs it, once it is bound."""
    new = change.new
    if new is None or not new.spec.volume_name:
        return ()
    return _with_nodes(views, new.spec.volume_name, change.key)


def keys_of_volume(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the volume, with each node on which a pod needs it, when it is new or its claim is another."""
    new, old = change.new, change.old
    if new is None or new.spec.csi is None or (old is not None and old.spec is new.spec):
        return ()
    return _with_nodes(views, change.key, claim_named_by(new))


def keys_of_attachment(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the attachment's volume, with its node and each other on which a pod waits for it."""
    spec = (change.new or change.old).spec
    name = spec.source.persistent_volume_name
    if not name:
        return ()
    volume = views.get(VOLUMES, name)
    others = _with_nodes(views, name, claim_named_by(volume)) if volume is not None else ()
    return tuple(dict.fromkeys(((name, spec.node_name), *others)))


def keys_of_node(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the volumes that are attached to a node of which what matters to them has changed."""
    old, new = change.old, change.new
    if old is not None and new is not None and _says_the_same(old, new):
        return ()
    rows = views.table(ATTACHMENTS).under("node", change.key)
    return tuple([(row.spec.source.persistent_volume_name, change.key) for row in rows])


def _with_nodes(views: Views, name: str, claim: str) -> tuple[Key, ...]:
    pods = views.table("pods").under("claim", claim) if claim else ()
    return tuple(dict.fromkeys([(name, pod.spec.node_name) for pod in pods if pod.spec.node_name]))


def _says_the_same(old: Any, new: Any) -> bool:
    if old.spec is not new.spec and _is_out_of_service(old) != _is_out_of_service(new):
        return False
    if old.status is new.status:
        return True
    return (
        _names_attached(old) == _names_attached(new)
        and _names_in_use(old) == _names_in_use(new)
        and _is_ready(old) == _is_ready(new)
    )


def _names_in_use(node: Any) -> tuple[str, ...]:
    return (node.status.volumes_in_use if node.status is not None else None) or ()


def _is_ready(node: Any) -> bool:
    return node.status is not None and conditions.is_true(node.status.conditions, "Ready")


def _is_out_of_service(node: Any) -> bool:
    return any(taint.key == OUT_OF_SERVICE for taint in (node.spec and node.spec.taints) or ())


def _names_attached(node: Any) -> tuple[str, ...]:
    rows = node.status.volumes_attached if node.status is not None else None
    return tuple([row.name for row in rows or ()])


def _no_keys(_: Change, __: Views) -> tuple[Key, ...]:
    return ()


def reconcile(ask: Ask) -> Outcome:
    """Attach the volume to the node, or detach it."""
    name, node = ask.key
    volume = ask.views.get(VOLUMES, name)
    for request, response in ask.answers:
        if not response.ok and response.code != NOT_FOUND and response.reason != _ALREADY:
            return Outcome(error=text_of(response))
        if request.verb != "patch" or volume is None:
            return Outcome()
    row = _attachment(ask, name, node)
    users = _users(ask, volume, node) if volume is not None and volume.spec.csi is not None else ()
    if not users:
        return _detached(ask, row, node)
    if ask.key in ask.memory.since:
        outcome = _attended(ask, volume, node, row, users)
        memory = ask.memory if outcome.memory is KEPT else outcome.memory
        return replace(outcome, memory=replace(memory, since=memory.since.remove(ask.key)))
    return _attended(ask, volume, node, row, users)


def _attended(ask: Ask, volume: Any, node: str, row: Any, users: tuple[Any, ...]) -> Outcome:
    """Attach a volume that pods of the node need, and tell them."""
    name = volume.metadata.name
    if row is None:
        return _attached(ask, volume, node, users)
    if row.metadata.deletion_timestamp is not None:
        return Outcome()
    if row.status is None or not (row.status.attached or row.status.attach_error):
        return _late(ask, volume, row, users)
    if row.status.attached:
        outcome = _reported(ask, row, node, attached=True)
        if not outcome.calls:
            return outcome
        said = f'AttachVolume.Attach succeeded for volume "{name}" '
        return replace(outcome, records=_records(users, "Normal", "SuccessfulAttachVolume", said))
    why = row.status.attach_error.message or ""
    return _said(ask, users, f'AttachVolume.Attach failed for volume "{name}" : {why}')


def _late(ask: Ask, volume: Any, row: Any, users: tuple[Any, ...]) -> Outcome:
    """Wait for the driver's attacher; if that takes too long, say so."""
    made = row.metadata.creation_timestamp
    left = ATTACH_TIMEOUT - (ask.now - int(made.instant) if made is not None else 0)
    if left > 0:
        return Outcome(after=left)
    source = volume.spec.csi
    why = f"timed out waiting for external-attacher of {source.driver} CSI driver to attach volume"
    return _said(
        ask, users, f'AttachVolume.Attach failed for volume "{volume.metadata.name}" : {why} {source.volume_handle}'
    )


def _attachment(ask: Ask, name: str, node: str) -> Any:
    for row in ask.views.table(ATTACHMENTS).under("volume", name):
        if row.spec.node_name == node:
            return row
    return None


def _users(ask: Ask, volume: Any, node: str) -> tuple[Any, ...]:
    """Give the pods on the node that need the volume."""
    pods = ask.views.table("pods").under("claim", claim_named_by(volume))
    return tuple([pod for pod in pods if pod.spec.node_name == node and not has_ended(pod)])


def _attached(ask: Ask, volume: Any, node: str, users: tuple[Any, ...]) -> Outcome:
    name, source = volume.metadata.name, volume.spec.csi
    driver = ask.views.get(DRIVERS, source.driver)
    if driver is not None and driver.spec.attach_required is False:
        return Outcome()
    shared = any(mode in _SHARED for mode in volume.spec.access_modes or ())
    others = [row for row in ask.views.table(ATTACHMENTS).under("volume", name) if row.spec.node_name != node]
    if others and not shared:
        return _said(ask, users, f'Multi-Attach error for volume "{name}" {_why_taken(ask, volume, others)}')
    text = f"{source.volume_handle}{source.driver}{node}"
    body = storage_v1.VolumeAttachment(
        metadata=meta_v1.ObjectMeta(name=f"csi-{hashlib.sha256(text.encode()).hexdigest()}"),
        spec=storage_v1.VolumeAttachmentSpec(
            attacher=source.driver,
            node_name=node,
            source=storage_v1.VolumeAttachmentSource(persistent_volume_name=name),
        ),
    )
    return Outcome(calls=(Request(verb="create", resource=ATTACHMENTS, body=body),), again=True)


def _why_taken(ask: Ask, volume: Any, others: list[Any]) -> str:
    nodes = {row.spec.node_name for row in others}
    pods = ask.views.table("pods").under("claim", claim_named_by(volume))
    names = [pod.metadata.name for pod in pods if pod.spec.node_name in nodes and not has_ended(pod)]
    if names:
        return f"Volume is already used by pod(s) {', '.join(names)}"
    return "Volume is already exclusively attached to one node and can't be attached to another"


def _said(ask: Ask, users: tuple[Any, ...], said: str) -> Outcome:
    """Say once what a node's pods wait for."""
    if ask.memory.said.get(ask.key) == said:
        return Outcome()
    return Outcome(
        records=_records(users, "Warning", "FailedAttachVolume", said),
        memory=replace(ask.memory, said=ask.memory.said.set(ask.key, said)),
    )


def _records(users: tuple[Any, ...], type: Any, reason: str, said: str) -> tuple[Record, ...]:
    return tuple([Record(pod, type, reason, said) for pod in users])


def _detached(ask: Ask, row: Any, node: str) -> Outcome:
    """Let the node say first that the volume is not attached any more; then it is detached."""
    memory: Memory = ask.memory
    if ask.key in memory.said:
        memory = replace(memory, said=memory.said.remove(ask.key))
    if row is None or row.metadata.deletion_timestamp is not None:
        if ask.key in memory.since:
            memory = replace(memory, since=memory.since.remove(ask.key))
        return Outcome(memory=memory)
    since = memory.since.get(ask.key)
    if since is None:
        since = ask.now
        memory = replace(memory, since=memory.since.set(ask.key, since))
    if not ask.answers:
        wait = _wait(ask, row, node, since)
        if wait is not None:
            return Outcome(memory=memory, after=wait or None)
        outcome = _reported(ask, row, node, attached=False)
        if outcome.calls:
            return replace(outcome, memory=memory)
    request = Request(verb="delete", resource=ATTACHMENTS, name=row.metadata.name)
    return Outcome(calls=(request,), again=True, memory=memory)


def _wait(ask: Ask, row: Any, name: str, since: Instant) -> Duration | None:
    """Give how long to wait for a node that may have the volume mounted; 0: until it says more; None: not at all."""
    node = ask.views.get("nodes", name)
    own = _name_on_nodes(ask, row)
    if node is not None and (own not in _names_in_use(node) or _is_out_of_service(node)):
        return None
    if node is not None and _is_ready(node):
        return 0
    left = since + PATIENCE - ask.now
    return left if left > 0 else None


def _name_on_nodes(ask: Ask, row: Any) -> str:
    """Give the name by which nodes speak of an attachment's volume; empty if the volume is gone."""
    volume = ask.views.get(VOLUMES, row.spec.source.persistent_volume_name)
    if volume is None or volume.spec.csi is None:
        return ""
    return f"kubernetes.io/csi/{volume.spec.csi.driver}^{volume.spec.csi.volume_handle}"


def _reported(ask: Ask, row: Any, name: str, *, attached: bool) -> Outcome:
    """Let the Node's status say whether the volume is attached to it."""
    node = ask.views.get("nodes", name)
    own = _name_on_nodes(ask, row)
    if node is None or not own or ask.answers:
        return Outcome()
    known = _names_attached(node)
    if (own in known) == attached:
        return Outcome()
    names = (*known, own) if attached else tuple([each for each in known if each != own])
    body = {"status": {"volumesAttached": [{"name": each, "devicePath": ""} for each in names]}}
    request = Request(verb="patch", resource="nodes", name=name, subresource="status", body=freeze(body))
    return Outcome(calls=(request,), again=True)


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("pods", keys_of_pod),
        Source(CLAIMS, keys_of_claim),
        Source(VOLUMES, keys_of_volume),
        Source(ATTACHMENTS, keys_of_attachment),
        Source(DRIVERS, _no_keys),
        Source("nodes", keys_of_node),
    ),
    reconcile=reconcile,
    memory=Memory,
    component="attachdetach-controller",
    user=service_account("attachdetach-controller"),
    awaits=(CLAIMS, ATTACHMENTS),
)
