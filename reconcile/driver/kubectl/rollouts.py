"""
kubectl rollout undo, pause, resume and restart, and set image.

Source:   k8s.io/kubectl/pkg/cmd/rollout, pkg/polymorphichelpers (rollback, pauser, resumer, restarter), pkg/cmd/set.
Left out: rollout history and status: what they print is a list of ControllerRevisions or ReplicaSets, and a watch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.api import convert
from reconcile.api.kinds import resource_of
from reconcile.api.scalars import freeze
from reconcile.driver.client import LAST_APPLIED
from reconcile.driver.kubectl.talk import Said, Talk, patching, plain, reading, title
from reconcile.lib.errors import ReconcileError
from reconcile.lib.instant import Instant, rfc3339
from reconcile.lib.replacing import replace
from reconcile.model.owners import is_controlled_by
from reconcile.model.patches import difference
from reconcile.model.requests import Request, Response
from reconcile.model.selectors import requirements_of, text_of

_RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
_REVISION: Final = "deployment.kubernetes.io/revision"
_HASH: Final = "pod-template-hash"
_KEPT: Final = (
    LAST_APPLIED,
    _REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)
_REVISIONS: Final = "controllerrevisions.apps"
_REVISED: Final = ("daemonsets.apps", "statefulsets.apps")
_RESTARTABLE: Final = ("deployments.apps", "daemonsets.apps", "statefulsets.apps")


def pause(word: str, name: str, *, namespace: str = "default") -> Talk:
    """Do what `kubectl rollout pause WORD NAME` does."""
    return (yield from _paused(reading(word, name, namespace), wanted=True))


def resume(word: str, name: str, *, namespace: str = "default") -> Talk:
    """Do what `kubectl rollout resume WORD NAME` does."""
    return (yield from _paused(reading(word, name, namespace), wanted=False))


def _paused(read: Request, *, wanted: bool) -> Talk:
    found = yield read
    if not found.ok:
        return Said(response=found)
    what = f'{read.resource} "{read.name}"'
    if read.resource != "deployments.apps":
        return Said(response=found, problem=f"{what} {'pausing' if wanted else 'resuming'} is not supported")
    if bool(found.body.spec.paused) is wanted:
        return Said(response=found, problem=f"{what} is {'already' if wanted else 'not'} paused")
    answer = yield patching(read, {"spec": {"paused": True if wanted else None}})
    done = "paused" if wanted else "resumed"
    return Said(lines=(f"{title(answer.body)} {done}",) if answer.ok else (), response=answer)


def restart(word: str, name: str, now: Instant, *, namespace: str = "default") -> Talk:
    """Do what `kubectl rollout restart WORD NAME` does: all pods are made anew; *now* is noted in their template."""
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    what = f'{read.resource} "{read.name}"'
    if read.resource not in _RESTARTABLE:
        return Said(response=found, problem=f"{what} restarting is not supported")
    if getattr(found.body.spec, "paused", None):
        problem = f"{what} can't restart paused deployment (run rollout resume first)"
        return Said(response=found, problem=problem)
    annotations = {_RESTARTED_AT: rfc3339(now)}
    answer = yield patching(read, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    return Said(lines=(f"{title(answer.body)} restarted",) if answer.ok else (), response=answer)


def undo(word: str, name: str, *, namespace: str = "default", to_revision: int = 0) -> Talk:
    """
    Do what `kubectl rollout undo WORD NAME` does: give a Deployment, DaemonSet or StatefulSet its former pod template.

    Args:
        word: the resource, as kubectl knows it.
        name: the object's.
        namespace: its namespace.
        to_revision: which revision to go back to; 0: the one before the last.
    """
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    if read.resource in _REVISED:
        return (yield from _undone_by_revision(read, found, to_revision))
    what = f'{read.resource} "{read.name}"'
    if read.resource != "deployments.apps":
        return Said(response=found, problem=f"no rollbacker has been implemented for {what}")
    deployment = found.body
    selector = text_of(requirements_of(deployment.spec.selector))
    listed = yield Request(verb="list", resource="replicasets.apps", namespace=read.namespace, label_selector=selector)
    if not listed.ok:
        return Said(response=listed)
    owned = [each for each in listed.body.items if is_controlled_by(each, deployment)]
    chosen = _of_revision(owned, to_revision)
    if chosen is None:
        missing = f"unable to find specified revision {to_revision} in history"
        none = f'no rollout history found for deployment "{name}"'
        return Said(response=listed, problem=missing if to_revision else none)
    if deployment.spec.paused:
        problem = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
        return Said(response=found, problem=problem)
    before, after = plain(deployment), _rolled_back(plain(deployment), plain(chosen))
    if before["spec"]["template"] == after["spec"]["template"]:
        skipped = f"skipped rollback (current template already matches revision {to_revision})"
        return Said(lines=(f"{title(deployment)} {skipped}",), response=found)
    answer = yield patching(read, difference(before, after))
    return Said(lines=(f"{title(deployment)} rolled back",) if answer.ok else (), response=answer)


def _undone_by_revision(read: Request, found: Response, to_revision: int) -> Talk:
    """Undo what keeps its templates in ControllerRevisions: the patch that the revision is gives the template back."""
    owner = found.body
    selector = text_of(requirements_of(owner.spec.selector))
    listed = yield Request(verb="list", resource=_REVISIONS, namespace=read.namespace, label_selector=selector)
    if not listed.ok:
        return Said(response=listed)
    owned = [each for each in listed.body.items if is_controlled_by(each, owner)]
    owned.sort(key=lambda revision: revision.revision)
    if to_revision:
        chosen = next((each for each in owned if each.revision == to_revision), None)
    else:
        chosen = owned[-2] if len(owned) > 1 else None
    if chosen is None:
        missing = f"unable to find specified revision {to_revision} in history"
        return Said(response=listed, problem=missing if to_revision else "no last revision to roll back to")
    template = {key: part for key, part in chosen.data["spec"]["template"].items() if key != "$patch"}
    if freeze(plain(owner)["spec"]["template"]) == freeze(template):
        skipped = f"skipped rollback (current template already matches revision {to_revision})"
        return Said(lines=(f"{title(owner)} {skipped}",), response=found)
    answer = yield replace(patching(read, {}), body=chosen.data, patch_type="strategic")
    return Said(lines=(f"{title(owner)} rolled back",) if answer.ok else (), response=answer)


def _of_revision(owned: list[Any], wanted: int) -> Any:
    """Give the ReplicaSet of this revision, or for 0 that of the second newest; None if there is none."""
    numbered = sorted(
        [(int(text), each) for each in owned if (text := _revision(each)).isdigit()],
        key=lambda pair: pair[0],
    )
    if wanted:
        return next((each for revision, each in numbered if revision == wanted), None)
    return numbered[-2][1] if len(numbered) > 1 else None


def _revision(replica_set: Any) -> str:
    annotations: Mapping[str, str] = replica_set.metadata.annotations or {}
    return annotations.get(_REVISION, "")


def _rolled_back(deployment: dict[str, Any], replica_set: dict[str, Any]) -> dict[str, Any]:
    """Give the Deployment with the template of an old ReplicaSet, and with the annotations of that time."""
    template = dict(replica_set["spec"]["template"])
    metadata = dict(template.get("metadata", {}))
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != _HASH}
    template["metadata"] = {**metadata, "labels": labels}
    now = deployment["metadata"].get("annotations", {})
    then = replica_set["metadata"].get("annotations", {})
    annotations = {key: value for key, value in now.items() if key in _KEPT}
    annotations |= {key: value for key, value in then.items() if key not in _KEPT}
    return {
        **deployment,
        "metadata": {**deployment["metadata"], "annotations": annotations},
        "spec": {**deployment["spec"], "template": template},
    }


# Images ---------------------------------------------------------------------------------------------------------------


def set_image(word: str, name: str, images: Mapping[str, str], *, namespace: str = "default") -> Talk:
    """
    Do what `kubectl set image WORD NAME CONTAINER=IMAGE...` does; the container `*` is every one.

    Raises:
        ReconcileError: it has no such container; it shows which there are.
    """
    read = reading(word, name, namespace)
    found = yield read
    if not found.ok:
        return Said(response=found)
    body = images_patch(found.body, images)
    if not body:
        return Said(response=found)
    answer = yield patching(read, body)
    return Said(lines=(f"{title(answer.body)} image updated",) if answer.ok else (), response=answer)


def images_patch(live: Any, images: Mapping[str, str]) -> dict[str, Any]:
    """
    Give the merge patch by which *live*, a pod or what has a pod template, gets *images*; empty if it has them.

    Raises:
        ReconcileError: it has no such container; it shows which there are.
    """
    whole = convert.dump(live)
    path = _template_path(whole, live)
    spec = whole
    for key in path:
        spec = spec[key]
    changed: dict[str, Any] = {}
    names: list[str] = []
    for part in ("containers", "initContainers"):
        rows = spec.get(part, [])
        names += [row["name"] for row in rows]
        now = [{**row, "image": images.get(row["name"], images.get("*", row["image"]))} for row in rows]
        if now != rows:
            changed[part] = now
    for name in images:
        if name != "*" and name not in names:
            raise ReconcileError(f"unable to find container named {name!r}; there are {', '.join(names)}")
    for key in reversed(path):
        changed = {key: changed} if changed else {}
    return changed


def _template_path(whole: dict[str, Any], live: Any) -> tuple[str, ...]:
    if "jobTemplate" in whole.get("spec", {}):
        return ("spec", "jobTemplate", "spec", "template", "spec")
    if "template" in whole.get("spec", {}):
        return ("spec", "template", "spec")
    if "containers" in whole.get("spec", {}):
        return ("spec",)
    raise ReconcileError(f"{resource_of(live).kind} has no containers")
