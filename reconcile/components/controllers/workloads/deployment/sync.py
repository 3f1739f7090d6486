"""
Bring a Deployment's ReplicaSets nearer to what it declares.

One look goes: adopt and release ReplicaSets; decide their next sizes and write them; write the status. A look that
would decide from ReplicaSets older than what was written of them waits: so no two looks use the same room twice.

Takes:    Ask: a Deployment's key, and the answers to what the last look called for.
Gives:    Outcome.
Source:   pkg/controller/deployment: deployment_controller.go, sync.go, rolling.go, recreate.go, rollback.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api.apps_v1 import DeploymentStatus
from reconcile.components.controllers.answers import is_done, namespace_ends
from reconcile.components.controllers.runtime import Ask, Key, Outcome, Views
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.deployment import notes, rollback, scaling, status, template
from reconcile.components.controllers.workloads.deployment.bounds import RECREATE, desired
from reconcile.components.controllers.workloads.deployment.fleet import Fleet, fleet_of
from reconcile.components.controllers.workloads.deployment.rollback import ROLLBACK_TO
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions as found_in
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request, Response
from reconcile.store import Change

CLAIMANT: Final = claims.Claimant(
    resource="deployments.apps", kind="Deployment", api_version="apps/v1", selects=claims.selects_by_label_selector
)
REPLICA_SETS: Final = "replicasets.apps"

# A history of so many is one of all.
_ALL: Final = 2**31 - 1
_NOTHING_TOLD: Final = DeploymentStatus()


@quick
@attrs.frozen(weakref_slot=False)
class Written:
    """
    What a Deployment's looks wrote last.

    Args:
        revision: the highest of the ReplicaSets written.
        sizes: of the ReplicaSets that are being written, before that; in the order of the calls.
    """

    revision: int = 0
    sizes: tuple[int, ...] = ()


_UNWRITTEN: Final = Written()
_NONE_WRITTEN: Final[Table[str, Written]] = Table()


@quick
@attrs.frozen(weakref_slot=False)
class Memory:
    """
    What the controller remembers over all Deployments.

    Args:
        seen: the highest revision of a ReplicaSet that the cache has shown.
        written: by the Deployment's uid.
    """

    seen: int = 0
    written: Table[str, Written] = _NONE_WRITTEN


@quick
@attrs.frozen(weakref_slot=False)
class _Look:
    ask: Ask
    deployment: Any
    memory: Memory
    records: tuple[Record, ...] = ()


def observe(memory: Memory, change: Change, _: Views, __: Instant) -> Memory:
    """Note how new the cache of ReplicaSets is; forget Deployments that are gone."""
    if change.resource == REPLICA_SETS:
        seen = change.revision
        if change.new is not None:
            seen = max(seen, int(change.new.metadata.resource_version))
        return Memory(seen, memory.written) if seen > memory.seen else memory
    old, new = change.old, change.new
    if change.resource != CLAIMANT.resource or old is None or old.metadata.uid not in memory.written:
        return memory
    if new is not None and new.metadata.uid == old.metadata.uid:
        return memory
    return Memory(memory.seen, memory.written.remove(old.metadata.uid))


def replica_set_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the Deployments that a ReplicaSet's change concerns."""
    return claims.owner_keys(CLAIMANT, change, views)


