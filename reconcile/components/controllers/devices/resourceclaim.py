"""
Resource claims: a claim for each template that a pod names, reserved for the pod, given back when it is done.

A pod that was bound by hand has its claims reserved here; else the scheduler does that. A claim that nobody reserves
any more loses its devices, and goes if it was made for a pod that is done.

Takes:    changes of pods, ResourceClaims, ResourceClaimTemplates.
Gives:    ResourceClaims, their status and finalizers; the pods' resourceClaimStatuses; Kubernetes Events about pods.
Source:   pkg/controller/resourceclaim/controller.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from reconcile.api import meta_v1, resource_v1
from reconcile.components.controllers.answers import NOT_FOUND, is_done, message_of
from reconcile.components.controllers.runtime import Ask, Controller, Key, Outcome, Source, Views, service_account
from reconcile.components.controllers.workloads import sittings
from reconcile.components.controllers.workloads.sittings import End, Notes, Steps
from reconcile.effects import Record
from reconcile.lib.instant import Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.model.owners import controller_of, is_controlled_by
from reconcile.model.requests import Request
from reconcile.store import Change

NAME: Final = "resourceclaim"
CLAIMS: Final = "resourceclaims.resource.k8s.io"
TEMPLATES: Final = "resourceclaimtemplates.resource.k8s.io"
FINALIZER: Final = "resource.kubernetes.io/delete-protection"
POD_CLAIM: Final = "resource.kubernetes.io/pod-claim-name"
MANAGER: Final = "ResourceClaimController"
MOST_CONSUMERS: Final = 256
LONGEST_BASE: Final = 57  # of a name of 63, of which a hyphen and five letters are chance

_POD: Final = "pod"
_CLAIM: Final = "claim"
_FINISHED: Final = ("Succeeded", "Failed")
_WATCHED: Final = (CLAIMS,)


@quick
@attrs.frozen(weakref_slot=False)
class PodSeen:
    """A pod, with those of its namespace's claims and templates that matter to it, by name."""

    pod: Any
    claims: Map[Any]
    templates: Map[Any]


@quick
@attrs.frozen(weakref_slot=False)
class ClaimSeen:
    """A claim, with the pods that it may be of or for, by name."""

    claim: Any
    pods: Map[Any]


def keys_of_pod(change: Change, _: Views) -> tuple[Key, ...]:
    """Give a pod that has claims; and those claims, if it needs them no more."""
    pod = change.new if change.new is not None else change.old
    if not pod.spec.resource_claims:
        return ()
    found: list[Key] = [] if change.new is None else [(_POD, change.key)]
    if change.new is None or _is_done(pod):
        namespace = pod.metadata.namespace
        names = [_name_of(pod, entry)[0] for entry in pod.spec.resource_claims]
        found += [(_CLAIM, f"{namespace}/{name}") for name in names if name]
    return tuple(found)


def keys_of_claim(change: Change, views: Views) -> tuple[Key, ...]:
    """Give a claim, and the pods that name it or that it was made for."""
    claim = change.new if change.new is not None else change.old
    pods = [(_POD, key) for key in views.table("pods").keys_under("claim", ("devices", change.key))]
    owner = _owning_pod(claim)
    if owner is not None:
        pods.append((_POD, f"{claim.metadata.namespace}/{owner.name}"))
    return (*pods,) if change.new is None else ((_CLAIM, change.key), *pods)


def keys_of_template(change: Change, views: Views) -> tuple[Key, ...]:
    """Give the pods that name a template."""
    if change.new is None:
        return ()
    return tuple([(_POD, key) for key in views.table("pods").keys_under("claim", ("devices", change.key))])


