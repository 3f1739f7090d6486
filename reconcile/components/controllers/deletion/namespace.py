"""
Namespaces: one that is being deleted is emptied, its pods first, and then let go.

It looks with its own eyes: what is left is listed from the API server, never taken from a cache, since what a cache has
not seen yet would outlive its namespace.

Takes:    changes of namespaces.
Gives:    list and deletecollection of every namespaced resource, status and finalize of the namespace.
Source:   pkg/controller/namespace: namespace_controller.go, deletion/namespaced_resources_deleter.go.
Left out: see docs/limits.md, "Controllers".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final, TypeAlias

import attrs

from reconcile.api import core_v1
from reconcile.api.kinds import all_resources, gated_resources, resource
from reconcile.components.controllers.answers import text_of
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
from reconcile.lib.instant import MILLISECOND, MINUTE, SECOND, Duration, Instant
from reconcile.lib.mapping import Map
from reconcile.lib.quick import quick
from reconcile.lib.replacing import replace
from reconcile.lib.table import Table
from reconcile.model import conditions, definitions, gates, measured
from reconcile.model.requests import Request, Response
from reconcile.store import Change

NAME: Final = "namespace"
FINALIZER: Final = "kubernetes"

# Between a namespace's deletion and the first look, so that what was created just before is seen.
GRACE: Final[Duration] = 5 * SECOND
# How long finalizers of an object are expected to take, in seconds.
FINALIZERS_TAKE: Final = 15

# Two names of the same stored objects count once.
_SKIPPED: Final = ("events.events.k8s.io",)
_GONE: Final = (404, 405)

# Condition type -> reason and message while nothing is wrong.
_WELL: Final[dict[str, tuple[str, str]]] = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}

Answers: TypeAlias = tuple[tuple[Request, Response], ...]


@quick
@attrs.frozen(kw_only=True, weakref_slot=False)
class Purge:
    """
    How far one namespace is.

    Args:
        due: the instant before which it is not looked into.
        again: when it is to be looked into again in any case, as it changed while it was looked into.
        stage: what the calls under way are: look, empty_pods, count_pods, empty, count, report, finalize.
        namespace: as the API server last gave it.
        full: the resources that had objects, when it was last looked.
        takes: how long its pods may take to stop, in seconds; 0 if they have had that long.
        undiscovered: versions of groups of which nobody could be asked what there is.
        errors: what went wrong.
        remaining: resource -> how many objects are left, sorted.
        finalizers: finalizer -> on how many of them, sorted.
    """

    due: Instant
    again: Instant = -1
    stage: str = ""
    namespace: Any = None
    full: tuple[str, ...] = ()
    takes: int = 0
    undiscovered: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    remaining: tuple[tuple[str, int], ...] = ()
    finalizers: tuple[tuple[str, int], ...] = ()


def observe(memory: Table[Key, Purge], change: Change, _: Views, now: Instant) -> Table[Key, Purge]:
    """Note when a namespace that is being deleted is due: soon after each change; forget one that is gone."""
    namespace = change.new
    if namespace is None:
        return memory.remove(change.key) if change.key in memory else memory
    if namespace.metadata.deletion_timestamp is None:
        return memory
    purge, soon = memory.get(change.key, None), now + GRACE
    if purge is None:
        return memory.set(change.key, Purge(due=soon))
    if purge.stage:
        return memory.set(change.key, replace(purge, again=soon))
    return memory if purge.due <= soon else memory.set(change.key, replace(purge, due=soon))


def reconcile(ask: Ask, more: tuple[str, ...] = ()) -> Outcome:
    """Empty a namespace that is being deleted, one stage at a time; then let it go. It may hold *more* than usual."""
    memory: Table[Key, Purge] = ask.memory
    purge = memory.get(ask.key, None)
    if purge is None:
        return Outcome()
    if not ask.answers:
        if _is_finalized(ask.views.get("namespaces", ask.key)):
            return Outcome()
        return Outcome(after=purge.due - ask.now) if ask.now < purge.due else _look(ask, purge, more)
    match purge.stage:
        case "look":
            return _looked(ask, purge)
        case "empty_pods":
            return _called(ask, _blamed(purge, ask.answers), "count_pods", _lists(ask.key, ("pods",)))
        case "count_pods":
            return _counted_pods(ask, purge)
        case "empty":
            return _called(ask, _blamed(purge, ask.answers), "count", _lists(ask.key, purge.full))
        case "count":
            return _report(ask, _counted(ask, purge))
        case "report":
            return _reported(ask, purge)
        case _:
            return Outcome(error=_refusal(ask.answers))


def _is_finalized(namespace: Any) -> bool:
    """Tell whether this controller has done its part: what keeps the namespace now is others'."""
    return namespace is None or namespace.spec is None or FINALIZER not in (namespace.spec.finalizers or ())


