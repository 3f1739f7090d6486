"""
Rolling back: an annotation asks that a Deployment's template be an earlier one's, as apps/v1beta1 did by a field.

Source:   pkg/controller/deployment/rollback.go; util: LastRevision, SetDeploymentAnnotationsTo.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.controllers.workloads.deployment import notes
from reconcile.components.controllers.workloads.deployment.fleet import Fleet
from reconcile.components.controllers.workloads.deployment.template import HASH_LABEL, same_template
from reconcile.effects import Record
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace

ROLLBACK_TO: Final = "deprecated.deployment.rollback.to"

_NOT_FOUND: Final = "DeploymentRollbackRevisionNotFound"


def is_asked(deployment: Any) -> bool:
    """Tell whether an earlier template is asked for; what is no number asks for nothing."""
    return notes.number(deployment, ROLLBACK_TO) is not None


def rolled_back(deployment: Any, fleet: Fleet) -> tuple[Any, tuple[Record, ...]]:
    """Give the Deployment as it is asked to be, which asks no more; and what is wrong with what was asked."""
    wanted = notes.number(deployment, ROLLBACK_TO) or _last_but_one(fleet)
    if not wanted:
        return _unasked(deployment), (_warning(deployment, _NOT_FOUND, "Unable to find last revision."),)
    found = next((one for one in fleet.all if notes.number(one, notes.REVISION) == wanted), None)
    if found is None:
        said = "Unable to find the revision to rollback to."
        return _unasked(deployment), (_warning(deployment, _NOT_FOUND, said),)
    if same_template(deployment.spec.template, found.spec.template):
        name = deployment.metadata.name
        said = f'The rollback revision contains the same template as current deployment "{name}"'
        return _unasked(deployment), (_warning(deployment, "DeploymentRollbackTemplateUnchanged", said),)
    template, own = found.spec.template, deployment.metadata.annotations or {}
    labels = {key: text for key, text in (template.metadata.labels or {}).items() if key != HASH_LABEL}
    template = replace(template, metadata=replace(template.metadata, labels=Map(labels)))
    kept = {key: text for key, text in own.items() if key in notes.NOT_COPIED}
    theirs = {key: text for key, text in (found.metadata.annotations or {}).items() if key not in notes.NOT_COPIED}
    metadata = replace(deployment.metadata, annotations=Map({**kept, **theirs}))
    changed = replace(deployment, metadata=metadata, spec=replace(deployment.spec, template=template))
    return _unasked(changed), ()


def told(deployment: Any, written: Any, owned: tuple[Any, ...]) -> tuple[Record, ...]:
    """Tell that *written* is an earlier template, if it is, and of which revision."""
    revisions = [(notes.number(one, notes.REVISION) or 0, one) for one in owned]
    its = [number for number, one in revisions if same_template(one.spec.template, written.spec.template)]
    if not its or its[0] == max(number for number, _ in revisions):
        return ()
    said = f'Rolled back deployment "{deployment.metadata.name}" to revision {its[0]}'
    return (Record(deployment, "Normal", "DeploymentRollback", said),)


def _last_but_one(fleet: Fleet) -> int:
    numbers = sorted([notes.number(one, notes.REVISION) or 0 for one in fleet.all])
    return numbers[-2] if len(numbers) > 1 else 0


def _unasked(deployment: Any) -> Any:
    rest = Map({key: text for key, text in deployment.metadata.annotations.items() if key != ROLLBACK_TO})
    return replace(deployment, metadata=replace(deployment.metadata, annotations=rest or None))


def _warning(deployment: Any, reason: str, message: str) -> Record:
    return Record(deployment, "Warning", reason, message)
