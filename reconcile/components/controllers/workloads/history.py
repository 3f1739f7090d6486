"""
History: the ControllerRevisions of a StatefulSet or DaemonSet, each of which keeps one pod template.

A revision's data is the strategic merge patch that gives its owner back the template that it had. Of equal templates
there is one revision: going back to one gives it the next number, so that the newest always has the highest.

Takes:    owners, templates, revisions.
Gives:    the same.
Source:   pkg/controller/history; pkg/controller/statefulset: getPatch, ApplyRevision; pkg/controller/daemon: getPatch.
Left out: the hash in a revision's name is another function of the template than upstream's, see docs/limits.md,
          "Controllers".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from reconcile.api import apps_v1, convert, core_v1, meta_v1
from reconcile.api.scalars import freeze
from reconcile.components.controllers.workloads import claims
from reconcile.components.controllers.workloads.hashing import hash_of
from reconcile.components.controllers.workloads.sittings import Steps
from reconcile.lib.errors import ReconcileError
from reconcile.lib.mapping import Map
from reconcile.model.owners import controller_of
from reconcile.model.requests import Request

REVISIONS: Final = "controllerrevisions.apps"
# An owner's name is cut so that the revision's is not too long.
_LONGEST_PREFIX: Final = 223


@lru_cache(maxsize=1024)
def patch_of(template: core_v1.PodTemplateSpec) -> Map[Any]:
    """Give the data of the revision of a template."""
    content = {**convert.dump(template), "$patch": "replace"}
    frozen: Any = freeze({"spec": {"template": content}})
    return frozen  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def _template(data: Map[Any]) -> core_v1.PodTemplateSpec:
    content = {key: part for key, part in data["spec"]["template"].items() if key != "$patch"}
    loaded: core_v1.PodTemplateSpec = convert.load(content, cls=core_v1.PodTemplateSpec).object
    return loaded


class Unreadable(ReconcileError):  # noqa: N818 -- it says what the revision is
    """A revision does not keep a pod template: somebody else made it."""


def template_of(revision: Any) -> core_v1.PodTemplateSpec:
    """
    Give the template that a revision keeps.

    Raises:
        Unreadable: it keeps none.
    """
    try:
        return _template(revision.data)
    except (ReconcileError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"revision {revision.metadata.name} keeps no pod template: {error}") from None


def keeps(revision: Any, template: core_v1.PodTemplateSpec) -> bool:
    """Tell whether a revision is the one of this template."""
    return bool(revision.data == patch_of(template))


def restores(revision: Any, template: core_v1.PodTemplateSpec) -> bool:
    """Tell whether a revision gives back this very template, in whatever words it is written."""
    try:
        return template_of(revision) == template
    except Unreadable:
        return False


def hash_for(template: core_v1.PodTemplateSpec, collisions: int | None) -> str:
    """Give the hash in the name of a template's revision; another one for each count of collisions."""
    return hash_of({"collisionCount": collisions, "data": patch_of(template)})


def made(
    claimant: claims.Claimant, owner: Any, hashed: str, labels: Map[str], number: int
) -> apps_v1.ControllerRevision:
    """Make the revision of *owner*'s present template."""
    metadata = owner.metadata
    return apps_v1.ControllerRevision(
        metadata=meta_v1.ObjectMeta(
            name=f"{metadata.name[:_LONGEST_PREFIX]}-{hashed}",
            namespace=metadata.namespace,
            labels=labels,
            annotations=metadata.annotations,
            owner_references=(claims.reference_to(claimant, owner),),
        ),
        data=patch_of(owner.spec.template),
        revision=number,
    )


def in_order(revisions: Iterable[Any]) -> list[Any]:
    """Sort revisions, oldest first: by number, by age, by name."""
    return sorted(revisions, key=_age)


def _age(revision: Any) -> tuple[int, int, str]:
    created = revision.metadata.creation_timestamp
    return revision.revision, (0 if created is None else created.instant), revision.metadata.name


def newest(revisions: Iterable[Any]) -> int:
    """Give the highest number of revisions; 0 if there are none."""
    return max([revision.revision for revision in revisions], default=0)


def owned_by(claimant: claims.Claimant, owner: Any, revisions: Iterable[Any]) -> list[Any]:
    """Give the revisions that *owner* selects and that are its own or nobody's, oldest first."""
    found = []
    for revision in revisions:
        reference = controller_of(revision)
        if (reference is None or reference.uid == owner.metadata.uid) and claimant.selects(
            owner, revision.metadata.labels
        ):
            found.append(revision)
    return in_order(found)


def excess(revisions: Iterable[Any], live: set[str], limit: int | None) -> list[Any]:
    """Give the revisions that the history has no room for, oldest first; *live* names those that are in use."""
    former = [revision for revision in revisions if revision.metadata.name not in live]
    return [] if limit is None or limit < 0 else former[: max(len(former) - limit, 0)]


# Calls ----------------------------------------------------------------------------------------------------------------


def creation(revision: Any) -> Request:
    """Ask for a revision."""
    return Request(verb="create", resource=REVISIONS, namespace=revision.metadata.namespace, body=revision)


def reading(revision: Any) -> Request:
    """Ask what there is under a revision's name."""
    metadata = revision.metadata
    return Request(verb="get", resource=REVISIONS, namespace=metadata.namespace, name=metadata.name)


def update(revision: Any) -> Request:
    """Ask for a revision to be as it is given."""
    metadata = revision.metadata
    return Request(verb="update", resource=REVISIONS, namespace=metadata.namespace, name=metadata.name, body=revision)


def deletion(revision: Any) -> Request:
    """Ask for a revision to be gone."""
    metadata = revision.metadata
    return Request(verb="delete", resource=REVISIONS, namespace=metadata.namespace, name=metadata.name)


def truncated(revisions: Iterable[Any]) -> Steps[str]:
    """Delete revisions one after the other; say why it went no further."""
    for revision in revisions:
        (answer,) = yield (deletion(revision),)
        if not answer.ok:
            return str(answer.body.message)
    return ""
