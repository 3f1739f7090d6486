"""
Traits: what a pod asks that depends on other pods, on volumes, or on its owner; most pods ask for little of it.

Source:   core/v1 PodSpec: topologySpreadConstraints, volumes, resourceClaims, affinity.podAffinity, .podAntiAffinity.
Left out: nothing known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from reconcile.components.scheduler.cache.guises import Guise, Selector, guise_of, selector_of


class Constraint(NamedTuple):
    """
    One topology spread constraint.

    Args:
        key: the topology key.
        max_skew: how many pods more than the least a domain may have.
        hard: whether a node that would break it is refused; if not, it is scored less.
        selector: which pods are counted.
        min_domains: with fewer domains than that, the least counts as none.
        affinity: whether only nodes count that the pod's node affinity allows.
        taints: whether only nodes count whose taints the pod tolerates.
    """

    key: str
    max_skew: int
    hard: bool
    selector: Selector
    min_domains: int = 1
    affinity: bool = True
    taints: bool = False


class Mounts(NamedTuple):
    """
    Volumes that are not the pod's alone.

    Args:
        claims: keys of its claims, in order, those of ephemeral volumes among them.
        ephemeral: the keys of those that are made for it.
        disks: of volumes that refuse to be shared: what they are, and whether only to be read.
    """

    claims: tuple[str, ...] = ()
    ephemeral: tuple[str, ...] = ()
    disks: tuple[tuple[tuple[str, ...], bool], ...] = ()


NO_MOUNTS = Mounts()


class Traits(NamedTuple):
    """
    What a pod is to others and asks of them.

    Args:
        guise: what other pods see of it.
        spread: its own topology spread constraints.
        mounts: its volumes.
        priority: its own.
        claimant: its key if it has ResourceClaims, which make it like no other pod; else empty.
    """

    guise: Guise = Guise()
    spread: tuple[Constraint, ...] = ()
    mounts: Mounts = NO_MOUNTS
    priority: int = 0
    claimant: str = ""


def traits_of(pod: Any) -> Traits:
    """Give what *pod* is to others."""
    spec = pod.spec
    guise = guise_of(pod)
    constraints = spec.topology_spread_constraints
    return Traits(
        guise,
        tuple([_constraint(each, guise) for each in constraints]) if constraints else (),
        _mounts(pod) if spec.volumes else NO_MOUNTS,
        spec.priority or 0,
        f"{pod.metadata.namespace}/{pod.metadata.name}" if spec.resource_claims else "",
    )


def _constraint(each: Any, guise: Guise) -> Constraint:
    selector = selector_of(each.label_selector)
    labels = dict(guise.labels)
    keys = [key for key in each.match_label_keys or () if key in labels]
    if keys:
        own = [(key, "=", (labels[key],)) for key in keys]
        selector = tuple(sorted({*selector, *own}))
    return Constraint(
        each.topology_key,
        each.max_skew,
        each.when_unsatisfiable == "DoNotSchedule",
        selector,
        each.min_domains if each.min_domains is not None else 1,
        each.node_affinity_policy != "Ignore",
        each.node_taints_policy == "Honor",
    )


def _mounts(pod: Any) -> Mounts:
    namespace = pod.metadata.namespace or ""
    claims: list[str] = []
    ephemeral: list[str] = []
    disks: list[tuple[tuple[str, ...], bool]] = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            claims.append(f"{namespace}/{volume.persistent_volume_claim.claim_name}")
        elif volume.ephemeral is not None:
            ephemeral.append(f"{namespace}/{pod.metadata.name}-{volume.name}")
            claims.append(ephemeral[-1])
        else:
            disks += _disks(volume)
    return Mounts(tuple(claims), tuple(ephemeral), tuple(disks)) if claims or disks else NO_MOUNTS


def _disks(volume: Any) -> list[tuple[tuple[str, ...], bool]]:
    """Give what must not be had twice: an EBS volume not even to read."""
    if volume.gce_persistent_disk is not None:
        return [(("gce", volume.gce_persistent_disk.pd_name), bool(volume.gce_persistent_disk.read_only))]
    if volume.aws_elastic_block_store is not None:
        return [(("ebs", volume.aws_elastic_block_store.volume_id), False)]
    if volume.iscsi is not None:
        return [(("iscsi", volume.iscsi.iqn), bool(volume.iscsi.read_only))]
    if volume.rbd is not None:
        rbd = volume.rbd
        return [(("rbd", monitor, rbd.pool or "rbd", rbd.image), bool(rbd.read_only)) for monitor in rbd.monitors or ()]
    return []
