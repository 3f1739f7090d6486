"""
kubectl cordon, uncordon, drain and taint.

Source:   k8s.io/kubectl/pkg/cmd/drain, pkg/drain, pkg/cmd/taint.
Left out: drain does not wait until the pods are gone, so it does not say so; an eviction that is refused for now (429)
          is not tried again.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import attrs

from reconcile.api import meta_v1, policy_v1
from reconcile.driver.kubectl.talk import Said, Talk, aggregated, patching, plain, reading, title
from reconcile.lib.errors import ReconcileError
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request, Response

_MIRROR: Final = "kubernetes.io/config.mirror"
_NOT_FOUND: Final = 404


def cordon(node: str) -> Talk:
    """Do what `kubectl cordon NODE` does: no new pods come to it."""
    return (yield from _cordoned(node, wanted=True))


def uncordon(node: str) -> Talk:
    """Do what `kubectl uncordon NODE` does."""
    return (yield from _cordoned(node, wanted=False))


def _cordoned(node: str, *, wanted: bool) -> Talk:
    read = reading("nodes", node, "")
    found = yield read
    if not found.ok:
        return Said(response=found)
    done = "cordoned" if wanted else "uncordoned"
    if bool(found.body.spec and found.body.spec.unschedulable) is wanted:
        return Said(lines=(f"node/{node} already {done}",), response=found)
    answer = yield patching(read, {"spec": {"unschedulable": True if wanted else None}})
    return Said(lines=(f"node/{node} {done}",) if answer.ok else (), response=answer)


# Draining -------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Drain:
    """The flags of `kubectl drain`; a negative *grace_period*, in seconds, leaves each pod its own."""

    ignore_daemonsets: bool = False
    force: bool = False
    delete_emptydir_data: bool = False
    disable_eviction: bool = False
    grace_period: int = -1
    pod_selector: str = ""


def drain(node: str, flags: Drain | None = None) -> Talk:
    """
    Do what `kubectl drain NODE` does: cordon it, and evict its pods, but for mirrors of static pods.

    Pods of a DaemonSet stay, and it is an error that there are any, unless they are to be ignored; so it is that there
    are pods without a controller, or with an emptyDir, unless they are to go.
    """
    flags = flags or Drain()
    said = yield from _cordoned(node, wanted=True)
    if not said.response.ok:
        return said
    chosen = f"spec.nodeName={node}"
    found = yield Request(verb="list", resource="pods", field_selector=chosen, label_selector=flags.pod_selector)
    if not found.ok:
        return Said(lines=said.lines, response=found)
    going, warned, failed = yield from _sorted_out(found.body.items, flags)
    if failed:
        problem = aggregated([f"cannot delete {why}" for why in failed])
        why = f'unable to drain node "{node}" due to error: {problem}'
        return Said(lines=said.lines, response=found, problem=why)
    lines = [*said.lines, *([f"Warning: {'; '.join(warned)}"] if warned else [])]
    answer = found
    for pod in going:
        if not flags.disable_eviction:
            lines.append(f"evicting pod {pod.metadata.namespace}/{pod.metadata.name}")
        answer = yield _eviction(pod, flags)
        if not answer.ok and answer.code != _NOT_FOUND:
            return Said(lines=tuple(lines), response=answer)
    return Said(lines=tuple(lines), response=answer if answer.ok else found)


def _sorted_out(
    pods: tuple[Any, ...], flags: Drain
) -> Generator[Request, Response, tuple[list[Any], list[str], list[str]]]:
    """Give the pods that are to go, what to warn of, and what is wrong with their going, with the pods' names each."""
    going: list[Any] = []
    warned: dict[str, list[str]] = {}
    failed: dict[str, list[str]] = {}
    for pod in pods:
        goes, warning, error = yield from _judged(pod, flags)
        if goes:
            going.append(pod)
        for why, whom in ((warning, warned), (error, failed)):
            if why:
                whom.setdefault(why, []).append(f"{pod.metadata.namespace}/{pod.metadata.name}")
    said = [[f"{why}: {', '.join(names)}" for why, names in whom.items()] for whom in (warned, failed)]
    return going, said[0], said[1]


def _judged(pod: Any, flags: Drain) -> Generator[Request, Response, tuple[bool, str, str]]:
    """Tell whether a pod is to go, what to warn of, and what is wrong with its going."""
    over = pod.status is not None and pod.status.phase in {"Succeeded", "Failed"}
    owner = controller_of(pod)
    if owner is not None and (owner.kind, owner.api_version) == ("DaemonSet", "apps/v1") and not over:
        found = yield reading("daemonsets.apps", owner.name or "", pod.metadata.namespace)
        if not found.ok and (found.code != _NOT_FOUND or not flags.force):
            return False, "", str(found.body.message)
        if found.ok and not flags.ignore_daemonsets:
            return False, "", "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
        if found.ok:
            return False, "ignoring DaemonSet-managed Pods", ""
    if _MIRROR in (pod.metadata.annotations or ()):
        return False, "", ""
    local = any(volume.empty_dir is not None for volume in pod.spec.volumes or ())
    if local and not over and not flags.delete_emptydir_data:
        return False, "", "Pods with local storage (use --delete-emptydir-data to override)"
    if over or owner is not None:
        return True, "", ""
    if not flags.force:
        return False, "", "Pods that declare no controller (use --force to override)"
    return True, "deleting Pods that declare no controller", ""