def _called(ask: Ask, purge: Purge, stage: str, calls: tuple[Request, ...]) -> Outcome:
    return Outcome(calls=calls, memory=ask.memory.set(ask.key, replace(purge, stage=stage)), again=True)


def _lists(namespace: str, resources: Iterable[str]) -> tuple[Request, ...]:
    return tuple([Request(verb="list", resource=key, namespace=namespace) for key in resources])


def _empties(namespace: str, resources: Iterable[str]) -> tuple[Request, ...]:
    return tuple([Request(verb="deletecollection", resource=key, namespace=namespace) for key in resources])


def _resources(views: Views) -> tuple[str, ...]:
    """Give every resource that a namespace can hold, and that can be listed and deleted: custom ones last."""
    found = [
        known.key
        for known in all_resources()
        if known.namespaced and {"delete", "deletecollection", "list"} <= {*known.verbs} and known.key not in _SKIPPED
    ]
    if views.has(definitions.DEFINITIONS):
        found += [
            definitions.key_of(crd)
            for crd in views.table(definitions.DEFINITIONS).values()
            if crd.spec.scope == "Namespaced" and definitions.is_established(crd)
        ]
    return tuple(dict.fromkeys(found))


def _look(ask: Ask, purge: Purge, more: tuple[str, ...]) -> Outcome:
    fresh = Purge(due=purge.due)
    itself = Request(verb="get", resource="namespaces", name=ask.key)
    served = Request(verb="list", resource=measured.API_SERVICES)
    return _called(ask, fresh, "look", (itself, served, *_lists(ask.key, (*_resources(ask.views), *more))))


def _looked(ask: Ask, purge: Purge) -> Outcome:
    itself = ask.answers[0][1]
    if itself.code in _GONE or (itself.ok and itself.body.metadata.deletion_timestamp is None):
        return Outcome(memory=ask.memory.remove(ask.key))
    if not itself.ok:
        return Outcome(error=_refusal(ask.answers[:1]))
    served = ask.answers[1][1]
    found = {request.resource: response.body.items for request, response in ask.answers[2:] if response.ok}
    takes = _longest_stop(found.get("pods", ()))
    since = ask.now - itself.body.metadata.deletion_timestamp.instant
    purge = replace(
        _blamed(purge, ask.answers[1:]),
        undiscovered=measured.unavailable(served.body.items) if served.ok else (),
        namespace=itself.body,
        full=tuple([key for key, items in found.items() if items]),
        takes=takes if since < takes * SECOND else 0,
    )
    if "pods" in purge.full:
        return _called(ask, purge, "empty_pods", _empties(ask.key, ("pods",)))
    return _empty_rest(ask, purge)


def _longest_stop(pods: tuple[Any, ...]) -> int:
    """Give the longest grace period among pods that still have to stop, in seconds."""
    running = [pod for pod in pods if pod.status is None or pod.status.phase not in ("Succeeded", "Failed")]
    return max([pod.spec.termination_grace_period_seconds or 0 for pod in running], default=0)


def _counted_pods(ask: Ask, purge: Purge) -> Outcome:
    """Go on with the rest once the pods are gone: they may need it to stop in good order."""
    counted = _counted(ask, purge)
    # What is left is told once the pods are gone: until then nothing else was even tried.
    return _report(ask, counted, totals=False) if counted.remaining else _empty_rest(ask, replace(counted, takes=0))


def _empty_rest(ask: Ask, purge: Purge) -> Outcome:
    rest = tuple([key for key in purge.full if key != "pods"])
    if not rest:
        return _report(ask, purge)
    return _called(ask, replace(purge, full=rest), "empty", _empties(ask.key, rest))


def _blamed(purge: Purge, answers: Answers) -> Purge:
    """Note which calls were refused; a resource that is not served, or cannot be so deleted, is no error."""
    errors = [text_of(response) for _, response in answers if not response.ok and response.code not in _GONE]
    return replace(purge, errors=(*purge.errors, *errors)) if errors else purge


def _counted(ask: Ask, purge: Purge) -> Purge:
    purge = _blamed(purge, ask.answers)
    finalizers: dict[str, int] = {}
    remaining = []
    errors = []
    for request, response in ask.answers:
        items = response.body.items if response.ok else ()
        if not items:
            continue
        remaining.append((request.resource, len(items)))
        named = [name for item in items for name in item.metadata.finalizers or ()]
        for name in named:
            finalizers[name] = finalizers.get(name, 0) + 1
        if not named and not (request.resource == "pods" and purge.takes):
            errors.append(_unexpected(request, ask.views))
    return replace(
        purge,
        remaining=tuple(sorted(remaining)),
        finalizers=tuple(sorted(finalizers.items())),
        errors=(*purge.errors, *errors),
    )