def reconcile(ask: Ask) -> Outcome:
    """Give one pod its claims, or one claim what it needs."""
    what, key = ask.key
    script = _of_pod if what == _POD else _of_claim
    found = ask.views.get("pods" if what == _POD else CLAIMS, key)
    outcome = sittings.resume(ask, found.metadata.uid if found is not None else "", script, _WATCHED)
    if outcome is not None:
        return outcome
    if found is None:
        return Outcome(memory=sittings.forgotten(ask.memory, ask.key))
    if what == _POD:
        if found.metadata.deletion_timestamp is not None or _is_done(found):
            return Outcome()
        return sittings.begin(ask, _pod_seen(found, ask.views), script, _WATCHED)
    return sittings.begin(ask, _claim_seen(found, ask.views), script, _WATCHED)


def _pod_seen(pod: Any, views: Views) -> PodSeen:
    namespace = pod.metadata.namespace
    owned = views.table(CLAIMS).under("owner", pod.metadata.uid)
    claims = {claim.metadata.name: claim for claim in owned}
    templates = {}
    for entry in pod.spec.resource_claims or ():
        for name in (_name_of(pod, entry)[0], entry.resource_claim_name):
            claim = views.get(CLAIMS, f"{namespace}/{name}") if name else None
            if claim is not None:
                claims[claim.metadata.name] = claim
        template = views.get(TEMPLATES, f"{namespace}/{entry.resource_claim_template_name}")
        if template is not None:
            templates[template.metadata.name] = template
    return PodSeen(pod, Map(claims), Map(templates))


def _claim_seen(claim: Any, views: Views) -> ClaimSeen:
    names = [each.name for each in _reserved(claim) if _is_of_pod(each)]
    owner = _owning_pod(claim)
    names += [] if owner is None else [owner.name]
    found = {name: views.get("pods", f"{claim.metadata.namespace}/{name}") for name in names}
    return ClaimSeen(claim, Map({name: pod for name, pod in found.items() if pod is not None}))


# Pods -----------------------------------------------------------------------------------------------------------------


def _of_pod(seen: PodSeen, _: Instant, notes: Notes) -> Steps[End]:
    """Make the claims that a pod lacks, note them on it, and reserve those of one that is bound."""
    pod = seen.pod
    made: dict[str, str] = {}
    for entry in pod.spec.resource_claims or ():
        name, why = yield from _made(seen, entry)
        if why:
            said = f"PodResourceClaim {entry.name}: {why}"
            notes.record(Record(pod, "Warning", "FailedResourceClaimCreation", said))
            return End(error=f"pod {pod.metadata.namespace}/{pod.metadata.name}, {said}")
        if name:
            made[entry.name] = name
    if made:
        (answer,) = yield (_noted(pod, made),)
        if not is_done(answer):
            return End(error=f"update pod ResourceClaimStatuses: {message_of(answer)}")
        return End()  # the pod comes back with them
    if pod.spec.node_name:
        return (yield from _reserving(seen))
    return End()


def _made(seen: PodSeen, entry: Any) -> Steps[tuple[str, str]]:
    """Give the name of a claim that the pod does not know of yet, made if need be, empty for none; and what failed."""
    pod, template_name = seen.pod, entry.resource_claim_template_name
    name, is_known = _name_of(pod, entry)
    if (is_known and not name) or template_name is None:
        return "", ""  # none is needed, or it is the user's
    claim = seen.claims.get(name, None) if name else None
    if claim is not None and is_controlled_by(claim, pod):
        return "", ""
    for owned in seen.claims.values():
        noted = (owned.metadata.annotations or {}).get(POD_CLAIM)
        if noted == entry.name and is_controlled_by(owned, pod):
            return owned.metadata.name, ""
    template = seen.templates.get(template_name, None)
    if template is None:
        missing = f'resourceclaimtemplate.resource.k8s.io "{template_name}" not found'
        return "", f'resource claim template "{template_name}": {missing}'
    (answer,) = yield (_creation(pod, entry, template),)
    if not answer.ok:
        return "", f"create ResourceClaim : {message_of(answer)}"
    return answer.body.metadata.name, ""