def pod_keys(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the Deployment that waits for its last old pod to be gone before it creates new ones."""
    if change.new is not None:
        return ()
    reference = controller_of(change.old)
    if reference is None or reference.kind != "ReplicaSet":
        return ()
    namespace = change.old.metadata.namespace
    above = views.get(REPLICA_SETS, f"{namespace}/{reference.name}")
    owner = None if above is None else controller_of(above)
    if owner is None or owner.kind != CLAIMANT.kind:
        return ()
    key = f"{namespace}/{owner.name}"
    found = views.get(CLAIMANT.resource, key)
    return (key,) if found is not None and found.metadata.uid == owner.uid and _recreates(found) else ()


def reconcile(ask: Ask) -> Outcome:
    """Bring the Deployment with the asked key one step nearer to what it declares."""
    deployment = ask.views.get(CLAIMANT.resource, ask.key)
    if deployment is None:
        return Outcome()
    look = _Look(ask, deployment, ask.memory)
    if not ask.answers:
        return _begun(look)
    match ask.answers[0][0].verb:
        case "get":
            return _on_looked(look)
        case "patch":
            return _on_claimed(look)
        case "create" | "update" | "delete":
            request = ask.answers[0][0]
            is_its_own = request.resource == CLAIMANT.resource and not request.subresource
            return _on_rolled_back(look) if is_its_own else _on_written(look)
        case _:
            return _begun(look)


def _begun(look: _Look) -> Outcome:
    deployment = look.deployment
    uid = deployment.metadata.uid
    if look.memory.written.get(uid, _UNWRITTEN).revision > look.memory.seen:
        return Outcome()  # what was written is on its way here and brings the Deployment back
    selector = deployment.spec.selector
    if not selector.match_labels and not selector.match_expressions:
        return _selects_all(look)
    table = look.ask.views.table(REPLICA_SETS)
    referring = table.under("owner", uid)
    owned = _owned(deployment, referring)
    if len(owned) != len(referring) or table.count("orphan", deployment.metadata.namespace):
        found = claims.claims(deployment, CLAIMANT.selects, table)
        if found.adopt:
            return Outcome(calls=(claims.look(CLAIMANT.resource, look.ask.key),), again=True)
        if found.release:
            return Outcome(calls=claims.patches(CLAIMANT, deployment, REPLICA_SETS, found), again=True)
    return _decided(look, fleet_of(deployment, owned))


def _on_looked(look: _Look) -> Outcome:
    refusal = claims.refusal_to_adopt(CLAIMANT, look.deployment, look.ask.answers[0][1])
    if refusal:
        return Outcome(error=refusal)
    found = claims.claims(look.deployment, CLAIMANT.selects, look.ask.views.table(REPLICA_SETS))
    calls = claims.patches(CLAIMANT, look.deployment, REPLICA_SETS, found)
    return Outcome(calls=calls, again=True) if calls else Outcome(again=True)


def _on_claimed(look: _Look) -> Outcome:
    error = claims.refused(look.ask.answers, look.deployment.metadata.uid)
    return Outcome(memory=_having_written(look), error=error, again=not error)


def _selects_all(look: _Look) -> Outcome:
    deployment = look.deployment
    said = "This deployment is selecting all pods. A non-empty selector is required."
    record = Record(deployment, "Warning", "SelectingAll", said)
    generation = deployment.metadata.generation
    present = deployment.status or DeploymentStatus()
    if (present.observed_generation or 0) >= generation:
        return Outcome(records=(record,))
    told = replace(deployment, status=replace(present, observed_generation=generation))
    return Outcome(calls=(_status_update(told),), records=(record,))


def _decided(look: _Look, fleet: Fleet) -> Outcome:
    """Write what the ReplicaSets are to be; if they are so, write the status."""
    deployment = look.deployment
    if deployment.metadata.deletion_timestamp is not None:
        return _told(look, fleet, None)
    present = deployment.status or _NOTHING_TOLD
    said = status.paused_or_resumed(deployment, look.ask.now)
    if said is not (present.conditions or ()):
        # Written by itself, so that it is seen whatever is said of the progress next; it brings the Deployment back.
        return Outcome(
            calls=(_status_update(replace(deployment, status=replace(present, conditions=said))),),
            records=look.records,
            memory=look.memory,
        )
    noted = _annotated(deployment, fleet)
    own = deployment.metadata.annotations
    if own is not None and ROLLBACK_TO in own and not deployment.spec.paused and rollback.is_asked(deployment):
        return _rolled_back(look, fleet, noted)
    if deployment.spec.paused or scaling.is_scaling(deployment, fleet):
        planned = scaling.shared(deployment, noted)
        is_settled = bool(deployment.spec.paused)
    elif _recreates(deployment):
        planned = scaling.emptied(deployment, noted)
        if planned is noted and not _old_pods_left(look, fleet):
            if noted.new is None:
                return _creating(look, noted)
            planned = scaling.grown(deployment, noted)
        is_settled = planned is noted and status.is_complete(deployment, deployment.status)
    else:
        if noted.new is None:
            return _creating(look, noted)
        planned = scaling.rolled(deployment, noted)
        is_settled = planned is noted and status.is_complete(deployment, deployment.status)
    pairs: list[tuple[Any, Any]] = []
    if planned is not fleet:
        pairs = [(old, new) for old, new in zip(fleet.all, planned.all, strict=True) if old is not new]
    calls = [_update(new) for _, new in pairs]
    if is_settled:
        calls += [_deletion(one) for one in _forgotten(deployment, planned.olds)]
    if not calls:
        return _told(look, fleet, None)
    return _writing(look, tuple(calls), tuple([desired(old) for old, _ in pairs]))


def _rolled_back(look: _Look, fleet: Fleet, noted: Fleet) -> Outcome:
    """Let the template be an earlier one, once the present one's ReplicaSet is there and has its revision."""
    if noted.new is None:
        return _creating(look, noted)
    if noted is not fleet:
        return _writing(look, (_update(noted.new),), (desired(fleet.new),))
    wanted, records = rollback.rolled_back(look.deployment, fleet)
    metadata = wanted.metadata
    call = Request(
        verb="update",
        resource=CLAIMANT.resource,
        namespace=metadata.namespace,
        name=metadata.name,
        body=wanted,
    )
    return Outcome(calls=(call,), records=records, again=True)


def _on_rolled_back(look: _Look) -> Outcome:
    request, response = look.ask.answers[0]
    if not response.ok:
        return Outcome(error=str(response.body.message))
    referring = look.ask.views.table(REPLICA_SETS).under("owner", look.deployment.metadata.uid)
    owned = _owned(look.deployment, referring)
    return Outcome(records=rollback.told(look.deployment, request.body, owned))


def _recreates(deployment: Any) -> bool:
    strategy = deployment.spec.strategy
    return strategy is not None and strategy.type == RECREATE


def _annotated(deployment: Any, fleet: Fleet) -> Fleet:
    """Let the new ReplicaSet have the Deployment's annotations, the next revision and its minReadySeconds."""
    new = fleet.new
    if new is None:
        return fleet
    noted = notes.of_new(deployment, new.metadata.annotations, notes.next_revision(fleet.olds))
    metadata, spec, seconds = new.metadata, new.spec, deployment.spec.min_ready_seconds
    is_same_wait = (spec.min_ready_seconds or 0) == (seconds or 0)
    if noted is metadata.annotations and is_same_wait:
        return fleet
    metadata = replace(metadata, annotations=noted)
    changed = replace(new, metadata=metadata, spec=spec if is_same_wait else replace(spec, min_ready_seconds=seconds))
    return Fleet(changed, fleet.olds)


def _old_pods_left(look: _Look, fleet: Fleet) -> bool:
    pods = look.ask.views.table("pods")
    for one in fleet.olds:
        if one.status is not None and one.status.replicas:
            return True
        uid = one.metadata.uid
        if pods.count("standing", (uid, "active")) or pods.count("standing", (uid, "terminating")):
            return True
    return False


def _creating(look: _Look, fleet: Fleet) -> Outcome:
    deployment = look.deployment
    revision = notes.next_revision(fleet.olds)
    noted = notes.of_new(deployment, None, revision)
    noted = notes.with_sizes(noted, deployment)
    size = scaling.new_size(deployment, fleet)
    made = template.new_replica_set(CLAIMANT, deployment, noted, size)
    namespace = deployment.metadata.namespace
    call = Request(verb="create", resource=REPLICA_SETS, namespace=namespace, body=made)
    return _writing(look, (call,), (0,))


def _forgotten(deployment: Any, olds: tuple[Any, ...]) -> list[Any]:
    """Give the ReplicaSets that the history has no room for: the lowest revisions first, never one with pods."""
    limit = deployment.spec.revision_history_limit
    if limit is None or limit == _ALL or len(olds) <= limit:
        return []
    alive = [one for one in olds if one.metadata.deletion_timestamp is None]
    alive.sort(key=lambda one: notes.number(one, notes.REVISION) or 0)
    return [one for one in alive[: max(len(alive) - limit, 0)] if _is_empty(one)]


def _is_empty(one: Any) -> bool:
    told = one.status
    is_seen = told is not None and (one.metadata.generation or 0) <= (told.observed_generation or 0)
    return is_seen and not told.replicas and not desired(one)


def _writing(look: _Look, calls: tuple[Request, ...], sizes: tuple[int, ...]) -> Outcome:
    uid = look.deployment.metadata.uid
    written = look.memory.written.get(uid, _UNWRITTEN)
    memory = Memory(look.memory.seen, look.memory.written.set(uid, Written(written.revision, sizes)))
    return Outcome(calls=calls, memory=memory, again=True)


def _on_written(look: _Look) -> Outcome:
    deployment, answers = look.deployment, look.ask.answers
    sizes = look.memory.written.get(deployment.metadata.uid, _UNWRITTEN).sizes
    look = _Look(look.ask, deployment, _having_written(look))
    request, response = answers[0]
    if request.verb == "create" and not response.ok:
        return _on_refused(look, request.body, response)
    records: list[Record] = []
    for (request, response), before in zip(answers, sizes, strict=False):
        if response.ok and request.verb != "delete" and (size := desired(request.body)) != before:
            way = "up" if size > before else "down"
            said = f"Scaled {way} replica set {request.body.metadata.name} from {before} to {size}"
            records.append(Record(deployment, "Normal", "ScalingReplicaSet", said))
    look = _Look(look.ask, deployment, look.memory, tuple(records))
    for request, response in answers:
        if not response.ok and not (request.verb == "delete" and is_done(response)):
            return Outcome(records=look.records, memory=look.memory, error=str(response.body.message))
    request, response = answers[0]
    referring = look.ask.views.table(REPLICA_SETS).under("owner", deployment.metadata.uid)
    owned = _overlaid(_owned(deployment, referring), look)
    # Right after it is resumed upstream's word of the new one is lost: it writes over what it has just written.
    creates = request.verb == "create" and not status.is_just_resumed(deployment)
    said_new = status.created_new(response.body.metadata.name) if creates else None
    return _told(look, fleet_of(deployment, owned), said_new)


def _having_written(look: _Look) -> Memory:
    """Remember the highest revision among the answers: what is older must not be decided from."""
    uid = look.deployment.metadata.uid
    revision = look.memory.written.get(uid, _UNWRITTEN).revision
    for request, response in look.ask.answers:
        if response.ok and request.verb != "delete":
            revision = max(revision, int(response.body.metadata.resource_version))
    return Memory(look.memory.seen, look.memory.written.set(uid, Written(revision)))


def _on_refused(look: _Look, made: Any, response: Response) -> Outcome:
    """Take in that the new ReplicaSet was not created."""
    deployment, message = look.deployment, str(response.body.message)
    if response.reason == "AlreadyExists":
        found = look.ask.views.get(REPLICA_SETS, f"{deployment.metadata.namespace}/{made.metadata.name}")
        if found is None:
            return Outcome(memory=look.memory, error=message)  # the cache will show it
        reference = controller_of(found)
        is_ours = reference is not None and reference.uid == deployment.metadata.uid
        if is_ours and template.same_template(found.spec.template, deployment.spec.template):
            return Outcome(memory=look.memory, again=True)
        present = deployment.status or DeploymentStatus()
        told = replace(present, collision_count=(present.collision_count or 0) + 1)
        call = _status_update(replace(deployment, status=told))
        return Outcome(calls=(call,), memory=look.memory, error=message)
    if namespace_ends(response):
        return Outcome(memory=look.memory)
    said = f'Failed to create new replica set "{made.metadata.name}": {message}'
    record = Record(deployment, "Warning", "ReplicaSetCreateError", said)
    calls: tuple[Request, ...] = ()
    if status.has_deadline(deployment):
        present = deployment.status or DeploymentStatus()
        kept = status.put(present.conditions, status.failed_to_create(said), look.ask.now)
        if kept is not present.conditions:
            calls = (_status_update(replace(deployment, status=replace(present, conditions=kept))),)
    return Outcome(calls=calls, records=(record,), memory=look.memory, error=message)


def _told(look: _Look, fleet: Fleet, said: Any) -> Outcome:
    """Write the status if it is another one, and be done; *said* is what is to be said of a new ReplicaSet."""
    deployment, now = look.deployment, look.ask.now
    old = deployment.status or _NOTHING_TOLD
    kept = old.conditions or ()
    new = fleet.new
    if new is not None and status.has_deadline(deployment):
        if said is None and found_in.find(kept, status.PROGRESSING) is None:
            said = status.found_new(new.metadata.name)
        if said is not None:
            kept = status.put(kept, said, now)
    before = deployment if kept is (old.conditions or ()) else replace(deployment, status=replace(old, conditions=kept))
    is_plain = deployment.spec.paused or deployment.metadata.deletion_timestamp is not None
    told = status.plain(before, fleet, now) if is_plain else status.rollout(before, fleet, now)
    metadata = deployment.metadata
    revision = None if new is None or new.metadata.annotations is None else new.metadata.annotations.get(notes.REVISION)
    if revision is not None:
        noted = notes.merged(metadata.annotations, {notes.REVISION: revision})
        if noted is not metadata.annotations:
            metadata = replace(metadata, annotations=noted)
    if kept is not (old.conditions or ()) and _is_superseded(kept, told.conditions):
        told = replace(old, conditions=kept)  # upstream's second write of one look is refused, the first is seen
    is_same = told == old and metadata is deployment.metadata
    calls = () if is_same else (_status_update(replace(deployment, metadata=metadata, status=told)),)
    after = status.until_deadline(deployment, told, now)
    return Outcome(calls=calls, records=look.records, memory=look.memory, after=after)


def _is_superseded(said: Any, told: Any) -> bool:
    """Tell whether what is said of the progress would not be seen, since the same look tells what comes after it."""
    one, other = found_in.find(said, status.PROGRESSING), found_in.find(told, status.PROGRESSING)
    return one is not None and other is not None and one.reason != other.reason


def _owned(deployment: Any, referring: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give those of the ReplicaSets that refer to the Deployment that are its own."""
    uid, selects, found = deployment.metadata.uid, CLAIMANT.selects, []
    for one in referring:
        reference = controller_of(one)
        if reference is not None and reference.uid == uid and selects(deployment, one.metadata.labels):
            found.append(one)
    return tuple(found)


def _overlaid(owned: tuple[Any, ...], look: _Look) -> tuple[Any, ...]:
    """Give what is owned as the answers say it is, where the cache is older."""
    known = {one.metadata.name: one for one in owned}
    for request, response in look.ask.answers:
        if request.verb == "delete":
            known.pop(request.name, None)
            continue
        found, body = known.get(response.body.metadata.name), response.body
        if found is None or int(found.metadata.resource_version) < int(body.metadata.resource_version):
            known[body.metadata.name] = body
    return tuple(known.values())


def _update(one: Any) -> Request:
    metadata = one.metadata
    return Request(verb="update", resource=REPLICA_SETS, namespace=metadata.namespace, name=metadata.name, body=one)


def _deletion(one: Any) -> Request:
    metadata = one.metadata
    return Request(verb="delete", resource=REPLICA_SETS, namespace=metadata.namespace, name=metadata.name)


def _status_update(deployment: Any) -> Request:
    metadata = deployment.metadata
    return Request(
        verb="update",
        resource=CLAIMANT.resource,
        namespace=metadata.namespace,
        name=metadata.name,
        subresource="status",
        body=deployment,
    )