def _eviction(pod: Any, flags: Drain) -> Request:
    grace = None if flags.grace_period < 0 else flags.grace_period
    options = meta_v1.DeleteOptions(grace_period_seconds=grace)
    name, namespace = pod.metadata.name, pod.metadata.namespace
    if flags.disable_eviction:
        return Request(verb="delete", resource="pods", namespace=namespace, name=name, body=options)
    body = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name=name, namespace=namespace), delete_options=options)
    return Request(verb="create", resource="pods", namespace=namespace, name=name, subresource="eviction", body=body)


# Taints ---------------------------------------------------------------------------------------------------------------

_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def taint(node: str, changes: tuple[str, ...], *, overwrite: bool = False) -> Talk:
    """
    Do what `kubectl taint nodes NODE CHANGE...` does.

    Args:
        node: the Node's name.
        changes: `KEY=VALUE:EFFECT` or `KEY:EFFECT` to add a taint, `KEY:EFFECT-` or `KEY-` to take it away.
        overwrite: give a new value to a taint that is there.

    Raises:
        ReconcileError: one of *changes* is none.
    """
    added, removed = taints(changes)
    read = reading("nodes", node, "")
    found = yield read
    if not found.ok:
        return Said(response=found)
    old: list[dict[str, Any]] = plain(found.body).get("spec", {}).get("taints", [])
    there = [new["key"] for new in added if any(_is_same(new, one) for one in old)]
    if there and not overwrite:
        said = f"node {node} already has {','.join(there)} taint(s) with same effect(s) and --overwrite is false"
        return Said(response=found, problem=said)
    new = [*added, *[one for one in old if not any(_is_same(one, each) for each in added)]]
    grown = len(new) != len(old)
    missing: list[str] = []
    shrunk = False
    for key, effect in removed:
        left = [one for one in new if one["key"] != key or (effect and one["effect"] != effect)]
        shrunk = len(left) != len(new)
        if not shrunk:
            missing.append(f'taint "{key}:{effect}" not found' if effect else f'taint "{key}" not found')
        new = left
    if missing:
        return Said(response=found, problem=aggregated(missing))
    done = "modified" if (grown and shrunk) or overwrite else "tainted" if grown else "untainted"
    answer = yield patching(read, {"spec": {"taints": new or None}} if new != old else {})
    return Said(lines=(f"{title(answer.body)} {done}",) if answer.ok else (), response=answer)


def taints(changes: tuple[str, ...]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """
    Read changes of taints: those to add, as JSON, and the (key, effect) of those to take away.

    Raises:
        ReconcileError: one of them cannot be understood, or says what another one says.
    """
    added: list[dict[str, Any]] = []
    removed: list[tuple[str, str]] = []
    for change in changes:
        key, value, effect = _taint(change.removesuffix("-"))
        if change.endswith("-"):
            removed.append((key, effect))
            continue
        if not effect:
            raise ReconcileError(f"invalid taint spec: {change}")
        new = {"key": key, **({"value": value} if value else {}), "effect": effect}
        if any(_is_same(new, one) for one in added):
            raise ReconcileError(f"duplicated taints with the same key and effect: {change}")
        added.append(new)
    both = [f"{key}={effect}" for key, effect in removed for one in added if _hits(one, key, effect)]
    if both:
        said = ", ".join(both)
        raise ReconcileError(f"can not both modify and remove the following taint(s) in the same command: {said}")
    if not changes:
        raise ReconcileError("at least one taint update is required")
    return added, removed


def _taint(text: str) -> tuple[str, str, str]:
    """Read `KEY=VALUE:EFFECT`, `KEY:EFFECT` or `KEY`."""
    what, colon, effect = text.partition(":")
    key, equals, value = what.partition("=") if colon else (what, "", "")
    if not key or "=" in value or ":" in effect or "=" in key or (equals and not colon):
        raise ReconcileError(f"invalid taint spec: {text}")
    if colon and effect not in _EFFECTS:
        raise ReconcileError(f"invalid taint effect: {effect}, unsupported taint effect")
    return key, value, effect


def _is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["key"], one["effect"]) == (other["key"], other["effect"])


def _hits(one: dict[str, Any], key: str, effect: str) -> bool:
    return bool(one["key"] == key and effect in ("", one["effect"]))
