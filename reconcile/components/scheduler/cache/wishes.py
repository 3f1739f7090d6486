"""
Wishes: what a pod's specification says of the nodes themselves, whatever runs there.

Two pods with equal wishes are refused by the same nodes, and prefer the same ones. Everything here is plain text and
numbers, so that wishes can be compared, sorted and looked up.

Source:   core/v1 PodSpec: nodeSelector, affinity.nodeAffinity, tolerations, containers' images.
Left out: see docs/limits.md, "Scheduler".
"""

from __future__ import annotations

from typing import Any, NamedTuple

Requirement = tuple[str, str, tuple[str, ...]]
"""Key, operator, values."""
Term = tuple[tuple[Requirement, ...], tuple[Requirement, ...]]
"""Requirements of labels, requirements of fields; an empty term is fulfilled by nothing."""
Toleration = tuple[str, str, str, str]
"""Key, operator, value, effect."""


class Wishes(NamedTuple):
    """
    What a pod asks of nodes: a tuple, for the reason that `Demand` is one.

    Args:
        selector: labels that a node must have.
        affine: whether node affinity is required; a node must then fulfil one of *required*.
        required: terms.
        preferred: weights and terms.
        tolerations: which taints do not matter.
        images: one for each container, with its tag.
        enforced: terms of which a node must fulfil one whatever the pod says; () for none, else in one tuple.
        features: what the node's kubelet has to declare, sorted.
    """

    selector: tuple[tuple[str, str], ...] = ()
    affine: bool = False
    required: tuple[Term, ...] = ()
    preferred: tuple[tuple[int, Term], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    images: tuple[str, ...] = ()
    enforced: tuple[tuple[Term, ...], ...] = ()
    features: tuple[str, ...] = ()


def wishes_of(pod: Any) -> Wishes:
    """Give what *pod* asks of nodes."""
    spec = pod.spec
    required: tuple[Term, ...] = ()
    preferred: tuple[tuple[int, Term], ...] = ()
    affine = False
    affinity = spec.affinity.node_affinity if spec.affinity is not None else None
    if affinity is not None:
        selector = affinity.required_during_scheduling_ignored_during_execution
        if selector is not None:
            affine, required = True, tuple([term_of(term) for term in selector.node_selector_terms])
        preferred = tuple(
            [
                (term.weight, term_of(term.preference))
                for term in affinity.preferred_during_scheduling_ignored_during_execution or ()
            ]
        )
    tolerations: tuple[Toleration, ...] = ()
    if spec.tolerations:
        tolerations = tuple(
            [
                (each.key or "", each.operator or "Equal", each.value or "", each.effect or "")
                for each in spec.tolerations
            ]
        )
    containers = (*(spec.init_containers or ()), *spec.containers) if spec.init_containers else spec.containers
    return Wishes(
        tuple(spec.node_selector.items()) if spec.node_selector else (),
        affine,
        required,
        preferred,
        tolerations,
        tuple([tagged(container.image or "") for container in containers]),
        features=needed(spec, containers),
    )


def needed(spec: Any, containers: Any) -> tuple[str, ...]:
    """Give the features that a node's kubelet has to declare for a pod, sorted."""
    found: tuple[str, ...] = ()
    for container in containers:
        if container.restart_policy_rules and any(
            rule.action == "RestartAllContainers" for rule in container.restart_policy_rules
        ):
            found = ("RestartAllContainersOnContainerExits",)
    if spec.host_network and spec.host_users is False:
        found = (*found, "UserNamespacesHostNetworkSupport")
    return found


def tagged(image: str) -> str:
    """Give an image's name with a tag: `latest` if it has none, nor a digest."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"


def pinned(wishes: Wishes) -> tuple[str, ...] | None:
    """
    Give the names of the only nodes that required node affinity leaves, if it says them by name; else None.

    Pods of a DaemonSet are so: looking at one node, not at all, is what makes thousands of them cheap.
    """
    if not wishes.required:
        return None
    left: list[str] = []
    for _, fields in wishes.required:
        sets = [values for key, operator, values in fields if key == "metadata.name" and operator == "In"]
        if not sets:
            return None
        left += [name for name in sets[0] if all(name in others for others in sets[1:])]
    return tuple(sorted({*left}))


def term_of(term: Any) -> Term:
    """Give a node selector term as plain values."""
    return requirements_of(term.match_expressions), requirements_of(term.match_fields)


def requirements_of(found: Any) -> tuple[Requirement, ...]:
    """Give requirements as plain values."""
    return tuple([(each.key, each.operator, each.values or ()) for each in found or ()])