def _reserving(seen: PodSeen) -> Steps[End]:
    pod = seen.pod
    for entry in pod.spec.resource_claims or ():
        name, _ = _name_of(pod, entry)
        claim = seen.claims.get(name, None) if name else None
        if claim is None:
            continue
        if entry.resource_claim_template_name is not None and not is_controlled_by(claim, pod):
            metadata = claim.metadata
            claim_name, pod_name = f"{metadata.namespace}/{metadata.name}", f"{metadata.namespace}/{pod.metadata.name}"
            return End(error=f"ResourceClaim {claim_name} was not created for Pod {pod_name} (Pod is not owner)")
        reserved = _reserved(claim)
        is_reserved = any(each.uid == pod.metadata.uid for each in reserved)
        if claim.status is None or claim.status.allocation is None or is_reserved or len(reserved) >= MOST_CONSUMERS:
            continue
        consumer = resource_v1.ResourceClaimConsumerReference(
            resource="pods", name=pod.metadata.name, uid=pod.metadata.uid
        )
        (answer,) = yield (_update(_with_status(claim, reserved_for=(*reserved, consumer)), "status"),)
        if not is_done(answer):
            return End(error=f"reserve claim {claim.metadata.namespace}/{claim.metadata.name}: {message_of(answer)}")
    return End()


def _name_of(pod: Any, entry: Any) -> tuple[str | None, bool]:
    """Give the name of the claim that an entry of the pod stands for, and whether that is known."""
    if entry.resource_claim_name is not None:
        return entry.resource_claim_name, True
    for status in (pod.status.resource_claim_statuses if pod.status else None) or ():
        if status.name == entry.name:
            return status.resource_claim_name, True
    return None, False