def _unexpected(request: Request, views: Views) -> str:
    """Say that objects are left which nothing keeps."""
    key, space = request.resource, request.namespace
    name, _, group = key.partition(".")
    crd = views.get(definitions.DEFINITIONS, key) if views.has(definitions.DEFINITIONS) else None
    version = resource(key).version if crd is None else definitions.resources_of(crd)[0].version
    return f"unexpected items still remain in namespace: {space} for gvr: {group}/{version}, Resource={name}"


def _report(ask: Ask, purge: Purge, *, totals: bool = True) -> Outcome:
    """Say in the namespace's conditions how it stands, with how much is left if *totals*; then wait, or let it go."""
    namespace = purge.namespace
    status = namespace.status or core_v1.NamespaceStatus()
    said = status.conditions
    for condition in _conditions(purge, totals=totals):
        said = conditions.set(said, condition, ask.now)
    if said is status.conditions and status.phase == "Terminating":
        return _reported(ask, purge)
    body = replace(namespace, status=replace(status, conditions=said, phase="Terminating"))
    request = Request(verb="update", resource="namespaces", name=ask.key, subresource="status", body=body)
    return _called(ask, purge, "report", (request,))


def _conditions(purge: Purge, *, totals: bool) -> tuple[core_v1.NamespaceCondition, ...]:
    wrong = {}
    if purge.undiscovered:
        message = f"Discovery failed for some groups, {len(purge.undiscovered)} failing: {_undiscovered(purge)}"
        wrong["NamespaceDeletionDiscoveryFailure"] = ("DiscoveryFailed", message)
    if purge.errors:
        listed = ", ".join(sorted(purge.errors))
        message = f"Failed to delete all resource types, {len(purge.errors)} remaining: {listed}"
        wrong["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", message)
    if purge.remaining and totals:
        listed = ", ".join([f"{_dotted(key)} has {count} resource instances" for key, count in purge.remaining])
        wrong["NamespaceContentRemaining"] = ("SomeResourcesRemain", f"Some resources are remaining: {listed}")
    if purge.finalizers and totals:
        listed = ", ".join([f"{name} in {count} resource instances" for name, count in purge.finalizers])
        wrong["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain",
            f"Some content in the namespace has finalizers remaining: {listed}",
        )
    found = []
    for type_, well in _WELL.items():
        reason, message = wrong.get(type_, well)
        status = "True" if type_ in wrong else "False"
        found.append(core_v1.NamespaceCondition(type=type_, status=status, reason=reason, message=message))
    return tuple(found)


def _undiscovered(purge: Purge) -> str:
    stale = ", ".join([f"{version}: stale GroupVersion discovery: {version}" for version in purge.undiscovered])
    return f"unable to retrieve the complete list of server APIs: {stale}"


def _dotted(key: str) -> str:
    """Give the resource with its group, which is empty for the core group: `pods.`."""
    return key if "." in key else f"{key}."


def _reported(ask: Ask, purge: Purge) -> Outcome:
    if purge.stage == "report" and (refused := _refusal(ask.answers)):
        return Outcome(error=refused)
    if purge.errors or purge.undiscovered:
        told = (_undiscovered(purge),) if purge.undiscovered else ()
        return Outcome(error="; ".join([*told, *sorted(purge.errors)]))
    if purge.remaining:
        takes = purge.takes or (FINALIZERS_TAKE if purge.finalizers else 0)
        due = ask.now + (takes // 2 + 1) * SECOND
        if ask.now < purge.again < due:
            due = purge.again
        return Outcome(memory=ask.memory.set(ask.key, Purge(due=due)), after=due - ask.now)
    namespace = ask.answers[0][1].body if purge.stage == "report" else purge.namespace
    left = tuple([name for name in namespace.spec.finalizers or () if name != FINALIZER])
    body = replace(namespace, spec=replace(namespace.spec, finalizers=left or None))
    request = Request(verb="update", resource="namespaces", name=ask.key, subresource="finalize", body=body)
    return _called(ask, purge, "finalize", (request,))


def _refusal(answers: Answers) -> str:
    for _, response in answers:
        if not response.ok and response.code not in _GONE:
            return text_of(response)
    return ""


CONTROLLER: Final = Controller(
    name=NAME,
    sources=(Source("namespaces", keys_of_itself),),
    reconcile=reconcile,
    memory=Table,
    observe=observe,
    workers=10,
    back_off=(5 * MILLISECOND, MINUTE),
    user=service_account("namespace-controller"),
)


def switched(given: Map[bool]) -> dict[str, Controller]:
    """Give, by name, the controller that empties namespaces also of what only feature gates let be."""
    more = [each.key for each in gated_resources() if each.namespaced and gates.is_on(given, each.gate)]
    reconciling = partial(reconcile, more=tuple(dict.fromkeys(more)))
    return {NAME: attrs.evolve(CONTROLLER, reconcile=reconciling)} if more else {}
