"""Validation of apps: deployments, replica sets, daemon sets, stateful sets, controller revisions."""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.api import apps_v1, core_v1, meta_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.core import claims
from reconcile.components.apiserver.registry.validation.core.pods import template_causes
from reconcile.components.apiserver.registry.validation.metadata import at_least_zero
from reconcile.components.apiserver.registry.validation.parts import chosen, faulty, given, same, unchanged
from reconcile.components.apiserver.registry.validation.templates import (
    given_selector_causes,
    is_selector,
    lasting_causes,
    matching_causes,
    template_metadata_causes,
)
from reconcile.lib.mapping import Map
from reconcile.lib.replacing import replace
from reconcile.model.text import names

_PERCENT: Final = re.compile("[0-9]+%")
_NO_PERCENT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)
_ALL: Final = 100
# Upstream takes a percentage with more of them for none.
_MOST_DIGITS: Final = 9
_KEPT_OR_DELETED: Final = ("Retain", "Delete")
_STATEFUL_SPEC: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
    " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def deployment_causes(obj: apps_v1.Deployment) -> Causes:
    """Say what is wrong with a deployment."""
    spec = given(obj.spec, apps_v1.DeploymentSpec)
    found = [
        *at_least_zero("spec.replicas", spec.replicas),
        *_replicated_causes("deployment", spec),
        *_strategy_causes(spec.strategy),
        *at_least_zero("spec.minReadySeconds", spec.min_ready_seconds),
        *at_least_zero("spec.revisionHistoryLimit", spec.revision_history_limit),
    ]
    deadline = spec.progress_deadline_seconds
    if deadline is not None:
        found += at_least_zero("spec.progressDeadlineSeconds", deadline)
        if deadline <= (spec.min_ready_seconds or 0):
            found.append(wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return tuple(found)


def deployment_update_causes(new: apps_v1.Deployment, old: apps_v1.Deployment) -> Causes:
    """Say what is wrong with an update of a deployment."""
    return (*deployment_causes(new), *_selector_change(new.spec, old.spec))


def replica_set_causes(obj: apps_v1.ReplicaSet) -> Causes:
    """Say what is wrong with a replica set."""
    spec = given(obj.spec, apps_v1.ReplicaSetSpec)
    return (
        *at_least_zero("spec.replicas", spec.replicas),
        *at_least_zero("spec.minReadySeconds", spec.min_ready_seconds),
        *_replicated_causes("deployment", spec),
    )


def replica_set_update_causes(new: apps_v1.ReplicaSet, old: apps_v1.ReplicaSet) -> Causes:
    """Say what is wrong with an update of a replica set."""
    return (*replica_set_causes(new), *_selector_change(new.spec, old.spec))


def _selector_change(new: Any, old: Any) -> list[Cause]:
    return unchanged("spec.selector", new and new.selector, old and old.selector)


def _replicated_causes(kind: str, spec: Any) -> list[Cause]:
    selector, template = spec.selector, given(spec.template, core_v1.PodTemplateSpec)
    found = given_selector_causes("spec.selector", selector, kind)
    if selector is not None and found and not is_selector(selector):
        return [*found, wrong("spec.selector", selector, "invalid label selector")]
    if selector is None or selector.match_labels or selector.match_expressions:
        found += matching_causes("spec.template", selector, template)
    found += template_causes("spec.template", template)
    return found + lasting_causes("spec.template", template, "ReplicaSet")


def _strategy_causes(given_strategy: apps_v1.DeploymentStrategy | None) -> list[Cause]:
    strategy = given(given_strategy, apps_v1.DeploymentStrategy)
    rolling, at = strategy.rolling_update, "spec.strategy.rollingUpdate"
    if strategy.type == "Recreate":
        if rolling is None:
            return []
        return [forbidden(at, "may not be specified when strategy `type` is 'Recreate'")]
    if strategy.type != "RollingUpdate":
        return [not_supported("spec.strategy", strategy, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    found = amount_causes(f"{at}.maxUnavailable", rolling.max_unavailable)
    found += amount_causes(f"{at}.maxSurge", rolling.max_surge)
    if is_nothing(rolling.max_unavailable) and is_nothing(rolling.max_surge):
        found.append(wrong(f"{at}.maxUnavailable", rolling.max_unavailable, "may not be 0 when `maxSurge` is 0"))
    return found + share_causes(f"{at}.maxUnavailable", rolling.max_unavailable)


def daemon_set_causes(obj: apps_v1.DaemonSet) -> Causes:
    """Say what is wrong with a daemon set."""
    spec = given(obj.spec, apps_v1.DaemonSetSpec)
    selector: meta_v1.LabelSelector | None = spec.selector
    template = given(spec.template, core_v1.PodTemplateSpec)
    # A daemon set without a selector is refused only because nothing matches none.
    found = [] if selector is None else given_selector_causes("spec.selector", selector, "daemonset")
    if is_selector(selector):
        mismatch = matching_causes("spec.template", selector, template)
        found = mismatch + found
    found += template_causes("spec.template", template)
    found += lasting_causes("spec.template", template, "DaemonSet")
    found += at_least_zero("spec.minReadySeconds", spec.min_ready_seconds)
    found += _daemon_strategy_causes(given(spec.update_strategy, apps_v1.DaemonSetUpdateStrategy))
    found += at_least_zero("spec.revisionHistoryLimit", spec.revision_history_limit)
    return tuple(found)


def daemon_set_update_causes(new: apps_v1.DaemonSet, old: apps_v1.DaemonSet) -> Causes:
    """Say what is wrong with an update of a daemon set."""
    return (*_selector_change(new.spec, old.spec), *daemon_set_causes(new))


def _daemon_strategy_causes(strategy: apps_v1.DaemonSetUpdateStrategy) -> list[Cause]:
    if strategy.type == "OnDelete":
        return []
    if strategy.type != "RollingUpdate":
        return [not_supported("spec.updateStrategy", strategy, ("RollingUpdate", "OnDelete"))]
    rolling, at = strategy.rolling_update, "spec.updateStrategy.rollingUpdate"
    if rolling is None:
        return [required(at)]
    amounts = ((f"{at}.maxUnavailable", rolling.max_unavailable), (f"{at}.maxSurge", rolling.max_surge))
    found: list[Cause] = []
    for question in (amount_causes, share_causes):
        for field, amount in amounts:
            found += question(field, amount)
    without = is_nothing(rolling.max_unavailable), is_nothing(rolling.max_surge)
    if without == (False, False):
        found.append(wrong(f"{at}.maxSurge", rolling.max_surge, "may not be set when maxUnavailable is non-zero"))
    elif without == (True, True):
        found.append(required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return found


def stateful_set_causes(obj: apps_v1.StatefulSet) -> Causes:
    """Say what is wrong with a stateful set."""
    return tuple(_stateful_causes(given(obj.spec, apps_v1.StatefulSetSpec), is_new=True))


def stateful_set_update_causes(new: apps_v1.StatefulSet, old: apps_v1.StatefulSet) -> Causes:
    """Say what is wrong with an update of a stateful set."""
    spec, before = given(new.spec, apps_v1.StatefulSetSpec), given(old.spec, apps_v1.StatefulSetSpec)
    found = _stateful_causes(spec, is_new=False)
    expected = replace(
        before,
        replicas=spec.replicas,
        template=spec.template,
        update_strategy=spec.update_strategy,
        min_ready_seconds=spec.min_ready_seconds,
        ordinals=spec.ordinals,
        revision_history_limit=spec.revision_history_limit,
        persistent_volume_claim_retention_policy=spec.persistent_volume_claim_retention_policy,
    )
    if not same(expected, spec):
        found.append(forbidden("spec", _STATEFUL_SPEC))
    return tuple(found)


def _stateful_causes(spec: apps_v1.StatefulSetSpec, *, is_new: bool) -> list[Cause]:
    found: list[Cause] = []
    policy = spec.pod_management_policy
    if not policy:
        found.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        found.append(wrong("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    found += _stateful_strategy_causes(given(spec.update_strategy, apps_v1.StatefulSetUpdateStrategy))
    kept = spec.persistent_volume_claim_retention_policy
    if kept is not None:
        at = "spec.persistentVolumeClaimRetentionPolicy"
        found += chosen(f"{at}.whenDeleted", kept.when_deleted, _KEPT_OR_DELETED)
        found += chosen(f"{at}.whenScaled", kept.when_scaled, _KEPT_OR_DELETED)
    for place, claim in enumerate(spec.volume_claim_templates or () if is_new else ()):
        wanted = given(claim.spec, core_v1.PersistentVolumeClaimSpec)
        found += claims.spec_causes(f"spec.volumeClaimTemplates[{place}].spec", wanted)
    found += at_least_zero("spec.replicas", spec.replicas)
    found += at_least_zero("spec.minReadySeconds", spec.min_ready_seconds)
    if spec.ordinals is not None:
        found += at_least_zero("spec.ordinals.start", spec.ordinals.start)
    if is_new and spec.service_name:
        found += faulty("spec.serviceName", spec.service_name, names.label_faults(spec.service_name))
    return found + _stateful_template_causes(spec)


def _stateful_strategy_causes(strategy: apps_v1.StatefulSetUpdateStrategy) -> list[Cause]:
    rolling, at = strategy.rolling_update, "spec.updateStrategy.rollingUpdate"
    if not strategy.type:
        return [required("spec.updateStrategy")]
    if strategy.type == "OnDelete":
        return [] if rolling is None else [wrong(at, rolling, "only allowed for updateStrategy 'RollingUpdate'")]
    if strategy.type != "RollingUpdate":
        return [wrong("spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    found = [*at_least_zero(f"{at}.partition", rolling.partition)]
    amount = rolling.max_unavailable
    if amount is not None:
        found += amount_causes(f"{at}.maxUnavailable", amount)
        if is_nothing(amount):
            found.append(wrong(f"{at}.maxUnavailable", amount, "cannot be 0"))
        found += share_causes(f"{at}.maxUnavailable", amount)
    return found


def _stateful_template_causes(spec: apps_v1.StatefulSetSpec) -> list[Cause]:
    selector: meta_v1.LabelSelector | None = spec.selector
    template = given(spec.template, core_v1.PodTemplateSpec)
    found = given_selector_causes("spec.selector", selector, "statefulset")
    if not is_selector(selector):
        found.append(wrong("spec.selector", selector, ""))
    else:
        if selector is None or selector.match_labels or selector.match_expressions:
            found += matching_causes("spec.template", selector, template)
        found += template_causes("spec.template", _with_claims(template, spec))
        found += template_metadata_causes("spec.template", template)
    return found + lasting_causes("spec.template", template, "StatefulSet")


def _with_claims(template: core_v1.PodTemplateSpec, spec: apps_v1.StatefulSetSpec) -> core_v1.PodTemplateSpec:
    """Give a template as its pods will be: with the volumes of their claims, and named by their set."""
    pod = template.spec
    claims = spec.volume_claim_templates
    if pod is None or not (claims or pod.subdomain or pod.hostname):
        return template
    volumes = pod.volumes
    if claims:
        claimed = [(claim.metadata.name if claim.metadata is not None else None) or "" for claim in claims]
        own = [volume for volume in volumes or () if volume.name not in claimed]
        volumes = (*[_claimed(name) for name in dict.fromkeys(claimed)], *own)
    return replace(template, spec=replace(pod, volumes=volumes, subdomain=None, hostname=None))


def _claimed(name: str) -> core_v1.Volume:
    source = core_v1.PersistentVolumeClaimVolumeSource(claim_name=name)
    return core_v1.Volume(name=name, persistent_volume_claim=source)


def revision_causes(obj: apps_v1.ControllerRevision) -> Causes:
    """Say what is wrong with a controller revision."""
    found = [*at_least_zero("revision", obj.revision)]
    if obj.data is None:
        found.append(required("data", "data is mandatory"))
    elif not _is_object(obj.data):
        found.append(required("data", "data must be a valid JSON object"))
    return tuple(found)


def _is_object(raw: Any) -> bool:
    return isinstance(raw, Map)


def revision_update_causes(new: apps_v1.ControllerRevision, old: apps_v1.ControllerRevision) -> Causes:
    """Say what is wrong with an update of a controller revision: its data are what they were."""
    return (*at_least_zero("revision", new.revision), *unchanged("data", new.data, old.data))


def amount_causes(field: str, amount: int | str | None) -> list[Cause]:
    """Say that something is neither a number of pods nor a part of them in percent."""
    if not isinstance(amount, str):
        return [*at_least_zero(field, amount)]
    if not _PERCENT.fullmatch(amount):
        return [wrong(field, amount, _NO_PERCENT)]
    if len(amount) > _MOST_DIGITS + 1:
        return [wrong(field, amount, f"must have at most {_MOST_DIGITS} digits")]
    return []


def share_causes(field: str, amount: int | str | None) -> list[Cause]:
    """Say that a part in percent is more than the whole."""
    if not isinstance(amount, str) or not _PERCENT.fullmatch(amount) or len(amount) > _MOST_DIGITS + 1:
        return []
    if int(amount[:-1]) > _ALL:
        return [wrong(field, amount, "must not be greater than 100%")]
    return []


def is_nothing(amount: int | str | None) -> bool:
    """Tell whether a number, or a part in percent, is none."""
    if not isinstance(amount, str):
        return not amount
    # What is no percentage may be a number all the same; else it counts as none.
    text = amount[:-1] if _PERCENT.fullmatch(amount) else amount
    return not (text.isascii() and text.lstrip("+-").isdigit() and text.strip("+-0"))
