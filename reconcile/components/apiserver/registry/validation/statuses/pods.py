"""
The status of a pod: its addresses, its conditions, what may become of its containers.

Source:   core's ValidatePodStatusUpdate.
Left out: the users, resources and volumes of containers' statuses; resource claims' statuses.
"""

from __future__ import annotations

from typing import Any, Final

from reconcile.components.apiserver.refusals import Cause, Causes, forbidden, wrong
from reconcile.components.apiserver.registry.validation.values import address_causes, is_dual, qualified
from reconcile.model.text import names

_OWN: Final = ("PodScheduled", "Ready", "Initialized")
_COUNT: Final = "must be a non-negative integer"
_ONE_EACH: Final = "may specify no more than one IP for each IP family"
_BOUND: Final = "may not be set on pods that are already bound to a node"


def pod_causes(new: Any, old: Any) -> Causes:
    """Say what is wrong with the status of a pod."""
    status, before, found = new.status, old.status, list[Cause]()
    for place, condition in enumerate(status.conditions or ()):
        here = f"status.conditions[{place}]"
        if (condition.observed_generation or 0) < 0:
            found.append(wrong(f"{here}.observedGeneration", condition.observed_generation, _COUNT))
        found += [] if condition.type in _OWN else qualified(f"{here}.Type", condition.type)
    nominated = status.nominated_node_name or ""
    if nominated and nominated != (before.nominated_node_name or ""):
        at = "status.nominatedNodeName"
        found += [wrong(at, nominated, fault) for fault in names.subdomain_faults(nominated)]
        found += [forbidden(at, _BOUND)] if old.spec.node_name else []
    if (status.observed_generation or 0) < 0:
        found.append(wrong("status.observedGeneration", status.observed_generation, _COUNT))
    if status.qos_class != before.qos_class:
        found.append(wrong("status.qosClass", status.qos_class, "field is immutable"))
    found += _transitions("containerStatuses", status.container_statuses, before.container_statuses, old.spec)
    found += _transitions(
        "initContainerStatuses", status.init_container_statuses, before.init_container_statuses, old.spec
    )
    found += _transitions(
        "ephemeralContainerStatuses", status.ephemeral_container_statuses, before.ephemeral_container_statuses, None
    )
    return (*found, *_addresses_causes(status, before))


def _transitions(name: str, new: Any, old: Any, spec: Any) -> list[Cause]:
    """Say which containers come back that ended for good; none of them may if no *spec* says when."""
    found = []
    now = {each.name: each.state for each in reversed(new or ())}
    for place, was in enumerate(old or ()):
        ended = was.state.terminated if was.state is not None else None
        if ended is None or was.name not in now:
            continue
        state = now[was.name]
        ends = state is not None and state.terminated is not None
        if not ends and not (spec is not None and _restarts(spec, name, was.name, ended.exit_code)):
            at = f"status.{name}[{place}].state"
            found.append(forbidden(at, "may not be transitioned to non-terminated state"))
    return found


def _restarts(spec: Any, kind: str, name: str, code: int) -> bool:
    """Tell whether a container that ended with *code* starts again."""
    containers = (spec.init_containers if kind == "initContainerStatuses" else spec.containers) or ()
    container = next((each for each in containers if each.name == name), None)
    if container is None:
        return False
    for rule in container.restart_policy_rules or ():
        codes = rule.exit_codes
        if codes is not None and ((code in (codes.values or ())) == (codes.operator == "In")):
            return bool(rule.action in ("Restart", "RestartAllContainers"))
    policy = container.restart_policy or spec.restart_policy
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _addresses_causes(status: Any, before: Any) -> list[Cause]:
    found: list[Cause] = []
    for name, attribute in (("podIPs", "pod_ips"), ("hostIPs", "host_ips")):
        at, given = f"status.{name}", getattr(status, attribute) or ()
        known = tuple([each.ip for each in getattr(before, attribute) or ()])
        if name == "hostIPs" and given and given[0].ip != status.host_ip:
            found.append(wrong(f"{at}[0].ip", given[0].ip, "must be equal to `hostIP`"))
        for place, each in enumerate(given):
            found += address_causes(f"{at}[{place}]", each.ip, known)
        if len(given) > 1 and (len(given) > 2 or not is_dual(tuple([each.ip for each in given]))):  # noqa: PLR2004 -- two families
            found.append(wrong(at, given, _ONE_EACH))
    return found
