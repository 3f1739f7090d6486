"""
A client's view: requests made from manifests, and asking one as kubectl does, until it is answered.

Source: kubectl create, apply (client-side,
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/), scale, set image, delete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from reconcile.api import convert, meta_v1, versions
from reconcile.api.given import whole
from reconcile.api.kinds import resource_named, resource_of
from reconcile.api.scalars import freeze
from reconcile.cluster.cluster import Cluster
from reconcile.driver.machine import Machine, next_step
from reconcile.driver.mapping import established, mapped
from reconcile.driver.run import LIMIT
from reconcile.driver.step import apply_event
from reconcile.driver.telling.circles import Circles
from reconcile.driver.webhooks import Webhooks, answering
from reconcile.effects import Answer
from reconcile.events import ADMIN, ClusterEvent, Submit
from reconcile.lib.digest import canonical
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Duration
from reconcile.lib.mapping import Map
from reconcile.model.requests import Request, Response, User

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_FOUND: Final = 404
_BACKGROUND: Final = meta_v1.DeleteOptions(propagation_policy="Background")


def create(manifest: Any, *, namespace: str = "default") -> Request:
    """
    Make the request that `kubectl create` sends.

    Args:
        manifest: an API object, or its plain JSON.
        namespace: for a namespaced object that names none.

    Raises:
        ReconcileError: the manifest is no valid object of a known kind; every fault is listed.
    """
    obj = as_object(manifest)
    space = _space(obj, namespace)
    return Request(verb="create", resource=resource_of(obj).key, namespace=space, body=obj)


def get(word: str, name: str, *, namespace: str = "default") -> Request:
    """Make the request that `kubectl get WORD NAME` sends."""
    return _named("get", word, name, namespace)


def watch(word: str, *, namespace: str = "", selector: str = "", since: str = "") -> Request:
    """
    Make the request that `kubectl get WORD --watch` sends; what it sees leaves the cluster as `Notice` effects.

    Args:
        word: as kubectl takes it.
        namespace: only of this namespace; empty for all.
        selector: as kubectl's -l.
        since: the resourceVersion after which to begin; empty to be told of all that is there first.
    """
    resource = resource_named(word)
    return Request(
        verb="watch", resource=resource.key, namespace=namespace, label_selector=selector, resource_version=since
    )


def delete(word: str, name: str, *, namespace: str = "default", options: Any = None) -> Request:
    """
    Make the request that `kubectl delete WORD NAME` sends.

    Args:
        word: the resource.
        name: the object's.
        namespace: its namespace.
        options: a DeleteOptions; by default dependents go in the background, as kubectl asks for.
    """
    return attrs.evolve(_named("delete", word, name, namespace), body=_BACKGROUND if options is None else options)


def patch(word: str, name: str, body: Mapping[str, Any], *, namespace: str = "default") -> Request:
    """Make the request that `kubectl patch WORD NAME --type merge` sends; *body* is a JSON merge patch (RFC 7386)."""
    return attrs.evolve(_named("patch", word, name, namespace), body=freeze(dict(body)))


def scale(word: str, name: str, replicas: int, *, namespace: str = "default") -> Request:
    """Make the request that `kubectl scale WORD NAME --replicas` sends: a patch of the scale subresource."""
    body = {"spec": {"replicas": replicas}}
    return attrs.evolve(patch(word, name, body, namespace=namespace), subresource="scale")


def ask(
    cluster: Cluster, request: Request, *, limit: Duration = LIMIT, webhooks: Webhooks | None = None
) -> tuple[Cluster, Response]:
    """
    Submit *request* and let the cluster run, first-in first-out, until it is answered.

    *webhooks*, if given, answer what API servers ask meanwhile, as of `run`.

    Raises:
        ReconcileError: *limit* of virtual time went by without an answer: no API server can be reached. Or time stands
            still without one, because somebody goes round in a circle.
    """
    machine = Machine(cluster)
    machine.answering = answering(webhooks)
    response = asked(machine, request, limit=limit)
    return machine.closed(), response


def apply(
    cluster: Cluster, manifest: Any, *, namespace: str = "default", webhooks: Webhooks | None = None
) -> tuple[Cluster, Response]:
    """
    Do what `kubectl apply` does: read the object, create it if it is not there, else send the three-way merge patch.

    The last applied configuration is kept in the annotation that kubectl keeps it in. *webhooks*, if given, answer what
    API servers ask meanwhile, as of `run`.

    Raises:
        ReconcileError: the manifest is no valid object of a known kind, or has no name but a generateName.
    """
    machine = Machine(cluster)
    machine.answering = answering(webhooks)
    response = applied(machine, manifest, namespace=namespace)
    return machine.closed(), response


def asked(
    machine: Machine,
    request: Request,
    *,
    limit: Duration = LIMIT,
    user: User = ADMIN,
    submit: Callable[[ClusterEvent], None] | None = None,
) -> Response:
    """
    Do what `ask` does, in an open machine; other effects stay in its outbox.

    *submit*, if given, lets the event that carries the request happen, as one who records it does.
    """
    end = machine.now + limit
    tag = f"ask-{machine.serial}"
    event = Submit(request=request, tag=tag, user=user)
    if submit is None:
        apply_event(machine, event)
    else:
        submit(event)
    seen, circles = 0, Circles()
    while True:
        for place, effect in enumerate(machine.outbox[seen:], start=seen):
            if isinstance(effect, Answer) and effect.tag == tag:
                del machine.outbox[place]
                return effect.response
        seen = len(machine.outbox)
        if machine.steps >= circles.next_look(machine) and circles.look(machine):
            raise ReconcileError(f"{_unanswered(request)}: {circles.found}")
        if not next_step(machine):
            timer = machine.timers.first()
            if timer is None or timer.at > end:
                raise ReconcileError(_unanswered(request))
            machine.advance(timer.at)


def _unanswered(request: Request) -> str:
    what = f"{request.verb} {request.resource} {request.name}".rstrip()
    return f"no API server answers the request to {what}"


def applied(
    machine: Machine,
    manifest: Any,
    *,
    namespace: str = "default",
    submit: Callable[[ClusterEvent], None] | None = None,
) -> Response:
    """Do what `apply` does, in an open machine."""
    wanted = as_object(manifest)
    if wanted.metadata.generate_name and not wanted.metadata.name:
        raise ReconcileError(f"from {wanted.metadata.generate_name}: cannot use generate name with apply")
    kind = mapped(wanted, established(machine.store))
    resource, space = kind.key, (wanted.metadata.namespace or namespace) if kind.namespaced else ""
    reading = Request(verb="get", resource=resource, namespace=space, name=wanted.metadata.name or "")
    found = asked(machine, reading, submit=submit)
    marked = _marked(wanted)
    if found.code == _NOT_FOUND:
        return asked(machine, Request(verb="create", resource=resource, namespace=space, body=marked), submit=submit)
    if not found.ok:
        return found
    patched = reapplied(found.body, marked, resource)
    return found if patched is None else asked(machine, patched, submit=submit)


def reapplied(live: Any, marked: Any, resource: str) -> Request | None:
    """Make the request that patches *live* to *marked*, in the version that this is of; None if they are alike."""
    seen = versions.served(live, marked.api_version or "")
    body = three_way(seen, marked)
    if not body:
        return None
    metadata = live.metadata
    return Request(
        verb="patch",
        resource=resource,
        namespace=metadata.namespace or "",
        name=metadata.name,
        body=freeze(body),
        version="" if seen is live else seen.api_version.rpartition("/")[2],
    )


def three_way(live: Any, marked: Any) -> dict[str, Any]:
    """
    Give the merge patch that brings *live* to the applied object *marked*: what it sets, and null for what only the
    last apply set.
    """
    annotations = live.metadata.annotations or {}
    before = convert.loads_json(annotations[LAST_APPLIED]) if LAST_APPLIED in annotations else {}
    after = convert.dump(marked)
    return _merged(_removed(before, after), _changed(convert.dump(live), before, after))


def as_object(manifest: Any) -> Any:
    """Give *manifest* as an API object: itself, or read from its plain JSON."""
    return convert.load(manifest).object if isinstance(manifest, Mapping) else whole(manifest)


def _marked(obj: Any) -> Any:
    text = canonical(convert.dump(obj)) + "\n"
    annotations = (obj.metadata.annotations or Map()).set(LAST_APPLIED, text)
    return attrs.evolve(obj, metadata=attrs.evolve(obj.metadata, annotations=annotations))


def _removed(before: Any, after: Any) -> dict[str, Any]:
    gone: dict[str, Any] = {}
    for key, was in before.items():
        if key not in after:
            gone[key] = None
        elif isinstance(was, dict) and isinstance(after[key], dict):
            below = _removed(was, after[key])
            if below:
                gone[key] = below
    return gone


def _changed(live: Any, before: Any, after: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in after.items():
        there, was = live.get(key), before.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            below = _changed(there, was if isinstance(was, dict) else {}, value)
            if below:
                found[key] = below
        elif isinstance(value, list) and isinstance(there, list):
            merged = _list(there, was, value)
            if merged != there:
                found[key] = merged
        elif there != value:
            found[key] = value
    return found


def _list(live: list[Any], before: Any, wanted: list[Any]) -> list[Any]:
    """
    Give *wanted*, each item over the live one of its name, so that what the API server defaulted in it stays, and what
    only the last apply set in it goes.
    """
    there, was = _by_name(live), _by_name(before)
    return [
        _over(there[item["name"]], was.get(item["name"]), item)
        if isinstance(item, dict) and item.get("name") in there
        else item
        for item in wanted
    ]


def _by_name(items: Any) -> dict[str, Any]:
    rows = items if isinstance(items, list) else []
    return {item["name"]: item for item in rows if isinstance(item, dict) and "name" in item}


def _over(live: Any, before: Any, wanted: Any) -> Any:
    if isinstance(live, dict) and isinstance(wanted, dict):
        was = before if isinstance(before, dict) else {}
        kept = {key: value for key, value in live.items() if key in wanted or key not in was}
        return kept | {key: _over(live.get(key), was.get(key), value) for key, value in wanted.items()}
    if isinstance(live, list) and isinstance(wanted, list):
        return _list(live, before, wanted)
    return wanted


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for key, value in other.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def _named(verb: Any, word: str, name: str, namespace: str) -> Request:
    resource = resource_named(word)
    return Request(verb=verb, resource=resource.key, namespace=namespace if resource.namespaced else "", name=name)


def _space(obj: Any, namespace: str) -> str:
    return (obj.metadata.namespace or namespace) if resource_of(obj).namespaced else ""
