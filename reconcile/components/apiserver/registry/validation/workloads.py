"""Validation of what makes pods: replication controllers, replica sets, deployments, and the other sets and jobs."""

from __future__ import annotations

import re
from typing import Any, Final

from reconcile.api import apps_v1, core_v1
from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, not_supported, required, wrong
from reconcile.components.apiserver.registry.validation.core import pods
from reconcile.components.apiserver.registry.validation.metadata import (
    IMMUTABLE,
    at_least_zero,
    one_of,
    selector_causes,
)
from reconcile.lib.replacing import replace
from reconcile.model import selectors

_PERCENT: Final = re.compile("[0-9]+%")
_MOST_DIGITS: Final = 9
_NO_PERCENT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for"
    " validation is '[0-9]+%')"
)
_ALL: Final = 100
_MISMATCH: Final = "`selector` does not match template `labels`"


def deployment_causes(obj: apps_v1.Deployment) -> Causes:
    """Say what is wrong with a deployment."""
    spec = obj.spec
    if spec is None:
        return (required("spec.selector"), required("spec.template"))
    found = [
        *_count_causes(spec),
        *_selection_causes("deployment", spec),
        *template_causes("spec.template", spec.template, ("Always",)),
        *at_least_zero("spec.revisionHistoryLimit", spec.revision_history_limit),
    ]
    deadline = spec.progress_deadline_seconds
    if deadline is not None:
        found += at_least_zero("spec.progressDeadlineSeconds", deadline)
        if deadline <= (spec.min_ready_seconds or 0):
            found.append(wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return (*found, *_strategy_causes(spec.strategy or apps_v1.DeploymentStrategy()))


def replica_set_causes(obj: apps_v1.ReplicaSet) -> Causes:
    """Say what is wrong with a replica set."""
    spec = obj.spec
    if spec is None:
        return (required("spec.selector"), required("spec.template"))
    found = [*_count_causes(spec), *_selection_causes("deployment", spec)]
    if spec.template is None:
        return (*found, required("spec.template"))
    return (*found, *template_causes("spec.template", spec.template, ("Always",)))


def daemon_set_causes(obj: apps_v1.DaemonSet) -> Causes:
    """Say what is wrong with a daemon set."""
    spec = obj.spec
    if spec is None:
        return (required("spec.selector"), required("spec.template"))
    found = [
        *_selection_causes("daemonset", spec),
        *template_causes("spec.template", spec.template, ("Always",)),
        *at_least_zero("spec.minReadySeconds", spec.min_ready_seconds),
        *at_least_zero("spec.revisionHistoryLimit", spec.revision_history_limit),
    ]
    strategy = spec.update_strategy
    kind = strategy.type if strategy is not None else None
    found += one_of("spec.updateStrategy.type", kind, ("RollingUpdate", "OnDelete"))
    rolling = strategy.rolling_update if strategy is not None else None
    if kind == "RollingUpdate" and rolling is not None:
        at = "spec.updateStrategy.rollingUpdate"
        found += amount_causes(f"{at}.maxUnavailable", rolling.max_unavailable, most=_ALL)
        found += amount_causes(f"{at}.maxSurge", rolling.max_surge, most=_ALL)
        if _is_nothing(rolling.max_unavailable) and _is_nothing(rolling.max_surge):
            found.append(required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
        elif not _is_nothing(rolling.max_unavailable) and not _is_nothing(rolling.max_surge):
            found.append(wrong(f"{at}.maxSurge", rolling.max_surge, "may not be set when maxUnavailable is non-zero"))
    return tuple(found)


def stateful_set_causes(obj: apps_v1.StatefulSet) -> Causes:
    """Say what is wrong with a stateful set."""
    spec = obj.spec
    if spec is None:
        return (required("spec.selector"), required("spec.template"))
    found = [
        *_count_causes(spec),
        *_selection_causes("statefulset", spec),
        *template_causes("spec.template", spec.template, ("Always",)),
        *one_of("spec.podManagementPolicy", spec.pod_management_policy, ("OrderedReady", "Parallel")),
    ]
    kind = spec.update_strategy.type if spec.update_strategy is not None else None
    return (*found, *one_of("spec.updateStrategy", kind, ("RollingUpdate", "OnDelete")))


def job_causes(obj: Any) -> Causes:
    """Say what is wrong with a job."""
    spec = obj.spec
    if spec is None:
        return (required("spec.template"),)
    found: list[Cause] = []
    for name, number in (
        ("parallelism", spec.parallelism),
        ("completions", spec.completions),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished),
    ):
        found += at_least_zero(f"spec.{name}", number)
    found += one_of("spec.completionMode", spec.completion_mode, ("Indexed", "NonIndexed"))
    restart = spec.template.spec.restart_policy if spec.template.spec is not None else None
    if restart == "Always":
        # A template without a policy has this one by default.
        found.append(required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return (*found, *template_causes("spec.template", spec.template, ("OnFailure", "Never", "Always")))


def selector_change_causes(new: Any, old: Any) -> Causes:
    """Say that a selector changed, which it may not."""
    if new.spec is None or old.spec is None or new.spec.selector == old.spec.selector:
        return ()
    return (wrong("spec.selector", new.spec.selector, IMMUTABLE),)


def stateful_set_change_causes(new: apps_v1.StatefulSet, old: apps_v1.StatefulSet) -> Causes:
    """Say that something of a stateful set changed that may not."""
    spec, before = new.spec, old.spec
    if spec is None or before is None:
        return ()
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
    if expected == spec:
        return ()
    why = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
        " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
    return (forbidden("spec", why),)


def job_change_causes(new: Any, old: Any) -> Causes:
    """Say that something of a job changed that may not."""
    if new.spec is None or old.spec is None:
        return ()
    found = [*selector_change_causes(new, old)]
    if new.spec.template != old.spec.template and not old.spec.suspend:
        found.append(wrong("spec.template", new.spec.template, IMMUTABLE))
    if new.spec.completions != old.spec.completions and new.spec.completion_mode != "Indexed":
        found.append(wrong("spec.completions", new.spec.completions, IMMUTABLE))
    return tuple(found)


def template_causes(field: str, template: core_v1.PodTemplateSpec, restart: tuple[str, ...]) -> Causes:
    """Say what is wrong with a pod template whose pods may have these restart policies."""
    found = pods.template_causes(field, template)
    spec = template.spec
    if spec is None:
        return tuple(found)
    if spec.restart_policy not in restart:
        found.append(not_supported(f"{field}.spec.restartPolicy", spec.restart_policy, restart))
    if restart == ("Always",) and spec.active_deadline_seconds is not None:
        found.append(
            forbidden(f"{field}.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported")
        )
    return tuple(found)


def _count_causes(spec: Any) -> Causes:
    return at_least_zero("spec.replicas", spec.replicas) + at_least_zero("spec.minReadySeconds", spec.min_ready_seconds)


def _selection_causes(kind: str, spec: Any) -> Causes:
    selector = spec.selector
    if selector is None:
        return (required("spec.selector"),)
    found = [*selector_causes("spec.selector", selector)]
    if not (selector.match_labels or selector.match_expressions):
        return (*found, wrong("spec.selector", selector, f"empty selector is invalid for {kind}"))
    if found or spec.template is None:
        return tuple(found)
    labels = spec.template.metadata.labels if spec.template.metadata is not None else None
    if not selectors.matches(selector, labels):
        return (wrong("spec.template.metadata.labels", labels, _MISMATCH),)
    return ()


def _strategy_causes(strategy: apps_v1.DeploymentStrategy) -> list[Cause]:
    kind, rolling = strategy.type, strategy.rolling_update
    if kind == "Recreate":
        if rolling is None:
            return []
        why = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden("spec.strategy.rollingUpdate", why)]
    if kind != "RollingUpdate":
        return [*one_of("spec.strategy", kind, ("Recreate", "RollingUpdate"))]
    at = "spec.strategy.rollingUpdate"
    if rolling is None:
        return [required(at, "this should be defaulted and never be nil")]
    found = amount_causes(f"{at}.maxUnavailable", rolling.max_unavailable, most=_ALL)
    found += amount_causes(f"{at}.maxSurge", rolling.max_surge, most=None)
    if _is_nothing(rolling.max_unavailable) and _is_nothing(rolling.max_surge):
        found.append(wrong(f"{at}.maxUnavailable", rolling.max_unavailable, "may not be 0 when `maxSurge` is 0"))
    return found


def amount_causes(field: str, amount: int | str | None, *, most: int | None) -> list[Cause]:
    """Say that something is neither a number of pods nor a part of them in percent."""
    if isinstance(amount, str):
        if not _PERCENT.fullmatch(amount):
            return [wrong(field, amount, _NO_PERCENT)]
        if len(amount) > _MOST_DIGITS + 1:
            return [wrong(field, amount, f"must have at most {_MOST_DIGITS} digits")]
        if most is not None and int(amount[:-1]) > most:
            return [wrong(field, amount, f"must not be greater than {most}%")]
        return []
    return [*at_least_zero(field, amount)]


def _is_nothing(amount: int | str | None) -> bool:
    if isinstance(amount, str):
        return _PERCENT.fullmatch(amount) is not None and not amount.strip("0%")
    return not amount
