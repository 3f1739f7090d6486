"""Validation of replication controllers and pod templates."""

from __future__ import annotations

from reconcile.api import core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.core.pods import template_causes
from reconcile.components.apiserver.registry.validation.values import at_least_zero
from reconcile.model import selectors


def pod_template_causes(obj: core_v1.PodTemplate) -> Causes:
    """Say what is wrong with a pod template."""
    return tuple(template_causes("template", obj.template or core_v1.PodTemplateSpec()))


def replication_controller_causes(obj: core_v1.ReplicationController) -> Causes:
    """Say what is wrong with a replication controller."""
    spec = obj.spec or core_v1.ReplicationControllerSpec()
    found: list[Cause] = [*at_least_zero("spec.minReadySeconds", spec.min_ready_seconds)]
    if not spec.selector:
        found.append(required("spec.selector"))
    if spec.replicas is None:
        found.append(required("spec.replicas"))
    found += at_least_zero("spec.replicas", spec.replicas)
    template = spec.template
    if template is None:
        return (*found, required("spec.template"))
    labels = template.metadata.labels if template.metadata is not None else None
    if spec.selector and not selectors.matches_all(spec.selector, labels):
        why = "`selector` does not match template `labels`"
        found.append(wrong("spec.template.metadata.labels", labels, why))
    found += template_causes("spec.template", template)
    if template.spec is None:
        return tuple(found)
    if template.spec.restart_policy != "Always":
        at = "spec.template.spec.restartPolicy"
        found.append(not_supported(at, template.spec.restart_policy or "", ("Always",)))
    if template.spec.active_deadline_seconds is not None:
        why = "activeDeadlineSeconds in ReplicationController is not Supported"
        found.append(forbidden("spec.template.spec.activeDeadlineSeconds", why))
    return tuple(found)
