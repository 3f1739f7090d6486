"""Validation of pod templates and of the selectors that have to match them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.api import core_v1, meta_v1
from reconcile.components.apiserver.refusals import Cause, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.metadata import (
    annotations_causes,
    labels_causes,
    selector_causes,
)
from reconcile.model import selectors
from reconcile.model.text import names

_MISMATCH: Final = "`selector` does not match template `labels`"


def labels_of(template: core_v1.PodTemplateSpec) -> Any:
    """Give the labels of a template's pods."""
    return template.metadata.labels if template.metadata is not None else None


def template_metadata_causes(field: str, template: core_v1.PodTemplateSpec) -> list[Cause]:
    """Say what is wrong with the labels and annotations of a template's pods."""
    metadata = template.metadata
    if metadata is None:
        return []
    found: list[Cause] = []
    if metadata.labels and not names.labels_are_well(metadata.labels):
        found += labels_causes(f"{field}.labels", metadata.labels)
    if metadata.annotations:
        found += annotations_causes(f"{field}.annotations", metadata.annotations)
    return found


def lasting_causes(field: str, template: core_v1.PodTemplateSpec, kind: str) -> list[Cause]:
    """Say that the pods of a *kind* would end by themselves, which they may not."""
    spec = template.spec
    policy, deadline = (spec.restart_policy, spec.active_deadline_seconds) if spec is not None else (None, None)
    found: list[Cause] = []
    if policy != "Always":
        found.append(not_supported(f"{field}.spec.restartPolicy", policy or "", ("Always",)))
    if deadline is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        found.append(forbidden(f"{field}.spec.activeDeadlineSeconds", why))
    return found


def is_selector(selector: meta_v1.LabelSelector | None) -> bool:
    """Tell whether a selector selects anything at all, or nothing: whether it is well."""
    return not selector_causes("", selector)


def given_selector_causes(field: str, selector: meta_v1.LabelSelector | None, kind: str) -> list[Cause]:
    """Say that the selector of a *kind* is missing, empty or none."""
    if selector is None:
        return [required(field)]
    found = [*selector_causes(field, selector)]
    if not (selector.match_labels or selector.match_expressions):
        found.append(wrong(field, meta_v1.LabelSelector(), f"empty selector is invalid for {kind}"))
    return found


def matching_causes(
    field: str, selector: meta_v1.LabelSelector | None, template: core_v1.PodTemplateSpec
) -> list[Cause]:
    """Say that a well-formed selector does not select the pods of its template; None selects none."""
    labels = labels_of(template)
    if selector is not None and selectors.matches(selector, labels):
        return []
    return [wrong(f"{field}.metadata.labels", labels, _MISMATCH)]