def _creation(pod: Any, entry: Any, template: Any) -> Request:
    given = template.spec.metadata or meta_v1.ObjectMeta()
    about = pod.metadata
    base = f"{about.name}-{entry.name}-"
    if len(base) > LONGEST_BASE:
        length = len(base)
        base = about.name[: len(about.name) * LONGEST_BASE // length] + "-"
        base += entry.name[: len(entry.name) * LONGEST_BASE // length]
    owner = meta_v1.OwnerReference(api_version="v1", kind="Pod", name=about.name, uid=about.uid, controller=True)
    metadata = meta_v1.ObjectMeta(
        generate_name=base,
        namespace=about.namespace,
        owner_references=(owner,),
        annotations=(given.annotations or Map()).set(POD_CLAIM, entry.name),
        labels=given.labels,
    )
    body = resource_v1.ResourceClaim(metadata=metadata, spec=template.spec.spec)
    return Request(verb="create", resource=CLAIMS, namespace=about.namespace, body=body)


def _noted(pod: Any, made: dict[str, str]) -> Request:
    about = pod.metadata
    statuses = [{"name": name, "resourceClaimName": claim} for name, claim in made.items()]
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": about.name, "namespace": about.namespace},
        "status": {"resourceClaimStatuses": statuses},
    }
    return Request(
        verb="patch",
        resource="pods",
        namespace=about.namespace,
        name=about.name,
        subresource="status",
        body=body,
        patch_type="apply",
        field_manager=MANAGER,
        force=True,
    )


# Claims ---------------------------------------------------------------------------------------------------------------


def _of_claim(seen: ClaimSeen, _: Instant, __: Notes) -> Steps[End]:
    """Take back what pods that are done had reserved; what nobody has reserved loses its devices, or goes."""
    claim = seen.claim
    remaining, why = yield from _remaining(seen)
    if why:
        return End(error=why)
    if len(remaining) < len(_reserved(claim)):
        claim, why = yield from _given_back(claim, remaining)
    elif not remaining and FINALIZER in (claim.metadata.finalizers or ()) and claim.metadata.deletion_timestamp:
        claim, why = yield from _let_go(claim)
    if why:
        return End(error=why)
    owner = _owning_pod(claim)
    pod = seen.pods.get(owner.name, None) if owner is not None and not remaining else None
    if owner is not None and pod is not None and (pod.metadata.uid != owner.uid or _is_done(pod)):
        about = claim.metadata
        (answer,) = yield (Request(verb="delete", resource=CLAIMS, namespace=about.namespace, name=about.name),)
        if not is_done(answer):
            return End(error=f"delete unused generated claim {about.namespace}/{about.name}: {message_of(answer)}")
    return End()


def _remaining(seen: ClaimSeen) -> Steps[tuple[tuple[Any, ...], str]]:
    """Give those for whom the claim is still reserved; of a pod that is not known the API server is asked."""
    kept = []
    for consumer in _reserved(seen.claim):
        pod = seen.pods.get(consumer.name, None)
        if _is_of_pod(consumer):
            if pod is None:
                namespace = seen.claim.metadata.namespace
                (answer,) = yield (Request(verb="get", resource="pods", namespace=namespace, name=consumer.name),)
                if not answer.ok and answer.code != NOT_FOUND:
                    return (), message_of(answer)
                if not answer.ok or answer.body.metadata.uid != consumer.uid:
                    continue
            elif pod.metadata.uid != consumer.uid or _is_done(pod):
                continue
        kept.append(consumer)
    return tuple(kept), ""


def _given_back(claim: Any, remaining: tuple[Any, ...]) -> Steps[tuple[Any, str]]:
    new = _with_status(claim, reserved_for=remaining or None)
    if not remaining and FINALIZER in (claim.metadata.finalizers or ()):
        new = _with_status(new, allocation=None)
    (answer,) = yield (_update(new, "status"),)
    if not answer.ok:
        return claim, "" if answer.code == NOT_FOUND else message_of(answer)
    claim = answer.body
    if FINALIZER in (claim.metadata.finalizers or ()) and (claim.status is None or claim.status.allocation is None):
        return (yield from _without_finalizer(claim))
    return claim, ""


def _let_go(claim: Any) -> Steps[tuple[Any, str]]:
    if claim.status is not None and claim.status.allocation is not None:
        (answer,) = yield (_update(_with_status(claim, allocation=None), "status"),)
        if not answer.ok:
            return claim, message_of(answer)
        claim = answer.body
    return (yield from _without_finalizer(claim))


def _without_finalizer(claim: Any) -> Steps[tuple[Any, str]]:
    kept = tuple([each for each in claim.metadata.finalizers or () if each != FINALIZER])
    body = replace(claim, metadata=replace(claim.metadata, finalizers=kept or None))
    (answer,) = yield (_update(body),)
    return (answer.body, "") if answer.ok else (claim, message_of(answer))


# Questions ------------------------------------------------------------------------------------------------------------


def _is_done(pod: Any) -> bool:
    """Tell whether a pod needs its claims no more: it has ended, or will never be bound."""
    if pod.status is not None and pod.status.phase in _FINISHED:
        return True
    return pod.metadata.deletion_timestamp is not None and not pod.spec.node_name


def _is_of_pod(consumer: Any) -> bool:
    return not consumer.api_group and consumer.resource == "pods"


def _reserved(claim: Any) -> tuple[Any, ...]:
    return (claim.status.reserved_for if claim.status is not None else None) or ()


def _owning_pod(claim: Any) -> Any:
    owner = controller_of(claim)
    return owner if owner is not None and owner.kind == "Pod" and owner.api_version == "v1" else None


def _with_status(claim: Any, **changes: Any) -> Any:
    return replace(claim, status=replace(claim.status or resource_v1.ResourceClaimStatus(), **changes))


def _update(claim: Any, subresource: str = "") -> Request:
    about = claim.metadata
    return Request(
        verb="update",
        resource=CLAIMS,
        namespace=about.namespace,
        name=about.name,
        subresource=subresource,
        body=claim,
    )


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(
        Source("pods", keys_of_pod),
        Source(CLAIMS, keys_of_claim),
        Source(TEMPLATES, keys_of_template),
    ),
    reconcile=reconcile,
    memory=sittings.Memory,
    component="resource_claim",
    user=service_account("resource-claim-controller"),
    awaits=(CLAIMS, TEMPLATES),
)
